using System.Text;

namespace StsFunctions.Protocol.TlsRpt;

/// <summary>An object or array of a report, which contains a token.</summary>
internal enum Place
{
    Outside,
    Report,
    DateRange,
    Policies,
    PolicyEntry,
    Policy,
    PolicyString,
    MxHost,
    Summary,
    FailureDetails,
    FailureDetail,
}

/// <summary>What a member's value is.</summary>
internal enum Shape
{
    Text,
    Date,
    Count,
    Object,

    /// <summary>An array of objects.</summary>
    Array,

    /// <summary>An array of strings.</summary>
    List,
}

/// <summary>A member that RFC 8460 §4.4 names: the object it belongs to, its name and its value's shape.</summary>
internal sealed class ReportMember
{
    private static readonly List<ReportMember> Known = [];

    public static readonly ReportMember OrganizationName = new(Place.Report, "organization-name", Shape.Text);
    public static readonly ReportMember DateRange = new(Place.Report, "date-range", Shape.Object, Place.DateRange);
    public static readonly ReportMember ContactInfo = new(Place.Report, "contact-info", Shape.Text);
    public static readonly ReportMember ReportId = new(Place.Report, "report-id", Shape.Text);
    public static readonly ReportMember Policies = new(Place.Report, "policies", Shape.Array, Place.Policies);

    public static readonly ReportMember StartDatetime = new(Place.DateRange, "start-datetime", Shape.Date);
    public static readonly ReportMember EndDatetime = new(Place.DateRange, "end-datetime", Shape.Date);

    public static readonly ReportMember Policy = new(Place.PolicyEntry, "policy", Shape.Object, Place.Policy);
    public static readonly ReportMember Summary = new(Place.PolicyEntry, "summary", Shape.Object, Place.Summary);
    public static readonly ReportMember FailureDetails = new(Place.PolicyEntry, "failure-details", Shape.Array, Place.FailureDetails);

    public static readonly ReportMember PolicyType = new(Place.Policy, "policy-type", Shape.Text);
    public static readonly ReportMember PolicyString = new(Place.Policy, "policy-string", Shape.List, Place.PolicyString);
    public static readonly ReportMember PolicyDomain = new(Place.Policy, "policy-domain", Shape.Text);
    public static readonly ReportMember MxHost = new(Place.Policy, "mx-host", Shape.List, Place.MxHost);

    public static readonly ReportMember TotalSuccessful = new(Place.Summary, "total-successful-session-count", Shape.Count);
    public static readonly ReportMember TotalFailure = new(Place.Summary, "total-failure-session-count", Shape.Count);

    public static readonly ReportMember ResultType = new(Place.FailureDetail, "result-type", Shape.Text);
    public static readonly ReportMember SendingMtaIp = new(Place.FailureDetail, "sending-mta-ip", Shape.Text);
    public static readonly ReportMember ReceivingMxHostname = new(Place.FailureDetail, "receiving-mx-hostname", Shape.Text);
    public static readonly ReportMember ReceivingMxHelo = new(Place.FailureDetail, "receiving-mx-helo", Shape.Text);
    public static readonly ReportMember ReceivingIp = new(Place.FailureDetail, "receiving-ip", Shape.Text);
    public static readonly ReportMember FailedSessionCount = new(Place.FailureDetail, "failed-session-count", Shape.Count);
    public static readonly ReportMember AdditionalInformation = new(Place.FailureDetail, "additional-information", Shape.Text);
    public static readonly ReportMember FailureReasonCode = new(Place.FailureDetail, "failure-reason-code", Shape.Text);

    private static readonly ReportMember[][] ByOwner =
        [.. Enum.GetValues<Place>().Select(owner => Known.Where(m => m.Owner == owner).ToArray())];

    private readonly byte[] _utf8Name;

    private ReportMember(Place owner, string name, Shape shape, Place inside = Place.Outside)
    {
        (Owner, Name, Shape, Inside) = (owner, name, shape, inside);
        _utf8Name = Encoding.UTF8.GetBytes(name);
        Index = Known.Count;
        Known.Add(this);
    }

    /// <summary>How many there are.</summary>
    public static int Count => Known.Count;

    /// <summary>A number of its own below <see cref="Count"/>.</summary>
    public int Index { get; }

    /// <summary>The object that it belongs to.</summary>
    public Place Owner { get; }

    public string Name { get; }

    public Shape Shape { get; }

    /// <summary>The place that its value opens, if it is an object or an array.</summary>
    public Place Inside { get; }

    /// <summary>The members of an object.</summary>
    public static ReadOnlySpan<ReportMember> Of(Place owner) => ByOwner[(int)owner];

    /// <summary>The member of an object with a name, or null for one that RFC 8460 does not name in any spelling.</summary>
    /// <param name="owner">The object.</param>
    /// <param name="name">The name.</param>
    /// <param name="deviation">The deviation if the name has another spelling; otherwise null.</param>
    public static ReportMember? Find(Place owner, ReadOnlySpan<byte> name, out Deviation? deviation)
    {
        deviation = null;
        foreach (var member in Of(owner))
        {
            if (name.SequenceEqual(member._utf8Name))
            {
                return member;
            }
        }

        foreach (var member in Of(owner))
        {
            if (IsInOtherCase(member._utf8Name, name))
            {
                deviation = Deviation.KeyInOtherCase;
                return member;
            }
        }

        if (owner == Place.Policy && name.SequenceEqual("mx-host-pattern"u8))
        {
            deviation = Deviation.MxHostPattern;
            return MxHost;
        }

        return null;
    }

    private static bool IsInOtherCase(ReadOnlySpan<byte> known, ReadOnlySpan<byte> name)
    {
        if (known.Length != name.Length)
        {
            return false;
        }

        for (var i = 0; i < known.Length; i++)
        {
            var given = name[i] == (byte)'_' ? (byte)'-' : (byte)char.ToLowerInvariant((char)name[i]);
            if (given != known[i])
            {
                return false;
            }
        }

        return true;
    }
}
