namespace StsFunctions.Core.Reports;

/// <summary>The contents of the quarantine, as far as they were counted.</summary>
/// <param name="Count">How many.</param>
/// <param name="IsMore">There are more than were counted.</param>
/// <param name="Reasons">Why, the most frequent first.</param>
/// <param name="Newest">The id of the newest.</param>
/// <param name="Signed">How many of them came in mail that somebody signed.</param>
internal sealed record QuarantineSummary(int Count, bool IsMore, IReadOnlyList<(string Reason, int Count)> Reasons, string? Newest, int Signed = 0);
