using System.Collections.Immutable;
using System.Text.Json;

namespace StsFunctions.Protocol.TlsRpt;

/// <summary>Makes a report out of JSON tokens, as many at a time as have arrived (RFC 8460 §4.4).</summary>
/// <remarks>
/// The reading is strict. A tolerance for a sender's mistake belongs into <see cref="TakeValue"/>: a case of its own
/// which calls a method named after the mistake.
/// </remarks>
internal sealed class TlsReportParser(TlsReportLimits limits)
{
    // RFC 7493 §2.2 (I-JSON): larger integers do not survive in every reader.
    private const long MaxCount = (1L << 53) - 1;

    private readonly SharedStrings _strings = new();

    // What the members of the current report, policy and detail hold. A date is held as its UTC ticks.
    private readonly bool[] _seen = new bool[ReportMember.Count];
    private readonly string?[] _texts = new string?[ReportMember.Count];
    private readonly long?[] _numbers = new long?[ReportMember.Count];

    private readonly ImmutableArray<ReportedPolicy>.Builder _policies = ImmutableArray.CreateBuilder<ReportedPolicy>();
    private readonly ImmutableArray<FailureDetail>.Builder _details = ImmutableArray.CreateBuilder<FailureDetail>();
    private readonly ImmutableArray<string>.Builder _policyString = ImmutableArray.CreateBuilder<string>();
    private readonly ImmutableArray<string>.Builder _mxHost = ImmutableArray.CreateBuilder<string>();

    private JsonReaderState _state = new(new JsonReaderOptions { MaxDepth = limits.MaxDepth });
    private long _taken;
    private long _tokenAt;
    private Place _place = Place.Outside;
    private ReportMember? _member;
    private int? _ignoredDepth;
    private int _detailsOfAll;
    private bool _hasPolicies;
    private TlsReport? _report;

    /// <summary>Takes the tokens that are complete, and says how many bytes they were.</summary>
    /// <param name="utf8">What was not taken before, and what has arrived since.</param>
    /// <param name="ended">Whether nothing more will come.</param>
    public int Take(ReadOnlySpan<byte> utf8, bool ended)
    {
        if (_taken == 0 && utf8.StartsWith("\uFEFF"u8))
        {
            throw Refused("The report begins with a byte order mark: JSON has none (RFC 8259 §8.1).", 0);
        }

        var reader = new Utf8JsonReader(utf8, ended, _state);
        try
        {
            while (reader.Read())
            {
                _tokenAt = _taken + reader.TokenStartIndex;
                TakeToken(ref reader);
            }
        }
        catch (JsonException cause)
        {
            throw Refused($"The report is not one complete JSON object. {cause.Message}", _taken + reader.BytesConsumed, cause);
        }

        _state = reader.CurrentState;
        _taken += reader.BytesConsumed;
        return (int)reader.BytesConsumed;
    }

    /// <summary>The report, once all has been taken: the JSON reader ends only after a whole root, and no root but an object is let in.</summary>
    public TlsReport Finish() => _report!;

