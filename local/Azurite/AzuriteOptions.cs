namespace StsFunctions.Local.Azurite;

/// <summary>How the local storage stores its data.</summary>
/// <param name="DataFolder">Where blobs, queues and tables are stored; null stores them in memory until the end.</param>
public sealed record AzuriteOptions(string? DataFolder = null);
