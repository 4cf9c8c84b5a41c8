namespace StsFunctions.CheckDomain;

/// <summary>How a fault of the network is confirmed.</summary>
/// <param name="Delay">From the beginning of one look of a round to that of the next.</param>
internal sealed record ConfirmSettings(TimeSpan Delay);
