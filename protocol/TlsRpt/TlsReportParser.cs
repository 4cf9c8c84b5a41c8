using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace StsFunctions.Protocol.TlsRpt;

/// <summary>Builds a report from JSON tokens as they arrive (RFC 8460 §4.4).</summary>
/// <remarks>
/// It reads the facts: sender, time, domain, number of sessions. A tolerance for a sender's mistake is a
/// <see cref="Deviation"/>, noted where it is applied.
/// </remarks>
internal sealed class TlsReportParser(TlsReportLimits limits, ReportEnvelope envelope)
{
    /// <summary>RFC 7493 §2.2 (I-JSON): some parsers cannot represent larger integers.</summary>
    public const long MaxCount = (1L << 53) - 1;

    // Enough for a type, a host name, an address, or a readable free text.
    private const int MaxDetailText = 1_024;

    // About the size of an item of a list without its text.
    private const int ItemOverhead = 40;

    private readonly ReportFileName? _fileName = ReportFileName.Read(envelope.FileName);
    private readonly StringInterner _strings = new();
    private readonly ReportNotes _notes = new();

    // The values of the current report, policy and detail. A date is held as its UTC ticks.
    private readonly Given[] _given = new Given[ReportMember.Count];
    private readonly string?[] _texts = new string?[ReportMember.Count];
    private readonly long?[] _numbers = new long?[ReportMember.Count];

    // Senders write the members of each object in the same order: this is the order of the one before.
    private readonly ReportMember?[] _after = new ReportMember?[ReportMember.Count];

    private readonly ImmutableArray<ReportedPolicy>.Builder _policies = ImmutableArray.CreateBuilder<ReportedPolicy>();
    private readonly ImmutableArray<string>.Builder _policyString = ImmutableArray.CreateBuilder<string>();
    private readonly ImmutableArray<string>.Builder _mxHost = ImmutableArray.CreateBuilder<string>();
    private readonly FailureAggregator _details = new(limits.MaxFailureKinds);
    private readonly LazyUtf8String _information = new(MaxDetailText);

    private JsonReaderState _state = new(new JsonReaderOptions { MaxDepth = limits.MaxDepth });
    private long _taken;
    private long _tokenAt;
    private long _held;
    private Place _place = Place.Outside;
    private ReportMember? _member;
    private ReportMember? _previous;
    private Given _spelling;
    private int? _ignoredDepth;
    private bool _onePolicy;
    private bool _oneDetail;
    private bool _hasPolicies;
    private bool _endIsDay;
    private TlsReport? _report;

    /// <summary>Whether a member is in the current object, and its spelling.</summary>
    private enum Given : byte
    {
        No,
        AsNull,
        InOtherSpelling,
        AsNamed,
    }

    /// <summary>Consumes the complete tokens, and returns their number of bytes.</summary>
    /// <param name="utf8">The bytes that were not consumed before, and those that have arrived since.</param>
    /// <param name="ended">Whether these are the last bytes.</param>
    public int Take(ReadOnlySpan<byte> utf8, bool ended)
    {
        var skipped = _taken == 0 ? SkipByteOrderMark(utf8) : 0;
        if (_report is null)
        {
            skipped += TakeTokens(utf8[skipped..], ended);
        }

        return _report is null ? skipped : skipped + TakeTrailing(utf8[skipped..]);
    }

    /// <summary>The report, once everything is consumed: the JSON reader ends only after a complete root, which must be an object.</summary>
    public TlsReport Finish() => _report! with { Notes = _notes.All() };

    /// <summary>An exception for a report.</summary>
    public static ProtocolException Refused(string problem, long offset, Exception? cause = null) =>
        new(problem, "RFC 8460 §4.4", offset: offset, cause: cause);

    private int SkipByteOrderMark(ReadOnlySpan<byte> utf8)
    {
        if (!utf8.StartsWith("\uFEFF"u8))
        {
            return 0;
        }

        Note(Deviation.ByteOrderMark, "the beginning");
        _taken = 3;
        return 3;
    }

