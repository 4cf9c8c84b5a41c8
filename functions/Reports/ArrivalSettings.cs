using StsFunctions.Domains;

namespace StsFunctions.Reports;

/// <summary>By which ways reports arrive, and which of them count.</summary>
/// <param name="Trust">Which count.</param>
/// <param name="Posts">How many are taken by POST, where anybody may.</param>
/// <param name="MailSecret">What a mail provider shows that posts mail; null: no mail is taken by POST.</param>
/// <param name="Mailbox">The mailbox to read; null: none is.</param>
/// <param name="TrustedSigners">Whose signed reports are those of known senders.</param>
internal sealed record ArrivalSettings(ReportTrust Trust, PostSettings Posts, string? MailSecret, MailboxSettings? Mailbox, TrustedReportSigners TrustedSigners);

/// <summary>How many reports are taken by POST.</summary>
/// <param name="PerMinute">In all, by one instance of the app.</param>
/// <param name="PerDomainAndDay">On one policy domain within a day, in UTC, whichever instance they come to.</param>
internal sealed record PostSettings(int PerMinute, int PerDomainAndDay);

/// <summary>A mailbox in Exchange Online.</summary>
/// <param name="Address">Its address, or the id of its user.</param>
/// <param name="Graph">Where Microsoft Graph is.</param>
internal sealed record MailboxSettings(string Address, Uri Graph)
{
    /// <summary>Microsoft Graph in Azure's public cloud.</summary>
    public static Uri PublicGraph { get; } = new("https://graph.microsoft.com/");

    /// <summary>Its address, where it is named by that; null where it is named by an id.</summary>
    public string? MailAddress => Address.Contains('@', StringComparison.Ordinal) ? Address : null;

    /// <summary>Graph is a stand-in in a lab on this machine, which gets no token.</summary>
    public bool IsLab => Graph.IsLoopback;
}
