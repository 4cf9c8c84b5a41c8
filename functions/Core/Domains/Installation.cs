namespace StsFunctions.Core.Domains;

/// <summary>What concerns the installation and no hosted domain.</summary>
internal static class Installation
{
    /// <summary>Its partition, and its name in place of a domain; no domain name can contain an <c>@</c>.</summary>
    public const string Partition = "@operator";
}