    private int TakeTokens(ReadOnlySpan<byte> utf8, bool ended)
    {
        var reader = new Utf8JsonReader(utf8, ended, _state);
        try
        {
            while (_report is null && reader.Read())
            {
                _tokenAt = _taken + reader.TokenStartIndex;
                TakeToken(ref reader);
            }
        }
        catch (JsonException cause)
        {
            // The reader's message may repeat the whole report.
            throw Refused($"The report is not one complete JSON object: {ProtocolException.Quote(cause.Message)}.", _taken + reader.BytesConsumed, cause);
        }

        _state = reader.CurrentState;
        _taken += reader.BytesConsumed;
        return (int)reader.BytesConsumed;
    }

    private int TakeTrailing(ReadOnlySpan<byte> utf8)
    {
        var rest = utf8.TrimStart(" \t\r\n"u8);
        if (!rest.IsEmpty)
        {
            // Refuse, rather than lose what could be a second report.
            if (rest[0] == (byte)'{' && !_notes.Has(Deviation.TrailingBytes))
            {
                throw Refused("A second JSON object follows the report: send each report by itself.", _taken + (utf8.Length - rest.Length));
            }

            Note(Deviation.TrailingBytes, "after the report", Encoding.Latin1.GetString(rest[..Math.Min(rest.Length, 20)]));
        }

        _taken += utf8.Length;
        return utf8.Length;
    }

    private void TakeToken(ref Utf8JsonReader reader)
    {
        if (reader.ValueSpan.Length > limits.MaxStringLength)
        {
            throw Refused($"A text of {reader.ValueSpan.Length} bytes is longer than the {limits.MaxStringLength} allowed.", _tokenAt);
        }

        if (_ignoredDepth is { } depth)
        {
            _ignoredDepth = reader.TokenType is JsonTokenType.EndObject or JsonTokenType.EndArray && reader.CurrentDepth == depth ? null : depth;
            return;
        }

        switch (reader.TokenType)
        {
            case JsonTokenType.PropertyName:
                TakeName(ref reader);
                break;
            case JsonTokenType.StartObject or JsonTokenType.StartArray:
                Enter(ref reader);
                break;
            case JsonTokenType.EndObject or JsonTokenType.EndArray:
                Leave();
                break;
            case var _ when _place is Place.PolicyString or Place.MxHost:
                TakeListItem(ref reader);
                break;
            case var _ when _place is Place.Outside or Place.Policies or Place.FailureDetails:
                throw Refused($"{Path(_place)} holds {Describe(reader.TokenType)} where an object is expected.", _tokenAt);
            case var _ when _member is not null:
                TakeValue(_member, ref reader);
                break;
        }
    }

    private void TakeName(ref Utf8JsonReader reader)
    {
        _member = FindMember(ref reader, out var deviation);
        if (_member is null)
        {
            return;
        }

        if (deviation is not null)
        {
            Note(deviation, _member, Latin1(reader.ValueSpan));
        }

        _spelling = deviation is null ? Given.AsNamed : Given.InOtherSpelling;
        if (_given[_member.Index] < Given.InOtherSpelling)
        {
            return;
        }

        // RFC 7493 §2.3 (I-JSON): a name occurs once, or two parsers read two different reports.
        Note(Deviation.DuplicateKey, _member);
        if (_spelling > _given[_member.Index] && _member.Shape is not (Shape.Object or Shape.Array))
        {
            (_texts[_member.Index], _numbers[_member.Index]) = (null, null);
            ListOf(_member)?.Clear();
        }
        else
        {
            _member = null;
        }
    }

