namespace StsFunctions.Outgoing;

/// <summary>What the outgoing gate lets through.</summary>
/// <param name="AllowEveryAddress">For a lab on one machine: private and loopback addresses too. Never in production.</param>
internal sealed record OutgoingSettings(bool AllowEveryAddress);
