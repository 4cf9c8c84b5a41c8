namespace StsFunctions.Protocol.TlsRpt;

/// <summary>
/// A way in which senders bend RFC 8460, and which is read nevertheless: the facts are there. Each is noted on the report
/// (<see cref="ReportNote"/>). A deviation is told by its code.
/// </summary>
/// <param name="Code">Its name, in kebab-case; never used again for another.</param>
/// <param name="Reason">Why it is read, and as what.</param>
public sealed record Deviation(string Code, string Reason)
{
    /// <summary>The text begins with a byte order mark (RFC 8259 §8.1 forbids it).</summary>
    public static Deviation ByteOrderMark { get; } = new("byte-order-mark", "Windows tools write one; it says nothing");

    /// <summary>Something follows the report.</summary>
    public static Deviation TrailingBytes { get; } = new("trailing-bytes", "The report before them is whole; padding and line noise say nothing");

    /// <summary>A member is null.</summary>
    public static Deviation NullMember { get; } = new("null-member", "A serializer's word for absent, best known from contact-info");

    /// <summary>A member's name is in other letter case, or has underscores for hyphens.</summary>
    public static Deviation KeyInOtherCase { get; } = new("key-in-other-case", "A serializer's naming rule; there is nothing else it could mean");

    /// <summary>A member is given twice (RFC 7493 §2.3 forbids it).</summary>
    public static Deviation DuplicateKey { get; } = new("duplicate-key", "The first counts, as everywhere in RFC 8461; the name as RFC 8460 writes it before any other spelling");

    /// <summary>The patterns are under <c>mx-host-pattern</c>.</summary>
    public static Deviation MxHostPattern { get; } = new("mx-host-pattern", "RFC 8460 §4.4 itself calls the value of mx-host so in its schema");

    /// <summary>A string stands where a list of strings is due.</summary>
    public static Deviation StringForList { get; } = new("string-for-list", "Large senders write mx-host so; it is a list of one");

    /// <summary>One string holds a list in JSON.</summary>
    public static Deviation ListInString { get; } = new("list-in-string", "Serialized twice; the list in it is meant");

    /// <summary>An MX host pattern begins with the policy's own <c>mx: </c>.</summary>
    public static Deviation MxPrefix { get; } = new("mx-prefix", "The policy's line was copied whole; the pattern is what follows");

    /// <summary>A policy without the MX host patterns that it must have had.</summary>
    public static Deviation MxHostMissing { get; } = new("mx-host-missing", "The counts do not depend on it");

    /// <summary>A policy without its text.</summary>
    public static Deviation PolicyStringMissing { get; } = new("policy-string-missing", "The counts do not depend on it");

    /// <summary>An object stands where an array of objects is due.</summary>
    public static Deviation ObjectForArray { get; } = new("object-for-array", "A serializer that unwraps lists of one");

    /// <summary>A number stands where a text is due.</summary>
    public static Deviation NumberForText { get; } = new("number-for-text", "Its digits are the text, as in a report-id that is a number");

    /// <summary>A value of a type that nothing can be made of.</summary>
    public static Deviation ValueIgnored { get; } = new("value-ignored", "It stands in a member that the facts do not hang on, so it counts as absent");

    /// <summary>A count is a string.</summary>
    public static Deviation CountAsString { get; } = new("count-as-string", "Serializers of 64-bit integers write them so, since JavaScript would round them");

    /// <summary>A count is written as a fraction or with an exponent, and is whole.</summary>
    public static Deviation CountAsFraction { get; } = new("count-as-fraction", "The count came through a floating-point number");

    /// <summary>A total of sessions is missing.</summary>
    public static Deviation TotalMissing { get; } = new("total-missing", "Failed sessions are then those of the details, successful ones none that anybody told of");

    /// <summary>A failure detail without a count.</summary>
    public static Deviation DetailCountMissing { get; } = new("detail-count-missing", "There was one session at least, or there were no detail");

    /// <summary>The details' sessions are not those of the total.</summary>
    public static Deviation SumDiffers { get; } = new("sum-differs", "Senders cut long lists, or count a session under several types; both are kept");

    /// <summary>A date without a zone (RFC 3339 §5.6 requires one).</summary>
    public static Deviation DateWithoutZone { get; } = new("date-without-zone", "RFC 8460 §4.4 means UTC days, so it is UTC and nobody's local time");

    /// <summary>A date in another zone than UTC.</summary>
    public static Deviation DateInOtherZone { get; } = new("date-in-other-zone", "RFC 3339 allows it; the sender's day is not the one that all others report");

    /// <summary>A date without a time.</summary>
    public static Deviation DateOnly { get; } = new("date-only", "A start is the day's first moment; an end on the same day is its last second, on a later day its first moment");

