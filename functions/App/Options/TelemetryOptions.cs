using StsFunctions.Core.Options;

namespace StsFunctions.App.Options;

/// <summary>Where traces, metrics and logs go, besides the Functions host.</summary>
internal sealed record TelemetryOptions
{
    /// <summary>The connection string of an Application Insights resource; by default null for none.</summary>
    public string? ConnectionString { get; init; }

    /// <summary>How to sign in there, in the format of the Functions host: <c>ClientId=&lt;id&gt;;Authorization=AAD</c>. By default null, which uses the connection string alone.</summary>
    public string? AuthenticationString { get; init; }

    /// <summary>Binds the options to their settings, which the Functions host reads too.</summary>
    public static TelemetryOptions Bind(SettingsBinder settings) => new()
    {
        ConnectionString = settings.Parsed(
            "APPLICATIONINSIGHTS_CONNECTION_STRING", text => IsConnectionString(text) ? text : null, "copy it whole from the Application Insights resource", isSecret: true),
        AuthenticationString = settings.Text("APPLICATIONINSIGHTS_AUTHENTICATION_STRING"),
    };

    // The parts that the exporter requires; without them it throws.
    private static bool IsConnectionString(string text)
    {
        var pairs = text.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(part => part.Split('=', 2, StringSplitOptions.TrimEntries)).ToList();
        return pairs.All(pair => pair is [{ Length: > 0 }, { Length: > 0 } value] && (!pair[0].EndsWith("Endpoint", StringComparison.OrdinalIgnoreCase) || Uri.IsWellFormedUriString(value, UriKind.Absolute)))
            && pairs.Exists(pair => pair[0].Equals("InstrumentationKey", StringComparison.OrdinalIgnoreCase));
    }
}