    private void Enter(ref Utf8JsonReader reader)
    {
        var isObject = reader.TokenType == JsonTokenType.StartObject;
        var inside = (_place, isObject) switch
        {
            (Place.Outside, true) => Place.Report,
            (Place.Policies, true) => Place.PolicyEntry,
            (Place.FailureDetails, true) => Place.FailureDetail,
            (Place.Outside or Place.Policies or Place.FailureDetails, false) =>
                throw Refused($"{Path(_place)} holds an array where an object is expected.", _tokenAt),
            (Place.PolicyString or Place.MxHost, _) => Ignored(Path(_place), reader.TokenType),
            _ when _member is null => Place.Outside,
            _ => Inside(_member, isObject, reader.TokenType),
        };
        if (inside == Place.Outside)
        {
            _ignoredDepth = reader.CurrentDepth;
            return;
        }

        if (_member is not null && _place is not (Place.Policies or Place.FailureDetails))
        {
            _given[_member.Index] = _spelling;
        }

        _place = inside;
        _previous = null;
        switch (inside)
        {
            case Place.Policies:
                _hasPolicies = true;
                break;
            case Place.PolicyEntry when _policies.Count == limits.MaxPolicies:
                throw Refused($"The report has more than the {limits.MaxPolicies} policies allowed: split it, or raise the limit.", _tokenAt);
            case Place.PolicyEntry:
                _hasPolicies = true;
                Forget(Place.PolicyEntry, Place.Policy, Place.Summary);
                break;
            case Place.FailureDetail:
                Forget(Place.FailureDetail);
                break;
        }
    }

    private Place Inside(ReportMember member, bool isObject, JsonTokenType found)
    {
        switch (member.Shape, isObject)
        {
            case (Shape.Object, true) or (Shape.Array or Shape.List, false):
                return member.Inside;
            case (Shape.Array, true):
                return OneObject(member);
            case (Shape.Text or Shape.List, _):
                return Ignored(Path(member), found);
            default:
                throw WrongShape(member, found);
        }
    }

    private Place OneObject(ReportMember member)
    {
        Note(Deviation.ObjectForArray, member);
        if (member == ReportMember.Policies)
        {
            _onePolicy = true;
            return Place.PolicyEntry;
        }

        _oneDetail = true;
        return Place.FailureDetail;
    }

    private Place Ignored(string where, JsonTokenType found)
    {
        Note(Deviation.ValueIgnored, where, Describe(found));
        return Place.Outside;
    }

    private void Leave()
    {
        var left = _place;
        _place = Around(left);
        _previous = null;
        switch (left)
        {
            case Place.FailureDetail:
                _details.Add(MakeDetail(), _information, limits.MaxHeldBytes - _held - _details.Held);
                _place = TakeFlag(ref _oneDetail) ? Place.PolicyEntry : _place;
                break;
            case Place.PolicyEntry:
                _policies.Add(MakePolicy());
                _place = TakeFlag(ref _onePolicy) ? Place.Report : _place;
                break;
            case Place.Report:
                _report = MakeReport();
                break;
        }

        _member = null;
    }

    private static bool TakeFlag(ref bool flag)
    {
        var was = flag;
        flag = false;
        return was;
    }

    private void TakeValue(ReportMember member, ref Utf8JsonReader reader)
    {
        if (reader.TokenType == JsonTokenType.Null)
        {
            TakeNull(member);
            return;
        }

        switch (member.Shape, reader.TokenType)
        {
            case (Shape.Text, JsonTokenType.String) when member == ReportMember.AdditionalInformation && _information.TryTake(ref reader):
                _texts[member.Index] = LazyUtf8String.Mark;
                break;
            case (Shape.Text, JsonTokenType.String):
                _texts[member.Index] = Bounded(member, Text(ref reader));
                break;
            case (Shape.Text, JsonTokenType.Number):
                _texts[member.Index] = NumberForText(member, ref reader);
                break;
            case (Shape.Text, _):
                Ignored(Path(member), reader.TokenType);
                return;
            case (Shape.Count, JsonTokenType.Number):
                _numbers[member.Index] = Count(member, ref reader);
                break;
            case (Shape.Count, JsonTokenType.String):
                _numbers[member.Index] = CountAsString(member, ref reader);
                break;
            case (Shape.Date, JsonTokenType.String):
                _numbers[member.Index] = Date(member, Text(ref reader));
                break;
            case (Shape.Date, JsonTokenType.Number):
                _numbers[member.Index] = Date(member, Latin1(reader.ValueSpan));
                break;
            case (Shape.List, JsonTokenType.String):
                Note(Deviation.StringForList, member);
                Keep(ListOf(member)!, member.Inside, Text(ref reader));
                break;
            case (Shape.List, _):
                Ignored(Path(member), reader.TokenType);
                return;
            default:
                throw WrongShape(member, reader.TokenType);
        }

        _given[member.Index] = _spelling;
    }

