namespace StsFunctions.Protocol.TlsRpt;

/// <summary>
/// A deviation from RFC 8460 that is tolerated, because the facts are readable. Each is noted on the report
/// (<see cref="ReportNote"/>). The code identifies a deviation.
/// </summary>
/// <param name="Code">Its name, in kebab-case; never reused for another.</param>
/// <param name="Reason">Why it is tolerated, and how it is read.</param>
public sealed record Deviation(string Code, string Reason)
{
    /// <summary>The text begins with a byte order mark (RFC 8259 §8.1 forbids it).</summary>
    public static Deviation ByteOrderMark { get; } = new("byte-order-mark", "Windows tools write one; it has no meaning");

    /// <summary>Data follows the report.</summary>
    public static Deviation TrailingBytes { get; } = new("trailing-bytes", "The report before them is complete; padding has no meaning");

    /// <summary>A member is null.</summary>
    public static Deviation NullMember { get; } = new("null-member", "A serializer's form of an absent member, most often contact-info");

    /// <summary>A member's name is in other letter case, or has underscores for hyphens.</summary>
    public static Deviation KeyInOtherCase { get; } = new("key-in-other-case", "A serializer's naming rule; no other meaning is possible");

    /// <summary>A member is given twice (RFC 7493 §2.3 forbids it).</summary>
    public static Deviation DuplicateKey { get; } = new("duplicate-key", "The first counts, as in RFC 8461; the spelling of RFC 8460 takes precedence over any other");

    /// <summary>The patterns are under <c>mx-host-pattern</c>.</summary>
    public static Deviation MxHostPattern { get; } = new("mx-host-pattern", "The schema in RFC 8460 §4.4 uses this name for the value of mx-host");

    /// <summary>A string in place of a list of strings.</summary>
    public static Deviation StringForList { get; } = new("string-for-list", "Large senders write mx-host as a string; it is a list of one");

    /// <summary>One string holds a list in JSON.</summary>
    public static Deviation ListInString { get; } = new("list-in-string", "Serialized twice; the list inside is read");

    /// <summary>An MX host pattern begins with the policy's own <c>mx: </c>.</summary>
    public static Deviation MxPrefix { get; } = new("mx-prefix", "The whole line of the policy was copied; the pattern follows the prefix");

    /// <summary>A policy without the required MX host patterns.</summary>
    public static Deviation MxHostMissing { get; } = new("mx-host-missing", "The counts do not depend on it");

    /// <summary>A policy without its text.</summary>
    public static Deviation PolicyStringMissing { get; } = new("policy-string-missing", "The counts do not depend on it");

    /// <summary>An object in place of an array of objects.</summary>
    public static Deviation ObjectForArray { get; } = new("object-for-array", "A serializer that unwraps lists of one");

    /// <summary>A number in place of a text.</summary>
    public static Deviation NumberForText { get; } = new("number-for-text", "Its digits are the text, as in a report-id that is a number");

    /// <summary>A value of a type that cannot be used.</summary>
    public static Deviation ValueIgnored { get; } = new("value-ignored", "The counts do not depend on this member, so it counts as absent");

    /// <summary>A count is a string.</summary>
    public static Deviation CountAsString { get; } = new("count-as-string", "Serializers write 64-bit integers as strings, because JavaScript rounds them");

    /// <summary>A count is written as a fraction or with an exponent, and is whole.</summary>
    public static Deviation CountAsFraction { get; } = new("count-as-fraction", "The count was written as a floating-point number");

    /// <summary>A total of sessions is missing.</summary>
    public static Deviation TotalMissing { get; } = new("total-missing", "Failed sessions are then the sum of the details, and successful sessions 0");

    /// <summary>A failure detail without a count.</summary>
    public static Deviation DetailCountMissing { get; } = new("detail-count-missing", "A detail stands for at least one session");

    /// <summary>The details' sessions are not those of the total.</summary>
    public static Deviation SumDiffers { get; } = new("sum-differs", "Senders cut long lists, or count a session under several types; both figures are stored");

    /// <summary>A date without a zone (RFC 3339 §5.6 requires one).</summary>
    public static Deviation DateWithoutZone { get; } = new("date-without-zone", "RFC 8460 §4.4 means UTC days, so it is read as UTC");

    /// <summary>A date in another zone than UTC.</summary>
    public static Deviation DateInOtherZone { get; } = new("date-in-other-zone", "RFC 3339 allows it; the sender's day differs from the UTC day of other senders");

    /// <summary>A date without a time.</summary>
    public static Deviation DateOnly { get; } = new("date-only", "A start is the day's first moment; an end on the same day is its last second, on a later day its first moment");