    /// <summary>A date and time written in another way than RFC 3339 has it.</summary>
    public static Deviation DateInOtherForm { get; } = new("date-in-other-form", "It can be read in one way only: a space for the T, a zone without colon, no seconds, hour 24, seconds since 1970");

    /// <summary>The range ends at the next midnight, not a second before.</summary>
    public static Deviation EndAtNextMidnight { get; } = new("end-at-next-midnight", "The same day, with its end left out of the range");

    /// <summary>The range has no end.</summary>
    public static Deviation EndMissing { get; } = new("end-missing", "Reports are of one day (RFC 8460 §4.1), so it is a day later");

    /// <summary>The file name says when the range was, since the report does not.</summary>
    public static Deviation RangeByFileName { get; } = new("range-by-file-name", "RFC 8460 §5.1 puts both ends into the file name");

    /// <summary>No organization-name, and nobody else says who sent it.</summary>
    public static Deviation OrganizationNameMissing { get; } = new("organization-name-missing", "The counts do not depend on it");

    /// <summary>The <c>TLS-Report-Submitter</c> header says who made the report, since the report does not.</summary>
    public static Deviation SubmitterByHeader { get; } = new("submitter-by-header", "RFC 8460 §5.3 puts the submitter into TLS-Report-Submitter");

    /// <summary>The file name says who made the report, since the report does not.</summary>
    public static Deviation SubmitterByFileName { get; } = new("submitter-by-file-name", "RFC 8460 §5.1 puts the submitter into the file name");

    /// <summary>No contact-info.</summary>
    public static Deviation ContactInfoMissing { get; } = new("contact-info-missing", "The counts do not depend on it");

    /// <summary>No report-id, and the file name has none either.</summary>
    public static Deviation ReportIdMissing { get; } = new("report-id-missing", "Submitter and range tell the report from others");

    /// <summary>The file name's unique-id stands in for the report-id.</summary>
    public static Deviation ReportIdByFileName { get; } = new("report-id-by-file-name", "RFC 8460 §5.1 has a unique-id in the file name for the same end");

    /// <summary>A report without any policy.</summary>
    public static Deviation PoliciesEmpty { get; } = new("policies-empty", "A sender without a session has nothing to tell, and tells it");

    /// <summary>No policy-type.</summary>
    public static Deviation PolicyTypeMissing { get; } = new("policy-type-missing", "The counts are there; their type stays empty");

    /// <summary>A policy type that RFC 8460 does not know.</summary>
    public static Deviation UnknownPolicyType { get; } = new("unknown-policy-type", "Kept as it came; types may be added");

    /// <summary>No result-type.</summary>
    public static Deviation ResultTypeMissing { get; } = new("result-type-missing", "The count is there; its type stays empty");

    /// <summary>A result type that the registry does not have.</summary>
    public static Deviation UnknownResultType { get; } = new("unknown-result-type", "Kept as it came; the registry grows (RFC 8460 §6.6)");

    /// <summary>A failure detail without any address.</summary>
    public static Deviation NoAddress { get; } = new("no-address", "A policy that could not be fetched has none; elsewhere the count still stands");

    /// <summary>An empty text or a placeholder stands for an address or a host.</summary>
    public static Deviation Placeholder { get; } = new("placeholder", "A sender's word for absent, such as an empty text, a hyphen, or an unspecified address");

    /// <summary>The policy-domain has white space around it.</summary>
    public static Deviation DomainWithSpace { get; } = new("domain-with-space", "No name has any, so it says nothing");

    /// <summary>The <c>TLS-Report-Domain</c> header says which domain a policy is for, since the report does not.</summary>
    public static Deviation DomainByHeader { get; } = new("domain-by-header", "RFC 8460 §5.3 puts the policy domain into TLS-Report-Domain");

    /// <summary>The file name says which domain a policy is for, since the report does not.</summary>
    public static Deviation DomainByFileName { get; } = new("domain-by-file-name", "RFC 8460 §5.1 puts the policy domain into the file name");

    /// <summary>More kinds of failure than are kept apart.</summary>
    public static Deviation FailuresSummed { get; } = new("failures-summed", "The largest kinds are kept, the sessions of the rest are summed, so that memory does not grow with the report");

    /// <summary>A text is longer than it can be.</summary>
    public static Deviation TextCut { get; } = new("text-cut", "Longer than any host name or address, and than anybody reads; the beginning is kept");

    /// <summary>A policy-string or mx-host holds more than is kept.</summary>
    public static Deviation ListCut { get; } = new("list-cut", "More than any policy holds; the beginning is kept, so that memory does not grow with the report");

    /// <summary>Whether both are the same one.</summary>
    public bool Equals(Deviation? other) => Code == other?.Code;

    /// <inheritdoc/>
    public override int GetHashCode() => Code.GetHashCode(StringComparison.Ordinal);
}
