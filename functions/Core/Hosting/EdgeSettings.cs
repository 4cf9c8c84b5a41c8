namespace StsFunctions.Hosting;

/// <summary>What stands before the app and holds the certificates of the policy hosts, where the app does not do so itself.</summary>
/// <param name="FrontDoorIds">The ids of our own Azure Front Door profiles; empty where there are none.</param>
/// <param name="Hosts">The host names to point <c>mta-sts.&lt;domain&gt;</c> at, one a profile; empty means the app's own.</param>
internal sealed record EdgeSettings(IReadOnlyList<Guid> FrontDoorIds, IReadOnlyList<string> Hosts)
{
    /// <summary>A rule of ours in each profile sets this (infra/modules/frontdoor.bicep), whatever the client sent.</summary>
    public const string PolicyHost = "X-Sts-Policy-Host";

    /// <summary>Front Door sets this itself, and overwrites what a client sends.</summary>
    public const string FrontDoorId = "X-Azure-FDID";

    /// <summary>Whether a request came through one of the operator's own profiles.</summary>
    /// <param name="frontDoorId">The value of <see cref="FrontDoorId"/>; a header given twice is no id.</param>
    public bool IsOwnProfile(string frontDoorId) =>
        FrontDoorIds.Count > 0 && Guid.TryParseExact(frontDoorId, "D", out var id) && FrontDoorIds.Contains(id);
}