    private void TakeNull(ReportMember member)
    {
        Note(Deviation.NullMember, member);
        _hasPolicies |= member == ReportMember.Policies;
        if (_given[member.Index] == Given.No)
        {
            _given[member.Index] = Given.AsNull;
        }
    }

    private string NumberForText(ReportMember member, ref Utf8JsonReader reader)
    {
        var digits = Latin1(reader.ValueSpan);
        Note(Deviation.NumberForText, member, digits);
        return digits;
    }

    private long Count(ReportMember member, ref Utf8JsonReader reader)
    {
        if (reader.TryGetInt64(out var count) && count is >= 0 and <= MaxCount)
        {
            return count;
        }

        return CountAsFraction(member, ref reader) ?? throw NotACount(member);
    }

    private long? CountAsFraction(ReportMember member, ref Utf8JsonReader reader)
    {
        if (!reader.ValueSpan.ContainsAny(".eE"u8) || !reader.TryGetDouble(out var count) || count is not (>= 0 and <= MaxCount) || double.Truncate(count) != count)
        {
            return null;
        }

        Note(Deviation.CountAsFraction, member, Latin1(reader.ValueSpan));
        return (long)count;
    }

    private long CountAsString(ReportMember member, ref Utf8JsonReader reader)
    {
        var text = Text(ref reader);
        Note(Deviation.CountAsString, member, text);
        return long.TryParse(text, NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture, out var count) && count <= MaxCount
            ? count
            : throw NotACount(member);
    }

    private ProtocolException NotACount(ReportMember member) => Refused($"{Path(member)} is not a count: write an integer from 0 to {MaxCount}.", _tokenAt);

    private long Date(ReportMember member, string text)
    {
        if (!ReportDate.TryRead(text, out var utc, out var deviation))
        {
            throw Refused($"{Path(member)} is {ProtocolException.Quote(text)}: write a date-time with its zone, such as 2026-01-31T00:00:00Z (RFC 3339 §5.6).", _tokenAt);
        }

        if (deviation is not null)
        {
            Note(deviation, member, text);
        }

        _endIsDay |= member == ReportMember.EndDatetime && deviation == Deviation.DateOnly;
        return utc.Ticks;
    }

    private string Bounded(ReportMember member, string text)
    {
        if (text.Length <= MaxDetailText || member.Owner == Place.Report || member == ReportMember.PolicyDomain)
        {
            return text;
        }

        Note(Deviation.TextCut, member, text);
        return text[..(char.IsHighSurrogate(text[MaxDetailText - 1]) ? MaxDetailText - 1 : MaxDetailText)];
    }

    private void TakeListItem(ref Utf8JsonReader reader)
    {
        if (reader.TokenType == JsonTokenType.String)
        {
            Keep(_place == Place.PolicyString ? _policyString : _mxHost, _place, Text(ref reader));
        }
        else if (reader.TokenType == JsonTokenType.Null)
        {
            Note(Deviation.NullMember, Path(_place));
        }
        else
        {
            Ignored(Path(_place), reader.TokenType);
        }
    }

    private void Keep(ImmutableArray<string>.Builder list, Place place, string text)
    {
        var size = SizeOf(text);
        if (list.Count == limits.MaxListItems || _held + _details.Held + size > limits.MaxHeldBytes)
        {
            Note(Deviation.ListCut, Path(place));
            return;
        }

        _held += size;
        list.Add(text);
    }

