using StsFunctions.Core.Options;

namespace StsFunctions.App.Options;

/// <summary>The Azure Front Door profiles in front of the app, if it does not hold the certificates of the policy hosts itself.</summary>
internal sealed record FrontDoorOptions
{
    /// <summary>A rule in each profile sets this (infra/modules/frontdoor.bicep), whatever the client sent.</summary>
    public const string PolicyHost = "X-Sts-Policy-Host";

    /// <summary>Front Door sets this itself and overwrites what a client sends.</summary>
    public const string FrontDoorId = "X-Azure-FDID";

    /// <summary>The ids of the operator's own profiles. By default none.</summary>
    public IReadOnlyList<string> Ids { get; init; } = [];

    /// <summary>Whether a request came through one of the operator's own profiles.</summary>
    /// <param name="frontDoorId">The value of <see cref="FrontDoorId"/>; a header that occurs twice is not an id.</param>
    public bool IsOwnProfile(string frontDoorId) => Ids.Contains(frontDoorId, StringComparer.OrdinalIgnoreCase);

    /// <summary>Binds the options to their settings.</summary>
    public static FrontDoorOptions Bind(SettingsBinder settings) => new()
    {
        Ids = settings.List("Sts__FrontDoorIds", SettingsBinder.ParseGuid, "write the frontDoorId of each Front Door profile, separated by commas"),
    };
}
