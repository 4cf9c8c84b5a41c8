namespace StsFunctions.Core.Domains;

/// <summary>What concerns the installation and no hosted domain.</summary>
internal static class Installation
{
    /// <summary>Its partition, and its name where a domain's would stand; no domain name can hold an <c>@</c>.</summary>
    public const string Partition = "@operator";
}
