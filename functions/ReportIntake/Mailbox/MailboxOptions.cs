namespace StsFunctions.ReportIntake.Mailbox;

/// <summary>A mailbox in Exchange Online.</summary>
internal sealed record MailboxOptions
{
    /// <summary>Microsoft Graph in Azure's public cloud.</summary>
    public static Uri PublicGraph { get; } = new("https://graph.microsoft.com/");

    /// <summary>Its address, or the id of its user.</summary>
    public required string Address { get; init; }

    /// <summary>The address of Microsoft Graph. By default <see cref="PublicGraph"/>.</summary>
    public Uri Graph { get; init; } = PublicGraph;

    /// <summary>Its mail address, if it is configured by that; null if it is configured by an id.</summary>
    public string? MailAddress => Address.Contains('@', StringComparison.Ordinal) ? Address : null;

    /// <summary>Whether Graph is emulated by a lab on this machine, which gets no token.</summary>
    public bool IsLab => Graph.IsLoopback;
}