    private static long SizeOf(string text) => ItemOverhead + (sizeof(char) * (long)text.Length);

    private ImmutableArray<string>.Builder? ListOf(ReportMember member) =>
        member == ReportMember.PolicyString ? _policyString : member == ReportMember.MxHost ? _mxHost : null;

    private TlsReport MakeReport()
    {
        if (!_hasPolicies)
        {
            throw new ProtocolException($"{Path(ReportMember.Policies)} is missing.", TlsReportReader.NoReportRule, offset: _tokenAt);
        }

        if (_policies.Count == 0)
        {
            Note(Deviation.PoliciesEmpty, ReportMember.Policies);
            AddPolicyOfNothing();
        }

        var (start, end) = MakeRange();
        var organization = Organization();
        if (_texts[ReportMember.ContactInfo.Index] is null)
        {
            NoteMissing(Deviation.ContactInfoMissing, ReportMember.ContactInfo);
        }

        return new TlsReport
        {
            OrganizationName = organization,
            Start = start,
            End = end,
            ContactInfo = _texts[ReportMember.ContactInfo.Index],
            ReportId = ReportId(),
            Policies = _policies.DrainToImmutable(),
        };
    }

    private (DateTimeOffset Start, DateTimeOffset End) MakeRange()
    {
        var start = Time(ReportMember.StartDatetime);
        var end = Time(ReportMember.EndDatetime);
        if (_fileName is not null && (start is null || end is null))
        {
            Note(Deviation.RangeByFileName, start is null ? ReportMember.StartDatetime : ReportMember.EndDatetime, envelope.FileName!);
            (start, end) = (start ?? _fileName.Begin, end ?? _fileName.End);
        }

        if (start is not { } first)
        {
            throw Missing(ReportMember.StartDatetime);
        }

        if (end is not { } last)
        {
            NoteMissing(Deviation.EndMissing, ReportMember.EndDatetime);
            return (first, LastSecondOfADay(first));
        }

        if (_endIsDay && last == new DateTimeOffset(first.Date, TimeSpan.Zero))
        {
            return (first, LastSecondOfADay(last));
        }

        if (first.TimeOfDay == TimeSpan.Zero && last.TimeOfDay == TimeSpan.Zero && last > first)
        {
            Note(Deviation.EndAtNextMidnight, ReportMember.EndDatetime, last.ToString("u", CultureInfo.InvariantCulture));
        }

        return last >= first ? (first, last) : throw Refused("The date-range ends before it starts.", _tokenAt);
    }

    private DateTimeOffset? Time(ReportMember member) => _numbers[member.Index] is { } ticks ? new DateTimeOffset(ticks, TimeSpan.Zero) : null;

    private static DateTimeOffset LastSecondOfADay(DateTimeOffset start)
    {
        var length = TimeSpan.FromDays(1) - TimeSpan.FromSeconds(1);
        return start <= DateTimeOffset.MaxValue - length ? start + length : DateTimeOffset.MaxValue;
    }

    private string? Organization()
    {
        var member = ReportMember.OrganizationName;
        if (_texts[member.Index] is { } name && !string.IsNullOrWhiteSpace(name))
        {
            return name;
        }

        // A header may be as long as its mail.
        if (envelope.Submitter?.Trim() is { Length: > 0 and <= MaxDetailText } submitter)
        {
            Note(Deviation.SubmitterByHeader, member, submitter);
            return submitter;
        }

        if (_fileName is { Sender.Length: > 0 })
        {
            Note(Deviation.SubmitterByFileName, member, envelope.FileName!);
            return _fileName.Sender;
        }

        NoteMissing(Deviation.OrganizationNameMissing, member);
        return _texts[member.Index];
    }

