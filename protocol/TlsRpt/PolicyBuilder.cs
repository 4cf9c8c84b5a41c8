using System.Collections.Immutable;

namespace StsFunctions.Protocol.TlsRpt;

/// <summary>Builds the policies of a report, one after another, from the values that were given for each.</summary>
/// <remarks>
/// Call <see cref="Keep"/> for each item of a list, <see cref="AddDetail"/> where a failure detail ends, and <see cref="Build"/> where
/// the policy ends: the next policy starts empty. All policies together hold at most <see cref="TlsReportLimits.MaxHeldBytes"/>.
/// </remarks>
internal sealed class PolicyBuilder(TlsReportLimits limits, EnvelopeFacts envelope, ReportValues values)
{
    // About the size of an item of a list without its text.
    private const int ItemOverhead = 40;

    private readonly ImmutableArray<string>.Builder _policyString = ImmutableArray.CreateBuilder<string>();
    private readonly ImmutableArray<string>.Builder _mxHost = ImmutableArray.CreateBuilder<string>();
    private readonly FailureAggregator _details = new(limits.MaxFailureKinds);
    private long _held;

    /// <summary>The items of policy-string or mx-host so far.</summary>
    public ImmutableArray<string>.Builder ListOf(Place place) => place == Place.PolicyString ? _policyString : _mxHost;

    /// <summary>Adds an item to policy-string or mx-host, if there is room.</summary>
    public void Keep(Place place, string text)
    {
        var list = ListOf(place);
        var size = SizeOf(text);
        if (list.Count == limits.MaxListItems || _held + _details.Held + size > limits.MaxHeldBytes)
        {
            values.Note(Deviation.ListCut, place);
            return;
        }

        _held += size;
        list.Add(text);
    }

    /// <summary>Adds the failure detail whose values were given.</summary>
    public void AddDetail()
    {
        _details.Add(MakeDetail(), limits.MaxHeldBytes - _held - _details.Held);
        values.DetailIndex = _details.Count;
    }

    /// <summary>The policy whose values were given.</summary>
    public ReportedPolicy Build()
    {
        var domain = Domain();
        var type = PolicyType();
        ReadLists(type);
        var (successful, failed) = Totals();
        if (_details.IsMerged)
        {
            values.Note(Deviation.FailuresSummed, ReportMember.FailureDetails, $"{_details.Count} details");
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
        values.DetailIndex = 0;
        return policy;
    }

    private static long SizeOf(string text) => ItemOverhead + (sizeof(char) * (long)text.Length);

    private DomainName Domain()
    {
        var member = ReportMember.PolicyDomain;
        if (values.Text(member) is not { } text || PlaceholderValues.Contains(text))
        {
            return envelope.FindDomain(values) ?? throw new ProtocolException(
                $"{values.Path(member)} is missing, and neither the file name nor TLS-Report-Domain names it.", TlsReportReader.UnattributedRule, offset: values.Offset);
        }

        var trimmed = text.Trim();
        if (trimmed.Length < text.Length)
        {
            values.Note(Deviation.DomainWithSpace, member, text);
        }

        return DomainName.Read(trimmed, out var fault) ?? throw values.Refused($"{values.Path(member)}: {fault.Problem}");
    }

    private string PolicyType() => TypeOf(ReportMember.PolicyType, PolicyTypes.IsKnown, Deviation.PolicyTypeMissing, Deviation.UnknownPolicyType);

    private string ResultType() => TypeOf(ReportMember.ResultType, ResultTypes.IsRegistered, Deviation.ResultTypeMissing, Deviation.UnknownResultType);

    private string TypeOf(ReportMember member, Func<string, bool> isKnown, Deviation missing, Deviation unknown)
    {
        if (values.Text(member) is not { Length: > 0 } type)
        {
            values.NoteMissing(missing, member);
            return "";
        }

        if (!isKnown(type))
        {
            values.Note(unknown, member, type);
        }

        return type;
    }

    private void ReadLists(string type)
    {
        Unpack(ReportMember.PolicyString);
        Unpack(ReportMember.MxHost);
        if (_policyString.Count == 0 && type is PolicyTypes.Sts or PolicyTypes.Tlsa)
        {
            values.NoteMissing(Deviation.PolicyStringMissing, ReportMember.PolicyString);
        }

        if (_mxHost.Count == 0 && type == PolicyTypes.Sts)
        {
            values.NoteMissing(Deviation.MxHostMissing, ReportMember.MxHost);
        }

        for (var i = 0; i < _mxHost.Count; i++)
        {
            _mxHost[i] = WithoutMxPrefix(_mxHost[i]);
        }
    }

    private void Unpack(ReportMember member)
    {
        var list = ListOf(member.Inside);
        while (list.Count == 1 && NestedJsonArray.Read(list[0], limits.MaxListItems) is { } items)
        {
            values.Note(Deviation.ListInString, member, list[0]);
            _held -= SizeOf(list[0]);
            list.Clear();
            foreach (var item in items)
            {
                // Each takes more memory than its text.
                Keep(member.Inside, item);
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

        values.Note(Deviation.MxPrefix, ReportMember.MxHost, pattern);
        return bare.ToString();
    }

    private (long Successful, long Failed) Totals()
    {
        var successful = CountOr(0, ReportMember.TotalSuccessful, Deviation.TotalMissing);
        var failed = CountOr(_details.Sessions, ReportMember.TotalFailure, Deviation.TotalMissing);

        // Details are optional; if there are any, they should add up.
        if (_details.Count > 0 && _details.Sessions != failed)
        {
            values.Note(Deviation.SumDiffers, ReportMember.FailureDetails, $"{_details.Sessions} in details, {failed} in all");
        }

        return (successful, failed);
    }

    private long CountOr(long instead, ReportMember member, Deviation missing)
    {
        if (values.Count(member) is { } count)
        {
            return count;
        }

        values.Note(missing, member);
        return instead;
    }

    private FailureDetail MakeDetail()
    {
        var sessions = CountOr(1, ReportMember.FailedSessionCount, Deviation.DetailCountMissing);
        var detail = new FailureDetail
        {
            ResultType = ResultType(),
            SendingMtaIp = Known(ReportMember.SendingMtaIp),
            ReceivingMxHostname = Known(ReportMember.ReceivingMxHostname),
            ReceivingMxHelo = Known(ReportMember.ReceivingMxHelo),
            ReceivingIp = Known(ReportMember.ReceivingIp),
            FailedSessions = sessions,
            AdditionalInformation = values.Text(ReportMember.AdditionalInformation),
            FailureReasonCode = values.Text(ReportMember.FailureReasonCode),
        };
        if (detail.SendingMtaIp is null && detail.ReceivingIp is null)
        {
            values.Note(Deviation.NoAddress, Place.FailureDetail, detail.ResultType);
        }

        return detail;
    }

    private string? Known(ReportMember member)
    {
        if (values.Text(member) is not { } text || !PlaceholderValues.Contains(text))
        {
            return values.Text(member);
        }

        values.Note(Deviation.Placeholder, member, text);
        return null;
    }
}
