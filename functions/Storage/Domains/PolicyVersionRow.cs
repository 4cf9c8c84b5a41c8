using Azure.Data.Tables;
using StsFunctions.Core.Domains;
using StsFunctions.Protocol.MtaSts;

namespace StsFunctions.Storage.Domains;

/// <summary>A published policy as a row of the <c>Domains</c> table.</summary>
internal static class PolicyVersionRow
{
    /// <summary>Whether a row is a policy.</summary>
    public static bool Is(TableEntity row) => row.RowKey.StartsWith(Keys.PolicyPrefix, StringComparison.Ordinal);

    /// <summary>The row of a policy.</summary>
    public static TableEntity ToEntity(string partition, PolicyVersion policy) => new(partition, Keys.Policy(policy.Id))
    {
        ["Bytes"] = policy.Bytes,
        ["Mode"] = policy.Mode.ToString(),
        ["MaxAge"] = (int)policy.MaxAge.TotalSeconds,
        ["PublishedAt"] = policy.PublishedAt,
        ["ReplacedAt"] = policy.ReplacedAt,
        ["Group"] = policy.Group,
    };

    /// <summary>The policy of a row.</summary>
    public static PolicyVersion ToPolicy(TableEntity row) => new(
        row.RowKey[Keys.PolicyPrefix.Length..],
        row.GetBinary("Bytes"),
        Enum.Parse<PolicyMode>(row.GetString("Mode")),
        TimeSpan.FromSeconds(row.GetInt32("MaxAge")!.Value),
        row.GetDateTimeOffset("PublishedAt")!.Value,
        row.GetDateTimeOffset("ReplacedAt"),
        row.GetString("Group"));
}