    private string ReportId()
    {
        var member = ReportMember.ReportId;
        if (_texts[member.Index] is { } id && !string.IsNullOrWhiteSpace(id))
        {
            return id;
        }

        if (_fileName?.UniqueId is { } unique)
        {
            Note(Deviation.ReportIdByFileName, member, envelope.FileName!);
            return unique;
        }

        NoteMissing(Deviation.ReportIdMissing, member);
        return _texts[member.Index] ?? "";
    }

    private ReportedPolicy MakePolicy()
    {
        var domain = Domain();
        var type = PolicyType();
        ReadLists(type);
        var (successful, failed) = Totals();
        if (_details.IsMerged)
        {
            Note(Deviation.FailuresSummed, ReportMember.FailureDetails, $"{_details.Count} details");
        }

        var details = _details.ToDetails();
        var policy = new ReportedPolicy
        {
            PolicyType = type,
            PolicyString = _policyString.DrainToImmutable(),
            PolicyDomain = domain,
            MxHosts = _mxHost.DrainToImmutable(),
            SuccessfulSessions = successful,
            FailedSessions = failed,
            FailureDetails = details,
            UnlistedFailures = _details.UnlistedSessions,
        };
        _held += _details.Held;
        _details.Clear();
        return policy;
    }

    private DomainName Domain()
    {
        var member = ReportMember.PolicyDomain;
        if (_texts[member.Index] is not { } text || PlaceholderValues.Contains(text))
        {
            return DomainByEnvelope();
        }

        var trimmed = text.Trim();
        if (trimmed.Length < text.Length)
        {
            Note(Deviation.DomainWithSpace, member, text);
        }

        return DomainName.Read(trimmed, out var fault) ?? throw Refused($"{Path(member)}: {fault.Problem}", _tokenAt);
    }

    // A sender that had nothing to report: only the envelope may name the domain.
    private void AddPolicyOfNothing()
    {
        if (FindDomainByEnvelope() is { } domain)
        {
            _policies.Add(new ReportedPolicy { PolicyType = "", PolicyDomain = domain, SuccessfulSessions = 0, FailedSessions = 0 });
        }
    }

    private DomainName DomainByEnvelope() => FindDomainByEnvelope() ?? throw new ProtocolException(
        $"{Path(ReportMember.PolicyDomain)} is missing, and neither the file name nor TLS-Report-Domain names it.", TlsReportReader.UnattributedRule, offset: _tokenAt);

    // The parts of the envelope must not contradict each other.
    private DomainName? FindDomainByEnvelope()
    {
        var member = ReportMember.PolicyDomain;
        var byHeader = DomainName.TryParse(envelope.Domain?.Trim(), out var header) ? header : null;
        var byFile = DomainName.TryParse(_fileName?.PolicyDomain, out var file) ? file : null;
        if ((byHeader ?? byFile) is not { } domain || (byFile ?? domain) != domain)
        {
            return null;
        }

        if (byHeader is not null)
        {
            Note(Deviation.DomainByHeader, member, domain.Value);
        }
        else
        {
            Note(Deviation.DomainByFileName, member, domain.Value);
        }

        return domain;
    }

    private string PolicyType()
    {
        var member = ReportMember.PolicyType;
        if (_texts[member.Index] is not { Length: > 0 } type)
        {
            NoteMissing(Deviation.PolicyTypeMissing, member);
            return "";
        }

        if (!PolicyTypes.IsKnown(type))
        {
            Note(Deviation.UnknownPolicyType, member, type);
        }

        return type;
    }

    private void ReadLists(string type)
    {
        UnpackList(ReportMember.PolicyString, _policyString);
        UnpackList(ReportMember.MxHost, _mxHost);
        if (_policyString.Count == 0 && type is PolicyTypes.Sts or PolicyTypes.Tlsa)
        {
            NoteMissing(Deviation.PolicyStringMissing, ReportMember.PolicyString);
        }

        if (_mxHost.Count == 0 && type == PolicyTypes.Sts)
        {
            NoteMissing(Deviation.MxHostMissing, ReportMember.MxHost);
        }

        for (var i = 0; i < _mxHost.Count; i++)
        {
            _mxHost[i] = WithoutMxPrefix(_mxHost[i]);
        }
    }

