namespace StsFunctions.Hosting;

/// <summary>Where telemetry goes; no connection string means nowhere.</summary>
internal sealed record TelemetrySettings(string? ConnectionString, string? AuthenticationString);
