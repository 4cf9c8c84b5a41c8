namespace StsFunctions.Reports;

/// <summary>A mailbox in Exchange Online.</summary>
internal sealed record MailboxOptions
{
    /// <summary>Microsoft Graph in Azure's public cloud.</summary>
    public static Uri PublicGraph { get; } = new("https://graph.microsoft.com/");

    /// <summary>Its address, or the id of its user.</summary>
    public required string Address { get; init; }

    /// <summary>Where Microsoft Graph is. By default <see cref="PublicGraph"/>.</summary>
    public Uri Graph { get; init; } = PublicGraph;

    /// <summary>Its address, where it is named by that; null where it is named by an id.</summary>
    public string? MailAddress => Address.Contains('@', StringComparison.Ordinal) ? Address : null;

    /// <summary>Graph is a stand-in in a lab on this machine, which gets no token.</summary>
    public bool IsLab => Graph.IsLoopback;
}