    /// <summary>A date and time in another form than RFC 3339.</summary>
    public static Deviation DateInOtherForm { get; } = new("date-in-other-form", "It can be read in one way only: a space for the T, a zone without colon, no seconds, hour 24, seconds since 1970");

    /// <summary>The range ends at the next midnight, not a second before.</summary>
    public static Deviation EndAtNextMidnight { get; } = new("end-at-next-midnight", "The same day, with its end left out of the range");

    /// <summary>The range has no end.</summary>
    public static Deviation EndMissing { get; } = new("end-missing", "Reports are of one day (RFC 8460 §4.1), so it is a day later");

    /// <summary>The file name has the range, which the report lacks.</summary>
    public static Deviation RangeByFileName { get; } = new("range-by-file-name", "RFC 8460 §5.1 puts both ends into the file name");

    /// <summary>No organization-name, and no other source of the sender.</summary>
    public static Deviation OrganizationNameMissing { get; } = new("organization-name-missing", "The counts do not depend on it");

    /// <summary>The <c>TLS-Report-Submitter</c> header has the submitter, which the report lacks.</summary>
    public static Deviation SubmitterByHeader { get; } = new("submitter-by-header", "RFC 8460 §5.3 puts the submitter into TLS-Report-Submitter");

    /// <summary>The file name has the submitter, which the report lacks.</summary>
    public static Deviation SubmitterByFileName { get; } = new("submitter-by-file-name", "RFC 8460 §5.1 puts the submitter into the file name");

    /// <summary>No contact-info.</summary>
    public static Deviation ContactInfoMissing { get; } = new("contact-info-missing", "The counts do not depend on it");

    /// <summary>No report-id, and the file name has none either.</summary>
    public static Deviation ReportIdMissing { get; } = new("report-id-missing", "Submitter and range distinguish the report from others");

    /// <summary>The file name's unique-id replaces the report-id.</summary>
    public static Deviation ReportIdByFileName { get; } = new("report-id-by-file-name", "RFC 8460 §5.1 has a unique-id in the file name for the same purpose");

    /// <summary>A report without any policy.</summary>
    public static Deviation PoliciesEmpty { get; } = new("policies-empty", "A sender without a session has nothing to report");

    /// <summary>No policy-type.</summary>
    public static Deviation PolicyTypeMissing { get; } = new("policy-type-missing", "The counts are readable; their type stays empty");

    /// <summary>A policy type that RFC 8460 does not know.</summary>
    public static Deviation UnknownPolicyType { get; } = new("unknown-policy-type", "Stored unchanged; types may be added");

    /// <summary>No result-type.</summary>
    public static Deviation ResultTypeMissing { get; } = new("result-type-missing", "The count is readable; its type stays empty");

    /// <summary>A result type that the registry does not have.</summary>
    public static Deviation UnknownResultType { get; } = new("unknown-result-type", "Stored unchanged; types may be registered later (RFC 8460 §6.6)");

    /// <summary>A failure detail without any address.</summary>
    public static Deviation NoAddress { get; } = new("no-address", "A policy that could not be fetched has none; otherwise the count remains valid");

    /// <summary>An empty text or a placeholder in place of an address or a host.</summary>
    public static Deviation Placeholder { get; } = new("placeholder", "A sender's form of an absent value, such as an empty text, a hyphen, or an unspecified address");

    /// <summary>The policy-domain has white space around it.</summary>
    public static Deviation DomainWithSpace { get; } = new("domain-with-space", "No name contains a space, so it is removed");

    /// <summary>The <c>TLS-Report-Domain</c> header says which domain a policy is for, since the report does not.</summary>
    public static Deviation DomainByHeader { get; } = new("domain-by-header", "RFC 8460 §5.3 puts the policy domain into TLS-Report-Domain");

    /// <summary>The file name says which domain a policy is for, since the report does not.</summary>
    public static Deviation DomainByFileName { get; } = new("domain-by-file-name", "RFC 8460 §5.1 puts the policy domain into the file name");

    /// <summary>More kinds of failure than are stored separately.</summary>
    public static Deviation FailuresSummed { get; } = new("failures-summed", "The largest kinds are stored and the sessions of the rest are summed, so that memory does not grow with the report");

    /// <summary>A text is longer than it can be.</summary>
    public static Deviation TextCut { get; } = new("text-cut", "Longer than any host name or address; the beginning is stored");

    /// <summary>A policy-string or mx-host has more than is stored.</summary>
    public static Deviation ListCut { get; } = new("list-cut", "More than any policy has; the beginning is stored, so that memory does not grow with the report");

    /// <summary>Whether both are the same one.</summary>
    public bool Equals(Deviation? other) => Code == other?.Code;

    /// <inheritdoc/>
    public override int GetHashCode() => Code.GetHashCode(StringComparison.Ordinal);
}