    private void UnpackList(ReportMember member, ImmutableArray<string>.Builder list)
    {
        while (list.Count == 1 && NestedJsonArray.Read(list[0], limits.MaxListItems) is { } items)
        {
            Note(Deviation.ListInString, member, list[0]);
            _held -= SizeOf(list[0]);
            list.Clear();
            foreach (var item in items)
            {
                // Each takes more memory than its text.
                Keep(list, member.Inside, item);
            }
        }
    }

    private string WithoutMxPrefix(string pattern)
    {
        var bare = pattern.AsSpan();
        while (bare.StartsWith("mx:", StringComparison.OrdinalIgnoreCase))
        {
            bare = bare[3..].TrimStart();
        }

        if (bare.Length == pattern.Length)
        {
            return pattern;
        }

        Note(Deviation.MxPrefix, ReportMember.MxHost, pattern);
        return bare.ToString();
    }

    private (long Successful, long Failed) Totals()
    {
        if (_numbers[ReportMember.TotalSuccessful.Index] is not { } successful)
        {
            successful = 0;
            Note(Deviation.TotalMissing, ReportMember.TotalSuccessful);
        }

        if (_numbers[ReportMember.TotalFailure.Index] is not { } failed)
        {
            failed = _details.Sessions;
            Note(Deviation.TotalMissing, ReportMember.TotalFailure);
        }

        // Details are optional; if there are any, they should add up.
        if (_details.Count > 0 && _details.Sessions != failed)
        {
            Note(Deviation.SumDiffers, ReportMember.FailureDetails, $"{_details.Sessions} in details, {failed} in all");
        }

        return (successful, failed);
    }

    private ParsedFailure MakeDetail()
    {
        if (_numbers[ReportMember.FailedSessionCount.Index] is not { } sessions)
        {
            sessions = 1;
            Note(Deviation.DetailCountMissing, ReportMember.FailedSessionCount);
        }

        _information.Settle(_texts[ReportMember.AdditionalInformation.Index]);
        var detail = new ParsedFailure(
            ResultType(),
            Known(ReportMember.SendingMtaIp),
            Known(ReportMember.ReceivingMxHostname),
            Known(ReportMember.ReceivingMxHelo),
            Known(ReportMember.ReceivingIp),
            sessions,
            _texts[ReportMember.FailureReasonCode.Index]);
        if (detail.SendingMtaIp is null && detail.ReceivingIp is null)
        {
            Note(Deviation.NoAddress, Place.FailureDetail, detail.ResultType);
        }

        return detail;
    }

    private string ResultType()
    {
        var member = ReportMember.ResultType;
        if (_texts[member.Index] is not { Length: > 0 } type)
        {
            NoteMissing(Deviation.ResultTypeMissing, member);
            return "";
        }

        if (!ResultTypes.IsRegistered(type))
        {
            Note(Deviation.UnknownResultType, member, type);
        }

        return type;
    }

    private string? Known(ReportMember member)
    {
        if (_texts[member.Index] is not { } text || !PlaceholderValues.Contains(text))
        {
            return _texts[member.Index];
        }

        Note(Deviation.Placeholder, member, text);
        return null;
    }

    private void Forget(params ReadOnlySpan<Place> owners)
    {
        foreach (var owner in owners)
        {
            var (first, count) = ReportMember.IndexesOf(owner);
            _given.AsSpan(first, count).Clear();
            _texts.AsSpan(first, count).Clear();
            _numbers.AsSpan(first, count).Clear();
        }
    }

    private ReportMember? FindMember(ref Utf8JsonReader reader, out Deviation? deviation)
    {
        try
        {
            deviation = null;
            var previous = _previous;
            _previous = previous is not null && _after[previous.Index] is { } next && next.Owner == _place && next.IsNamed(ref reader)
                ? next
                : ReportMember.Find(_place, ref reader, out deviation);
            if (previous is not null && deviation is null)
            {
                _after[previous.Index] = _previous;
            }

            return _previous;
        }
        catch (InvalidOperationException cause)
        {
            throw NotUnicode(cause);
        }
    }

