using StsFunctions.Core.Options;

namespace StsFunctions.App.Options;

/// <summary>Some of the app's functions.</summary>
internal enum FunctionSet
{
    /// <summary>All of them.</summary>
    All,

    /// <summary>The HTTP functions: policies, reports by POST, <c>api/</c>.</summary>
    Http,

    /// <summary>The timer and queue functions.</summary>
    Background,
}

/// <summary>The functions that this app instance offers, so that serving policies may run apart from what needs storage.</summary>
internal sealed record FunctionSetOptions
{
    /// <summary>The functions. By default all.</summary>
    public FunctionSet Functions { get; init; } = FunctionSet.All;

    /// <summary>Binds the options to their settings.</summary>
    public static FunctionSetOptions Bind(SettingsBinder settings) => new()
    {
        Functions = settings.Choice("Sts__Functions", "all", "http", "background") switch
        {
            "http" => FunctionSet.Http,
            "background" => FunctionSet.Background,
            _ => FunctionSet.All,
        },
    };
}
