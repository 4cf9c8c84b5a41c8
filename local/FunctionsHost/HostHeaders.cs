namespace StsFunctions.Local.FunctionsHost;

/// <summary>What the host adds to its requests.</summary>
internal static class HostHeaders
{
    /// <summary>The host's version on Flex Consumption's image.</summary>
    public const string Version = "4.1047.0.0";

    public const string HostVersion = "X-Azure-Functions-HostVersion";
    public const string InvocationId = "X-Azure-Functions-InvocationId";
    public const string ProxiedInvocationId = "x-ms-invocation-id";
    public const string UserAgent = $"Azure-Functions-Host/{Version}";
}
