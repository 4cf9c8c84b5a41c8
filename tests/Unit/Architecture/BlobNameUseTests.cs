using System.Text.RegularExpressions;
using StsFunctions.Local;
using Xunit;

namespace StsFunctions.Tests.Architecture;

/// <summary>No blob client is made from an unvalidated name: a name is part of a URI, and may lead out of its container.</summary>
public sealed partial class BlobNameUseTests
{
    // Names that the app makes, or of a type that holds only validated ones (BlobName, RawReportId, DomainName). A new entry says which it is.
    private static readonly string[] Names =
    [
        "name",
        "name.Value",
        "id.Value",
        "domain.Value",
        "arrival.Name",
        "found.Name",
        "$\"{observation.Domain}/{Keys.InvertedTimestamp(observation.At)}\"",
    ];

    [Fact]
    public void Every_name_that_becomes_a_blob_client_was_validated()
    {
        var used = Directory.GetFiles(Path.Combine(Repository.Root, "functions"), "*.cs", SearchOption.AllDirectories)
            .Where(file => !file.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal))
            .SelectMany(file => Client().Matches(File.ReadAllText(file)))
            .Select(match => match.Groups[1].Value)
            .Where(argument => !argument.StartsWith("this ", StringComparison.Ordinal))
            .Distinct();

        Assert.Equal(Names.Order(StringComparer.Ordinal), used.Order(StringComparer.Ordinal));
    }

    [GeneratedRegex(@"GetBlobClient\(((?:[^()]|\((?:[^()]|\([^()]*\))*\))*)\)")]
    private static partial Regex Client();
}
