namespace StsFunctions.Hosting;

/// <summary>What stands before the app and holds the certificates of the policy hosts, where the app does not do so itself.</summary>
/// <param name="FrontDoorIds">The ids of our own Azure Front Door profiles; empty where there are none.</param>
/// <param name="Hosts">The host names to point <c>mta-sts.&lt;domain&gt;</c> at, one a profile; empty means the app's own.</param>
internal sealed record EdgeSettings(IReadOnlyList<Guid> FrontDoorIds, IReadOnlyList<string> Hosts)
{
    /// <summary>A rule of ours in each profile sets this (infra/modules/frontdoor.bicep), whatever the client sent.</summary>
    public const string PolicyHost = "X-Sts-Policy-Host";

    // Front Door sets this itself, and lets nobody else.
    private const string FrontDoorId = "X-Azure-FDID";

    /// <summary>The policy host that one of our profiles was asked for, or null for a request that did not come by one. A header given twice is no host and no id.</summary>
    public string? PolicyHostOf(IHeaderDictionary headers) =>
        FrontDoorIds.Count > 0
        && Guid.TryParseExact(headers[FrontDoorId].ToString(), "D", out var id)
        && FrontDoorIds.Contains(id)
        && headers[PolicyHost].ToString() is { Length: > 0 } host
            ? host
            : null;
}
