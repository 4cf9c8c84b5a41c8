using CsCheck;
using StsFunctions.Core.Reports;
using StsFunctions.Storage;
using Xunit;

namespace StsFunctions.Tests.Reports;

/// <summary>Which names may become the path of a blob.</summary>
public sealed class BlobNameTests
{
    private const string Hash = "abcdefghijklmnopqrstuvwxyz";

    public static TheoryData<string> NoNames =>
    [
        "", ".", "..", "../a", "a/..", "a/../b", "./a", "a/./b", "/a", "//a", "a//b", "a/", "\\a", "..\\a", "a\\..\\b", "%2e%2e/a", "%2E./a", ".%2e/a", "a%2fb", "a%5Cb", "a%00",
        "%41", "a\0", "a\n", "a\rb", "a\u0085b", "a\u007f", "a\ud800", "a ", new string('a', 1_025),
    ];

    [Theory]
    [MemberData(nameof(NoNames))]
    public void A_name_that_changes_as_part_of_a_URI_is_refused(string text)
    {
        Assert.False(BlobName.TryParse(text, out _));
        Assert.Throws<FormatException>(() => BlobName.Parse(text));
    }

    [Theory]
    [InlineData("report.json")]
    [InlineData("2026-03-14/" + Hash)]
    [InlineData("google.com!example.com!1773360000!1773446399!001.json.gz")]
    [InlineData("lost/ünïcode report.json")]
    [InlineData("報告")]
    [InlineData("...")]
    [InlineData("a/...b/.c")]
    [InlineData("50%")]
    [InlineData("a?b#c")]
    [InlineData("a+b&c=d;e@f:g")]
    public void A_name_that_does_not_change_is_accepted(string text) => Assert.Equal(text, BlobName.Parse(text).Value);

    [Fact]
    public void Every_accepted_name_is_the_same_path_in_the_request_of_the_client() => Gen.String[Gen.Char["./\\%2eEfF aü?#\n"], 0, 12].Sample(text =>
    {
        if (BlobName.TryParse(text, out var name))
        {
            var client = new Azure.Storage.Blobs.BlobContainerClient(new Uri("https://account.example/container")).GetBlobClient(name);
            Assert.Equal("/container/" + text, Uri.UnescapeDataString(client.Uri.AbsolutePath));
        }
    }, iter: 20_000);

    [Theory]
    [InlineData("2026-03-14/" + Hash, true)]
    [InlineData("2026-02-30/" + Hash, false)]
    [InlineData("2026-03-14/" + Hash + "a", false)]
    [InlineData("2026-03-14/ABCDEFGHIJKLMNOPQRSTUVWXYZ", false)]
    [InlineData("2026-03-14/../policies/example.co", false)]
    [InlineData("2026-03-14_" + Hash, false)]
    [InlineData("../2026-03-14/" + Hash, false)]
    [InlineData("raw", false)]
    [InlineData(null, false)]
    public void A_raw_report_is_named_by_its_day_and_its_hash_only(string? text, bool isId)
    {
        Assert.Equal(isId, RawReportId.TryParse(text, out var id));
        Assert.Equal(isId ? new DateOnly(2026, 3, 14) : null, id?.Day);
    }

    [Fact]
    public void A_name_that_the_app_makes_is_an_id() => Assert.True(RawReportId.TryParse(Keys.RawReport(TestStorage.Noon, "x"u8), out _));
}