    /// <summary>An exception for a report.</summary>
    public static ProtocolException Refused(string problem, long offset, Exception? cause = null) =>
        new(problem, "RFC 8460 §4.4", offset: offset, cause: cause);

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
                throw Refused($"{Path(_place)} holds {Describe(reader.TokenType)} where an object is due.", _tokenAt);
            case var _ when _member is not null:
                TakeValue(_member, ref reader);
                break;
        }
    }

    private void TakeName(ref Utf8JsonReader reader)
    {
        _member = FindMember(ref reader);
        if (_member is null)
        {
            return;
        }

        // RFC 7493 §2.3 (I-JSON): a name stands once, or two readers see two reports.
        if (_seen[_member.Index])
        {
            throw Refused($"{Path(_member)} is given twice: give it once.", _tokenAt);
        }

        _seen[_member.Index] = true;
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
                throw Refused($"{Path(_place)} holds an array where an object is due.", _tokenAt),
            (Place.PolicyString or Place.MxHost, _) =>
                throw Refused($"{Path(_place)} holds {Describe(reader.TokenType)} where a string is due.", _tokenAt),
            _ when _member is null => Place.Outside,
            _ when _member.Shape == (isObject ? Shape.Object : Shape.Array) => _member.Inside,
            _ => throw WrongShape(_member, reader.TokenType),
        };
        if (inside == Place.Outside)
        {
            _ignoredDepth = reader.CurrentDepth;
            return;
        }

        _place = inside;
        switch (inside)
        {
            case Place.Policies:
                _hasPolicies = true;
                break;
            case Place.PolicyEntry when _policies.Count == limits.MaxPolicies:
                throw Refused($"The report has more than the {limits.MaxPolicies} policies allowed: split it, or raise the limit.", _tokenAt);
            case Place.PolicyEntry:
                Forget(Place.PolicyEntry, Place.Policy, Place.Summary);
                break;
            case Place.FailureDetail when _detailsOfAll == limits.MaxFailureDetails:
                throw Refused($"The report has more than the {limits.MaxFailureDetails} failure-details allowed: split it, or raise the limit.", _tokenAt);
            case Place.FailureDetail:
                Forget(Place.FailureDetail);
                _detailsOfAll++;
                break;
        }
    }

    private void Leave()
    {
        switch (_place)
        {
            case Place.FailureDetail:
                _details.Add(MakeDetail());
                break;
            case Place.PolicyEntry:
                _policies.Add(MakePolicy());
                break;
            case Place.Report:
                _report = MakeReport();
                break;
        }

        _place = Around(_place);
    }

    private void TakeValue(ReportMember member, ref Utf8JsonReader reader)
    {
        switch (member.Shape, reader.TokenType)
        {
            // A known sender writes "contact-info": null. Null says no more than absence, whatever the member.
            case (_, JsonTokenType.Null):
                break;
            case (Shape.Text, JsonTokenType.String):
                _texts[member.Index] = Text(ref reader);
                break;
            case (Shape.Count, JsonTokenType.Number):
                _numbers[member.Index] = reader.TryGetInt64(out var count) && count is >= 0 and <= MaxCount
                    ? count
                    : throw Refused($"{Path(member)} is not a count: write an integer from 0 to {MaxCount}.", _tokenAt);
                break;
            case (Shape.Date, JsonTokenType.String):
                var text = Text(ref reader);
                _numbers[member.Index] = Rfc3339.TryParse(text, out var utc)
                    ? utc.Ticks
                    : throw Refused($"{Path(member)} is {ProtocolException.Quote(text)}: write a date-time with its zone, such as 2026-01-31T00:00:00Z (RFC 3339 §5.6).", _tokenAt);
                break;
            default:
                throw WrongShape(member, reader.TokenType);
        }
    }

    private void TakeListItem(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.String)
        {
            throw Refused($"{Path(_place)} holds {Describe(reader.TokenType)} where a string is due.", _tokenAt);
        }

        var list = _place == Place.PolicyString ? _policyString : _mxHost;
        if (list.Count == limits.MaxListItems)
        {
            throw Refused($"{Path(_place)} has more than the {limits.MaxListItems} items allowed.", _tokenAt);
        }

        list.Add(Text(ref reader));
    }

    private TlsReport MakeReport()
    {
        if (!_hasPolicies)
        {
            throw Missing(ReportMember.Policies);
        }

        var (start, end) = (Date(ReportMember.StartDatetime), Date(ReportMember.EndDatetime));
        return new TlsReport
        {
            OrganizationName = _texts[ReportMember.OrganizationName.Index],
            Start = start,
            End = end >= start ? end : throw Refused("The date-range ends before it starts.", _tokenAt),
            ContactInfo = _texts[ReportMember.ContactInfo.Index],
            ReportId = RequiredText(ReportMember.ReportId),
            Policies = _policies.DrainToImmutable(),
        };
    }

    private ReportedPolicy MakePolicy()
    {
        var domain = DomainName.Read(RequiredText(ReportMember.PolicyDomain), out var fault);
        return new ReportedPolicy
        {
            PolicyType = RequiredText(ReportMember.PolicyType),
            PolicyString = _policyString.DrainToImmutable(),
            PolicyDomain = domain ?? throw Refused($"{Path(ReportMember.PolicyDomain)}: {fault.Problem}", _tokenAt),
            MxHosts = _mxHost.DrainToImmutable(),
            SuccessfulSessions = RequiredNumber(ReportMember.TotalSuccessful),
            FailedSessions = RequiredNumber(ReportMember.TotalFailure),
            FailureDetails = _details.DrainToImmutable(),
        };
    }

    private FailureDetail MakeDetail() => new()
    {
        ResultType = RequiredText(ReportMember.ResultType),
        SendingMtaIp = _texts[ReportMember.SendingMtaIp.Index],
        ReceivingMxHostname = _texts[ReportMember.ReceivingMxHostname.Index],
        ReceivingMxHelo = _texts[ReportMember.ReceivingMxHelo.Index],
        ReceivingIp = _texts[ReportMember.ReceivingIp.Index],
        FailedSessions = RequiredNumber(ReportMember.FailedSessionCount),
        AdditionalInformation = _texts[ReportMember.AdditionalInformation.Index],
        FailureReasonCode = _texts[ReportMember.FailureReasonCode.Index],
    };

    private void Forget(params ReadOnlySpan<Place> owners)
    {
        foreach (var owner in owners)
        {
            foreach (var member in ReportMember.Of(owner))
            {
                _seen[member.Index] = false;
                _texts[member.Index] = null;
                _numbers[member.Index] = null;
            }
        }
    }

    private string RequiredText(ReportMember member) => _texts[member.Index] ?? throw Missing(member);

    private long RequiredNumber(ReportMember member) => _numbers[member.Index] ?? throw Missing(member);

    private DateTimeOffset Date(ReportMember member) => new(RequiredNumber(member), TimeSpan.Zero);

    private ReportMember? FindMember(ref Utf8JsonReader reader)
    {
        try
        {
            return ReportMember.Find(_place, ref reader);
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

    // RFC 7493 §2.1 (I-JSON): UTF-8, and no half of a surrogate pair by escape.
    private ProtocolException NotUnicode(Exception cause) => Refused("A text is not valid Unicode (RFC 7493 §2.1).", _tokenAt, cause);

    private ProtocolException Missing(ReportMember member) => Refused($"{Path(member)} is missing.", _tokenAt);

    private ProtocolException WrongShape(ReportMember member, JsonTokenType found) =>
        Refused($"{Path(member)} is {Describe(found)} where {Describe(member.Shape)} is due.", _tokenAt);

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