    private string Text(ref Utf8JsonReader reader)
    {
        try
        {
            return _strings.Take(ref reader);
        }
        catch (InvalidOperationException cause)
        {
            throw NotUnicode(cause);
        }
    }

    private static string Latin1(ReadOnlySpan<byte> bytes) => Encoding.Latin1.GetString(bytes);

    // Missing, and not null, which is noted separately.
    private void NoteMissing(Deviation deviation, ReportMember member)
    {
        if (_given[member.Index] != Given.AsNull)
        {
            Note(deviation, member);
        }
    }

    private void Note(Deviation deviation, ReportMember member, string what = "")
    {
        if (_notes.IsFirst(deviation))
        {
            _notes.Add(new ReportNote(deviation, Path(member), Describe(what)));
        }
    }

    private void Note(Deviation deviation, Place place, string what = "")
    {
        if (_notes.IsFirst(deviation))
        {
            _notes.Add(new ReportNote(deviation, Path(place), Describe(what)));
        }
    }

    private void Note(Deviation deviation, string where, string what = "")
    {
        if (_notes.IsFirst(deviation))
        {
            _notes.Add(new ReportNote(deviation, where, Describe(what)));
        }
    }

    private static string Describe(string what) => what.Length == 0 ? "" : ProtocolException.Quote(what);

    // RFC 7493 §2.1 (I-JSON): UTF-8, and no half of a surrogate pair by escape.
    private ProtocolException NotUnicode(Exception cause) => Refused("A text is not valid Unicode (RFC 7493 §2.1).", _tokenAt, cause);

    private ProtocolException Missing(ReportMember member) => Refused($"{Path(member)} is missing.", _tokenAt);

    private ProtocolException WrongShape(ReportMember member, JsonTokenType found) =>
        Refused($"{Path(member)} is {Describe(found)} where {Describe(member.Shape)} is expected.", _tokenAt);

    private string Path(ReportMember member) => member.Owner == Place.Report ? member.Name : $"{Path(member.Owner)}.{member.Name}";

    private string Path(Place place) => place switch
    {
        Place.Outside or Place.Report => "The report",
        Place.DateRange => "date-range",
        Place.Policies => "policies",
        Place.PolicyEntry => $"policies[{_policies.Count}]",
        Place.Policy => $"{Path(Place.PolicyEntry)}.policy",
        Place.PolicyString => $"{Path(Place.Policy)}.policy-string",
        Place.MxHost => $"{Path(Place.Policy)}.mx-host",
        Place.Summary => $"{Path(Place.PolicyEntry)}.summary",
        Place.FailureDetails => $"{Path(Place.PolicyEntry)}.failure-details",
        _ => $"{Path(Place.FailureDetails)}[{_details.Count}]",
    };

    private static Place Around(Place place) => place switch
    {
        Place.DateRange or Place.Policies => Place.Report,
        Place.PolicyEntry => Place.Policies,
        Place.Policy or Place.Summary or Place.FailureDetails => Place.PolicyEntry,
        Place.PolicyString or Place.MxHost => Place.Policy,
        Place.FailureDetail => Place.FailureDetails,
        _ => Place.Outside,
    };

    private static string Describe(JsonTokenType token) => token switch
    {
        JsonTokenType.StartObject => "an object",
        JsonTokenType.StartArray => "an array",
        JsonTokenType.String => "a string",
        JsonTokenType.Number => "a number",
        JsonTokenType.Null => "null",
        _ => "true or false",
    };

    private static string Describe(Shape shape) => shape switch
    {
        Shape.Text => "a string",
        Shape.Date => "a date-time in a string",
        Shape.Count => "an integer",
        Shape.Object => "an object",
        _ => "an array",
    };
}
