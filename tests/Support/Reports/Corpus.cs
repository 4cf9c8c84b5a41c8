using System.Globalization;
using System.IO.Compression;
using StsFunctions.Local;

namespace StsFunctions.Tests.Reports;

/// <summary>A body or mail of the corpus, and what it must come to.</summary>
/// <param name="File">The file in <c>tests/Support/Reports/Corpus</c>.</param>
/// <param name="Wrapped">The containers around it, the innermost first, with the file's name in them; or nothing.</param>
/// <param name="Ids">The conformance ids that it proves.</param>
/// <param name="Comes">What is read: submitter, id, range, and each policy with its counts and details; or a part of the refusal.</param>
/// <param name="Notes">The codes of the notes, in order.</param>
internal sealed record Sample(string File, string Wrapped, string Ids, string Comes, params string[] Notes)
{
    private const string Alpha = "Alpha Mail|2026-03-13T00:00:00Z_example.com|2026-03-13 00:00:00..2026-03-13 23:59:59|";
    private const string Straight = Alpha + "example.com sts 90/10 1:10";

    /// <summary>Where they are.</summary>
    public static string Folder { get; } = Path.Combine(Repository.Root, "tests", "Support", "Reports", "Corpus");

    /// <summary>Invented bodies and mails over all the shapes in which senders bend RFC 8460, and what comes to a report's address besides.</summary>
    public static IReadOnlyList<Sample> All { get; } =
    [
        new("straight.json", "", "RPT-1 RPT-2 RPT-3", Straight),
        new("straight-rfc-appendix.json", "", "RPT-1 RPT-2 RPT-3", "Company-X|5065427c-23d3-47ca-b6e0-946ea0e8c4be|2026-03-13 00:00:00..2026-03-13 23:59:59|company-y.example sts 5326/303 3:303"),
        new("no-failures.json", "", "RPT-2", Alpha + "example.com sts 90/0 0:0"),
        new("several-policies.json", "", "RPT-2", Alpha + "example.com sts 90/10 1:10;example.com tlsa 88/12 1:12;example.com no-policy-found 1/0 0:0"),
        new("several-domains.json", "", "RPT-2 RPT-7", Alpha + "example.com sts 90/10 1:10;mail.example.org sts 5/0 0:0"),
        new("unknown-members.json", "", "RPT-5", Straight),
        new("all-registered-types.json", "", "RPT-4", Alpha + "example.com sts 90/66 11:66"),
        new("mx-host-string.json", "", "RPT-5", Straight, "string-for-list"),
        new("mx-host-absent.json", "", "RPT-5", Straight, "mx-host-missing"),
        new("mx-host-null.json", "", "RPT-5", Straight, "null-member"),
        new("mx-host-pattern.json", "", "RPT-5", Straight, "mx-host-pattern"),
        new("mx-host-prefix.json", "", "RPT-5", Straight, "mx-prefix"),
        new("mx-host-of-objects.json", "", "RPT-5", Straight, "mx-host-missing", "value-ignored"),
        new("policy-string-absent.json", "", "RPT-5", Straight, "policy-string-missing"),
        new("policy-string-string.json", "", "RPT-5", Straight, "string-for-list"),
        new("policy-string-json-in-string.json", "", "RPT-5", Straight, "list-in-string", "string-for-list"),
        new("policy-string-json-in-list.json", "", "RPT-5", Straight, "list-in-string"),
        new("no-policy-found-bare.json", "", "RPT-2", Alpha + "example.com no-policy-found 90/10 1:10"),
        new("contact-info-null.json", "", "RPT-5", Straight, "null-member"),
        new("contact-info-absent.json", "", "RPT-5", Straight, "contact-info-missing"),
        new("contact-info-list.json", "", "RPT-5", Straight, "contact-info-missing", "value-ignored"),
        new("report-id-number.json", "", "RPT-5", "Alpha Mail|20260313|2026-03-13 00:00:00..2026-03-13 23:59:59|example.com sts 90/10 1:10", "number-for-text"),
        new("report-id-absent.json", "", "RPT-5", "Alpha Mail||2026-03-13 00:00:00..2026-03-13 23:59:59|example.com sts 90/10 1:10", "report-id-missing"),
        new("organization-absent.json", "", "RPT-5", "|2026-03-13T00:00:00Z_example.com|2026-03-13 00:00:00..2026-03-13 23:59:59|example.com sts 90/10 1:10", "organization-name-missing"),
        new("policy-type-absent.json", "", "RPT-5", Alpha + "example.com  90/10 1:10", "policy-type-missing"),
        new("policy-type-unknown.json", "", "RPT-5", Alpha + "example.com dane-and-sts 90/10 1:10", "unknown-policy-type"),
        new("policies-empty.json", "", "RPT-5", Alpha + "", "policies-empty"),
        new("policies-empty.json", "gzip mail.alpha-mail.example!example.com!1773360000!1773446399!a1.json", "RPT-5", Alpha + "example.com  0/0 0:0", "domain-by-file-name", "policies-empty"),
        new("policies-object.json", "", "RPT-5", Straight, "object-for-array"),
        new("keys-in-other-case.json", "", "RPT-5", Straight, "key-in-other-case"),
        new("keys-with-underscores.json", "", "RPT-5", Straight, "key-in-other-case"),
        new("duplicate-keys.json", "", "RPT-5", Straight, "duplicate-key"),
        new("byte-order-mark.json", "", "RPT-5", Straight, "byte-order-mark"),
        new("trailing-zeros.json", "", "RPT-5", Straight, "trailing-bytes"),
        new("trailing-signature.json", "", "RPT-5", Straight, "trailing-bytes"),
        new("counts-as-strings.json", "", "RPT-5", Straight, "count-as-string"),
        new("counts-as-fractions.json", "", "RPT-5", Straight, "count-as-fraction"),
        new("total-failures-absent.json", "", "RPT-5", Straight, "total-missing"),
        new("total-successes-absent.json", "", "RPT-5", Alpha + "example.com sts 0/10 1:10", "total-missing"),
        new("summary-absent.json", "", "RPT-5", Alpha + "example.com sts 0/10 1:10", "total-missing"),
        new("sum-less-than-total.json", "", "RPT-5", Alpha + "example.com sts 90/25 1:10", "sum-differs"),
        new("sum-more-than-total.json", "", "RPT-5", Alpha + "example.com sts 90/10 2:20", "sum-differs"),
        new("detail-without-count.json", "", "RPT-5", Alpha + "example.com sts 90/1 1:1", "detail-count-missing"),
        new("dates-without-zone.json", "", "RPT-5", Straight, "date-without-zone"),
        new("dates-with-offset.json", "", "RPT-5", Straight, "date-in-other-zone"),
        new("dates-only.json", "", "RPT-5", Straight, "date-only"),
        new("dates-with-space.json", "", "RPT-5", Straight, "date-without-zone"),
        new("dates-as-seconds.json", "", "RPT-5", Straight, "date-in-other-form"),
        new("end-at-next-midnight.json", "", "RPT-5", "Alpha Mail|2026-03-13T00:00:00Z_example.com|2026-03-13 00:00:00..2026-03-14 00:00:00|example.com sts 90/10 1:10", "end-at-next-midnight"),
        new("end-absent.json", "", "RPT-5", Straight, "end-missing"),
        new("result-type-unknown.json", "", "RPT-4 RPT-5", Alpha + "example.com sts 90/2 2:2", "unknown-result-type"),
        new("result-type-absent.json", "", "RPT-5", Straight, "result-type-missing"),
        new("details-without-address.json", "", "RPT-5", Straight, "no-address"),
        new("details-with-placeholders.json", "", "RPT-5", Straight, "no-address", "placeholder"),
        new("details-null.json", "", "RPT-5", Alpha + "example.com sts 90/0 0:0", "null-member"),
        new("words-of-a-terminal.json", "", "RPT-5", Straight, "unknown-result-type"),
        new("many-kinds.json", "", "ARR-5 RPT-3", Alpha + "example.com sts 90/1200 1000:1100", "failures-summed"),
        new("domain-absent.json", "", "RPT-7 ARR-4", "unattributed"),
        new("domain-empty.json", "", "RPT-7 ARR-4", "unattributed"),
        new("domain-in-capitals.json", "", "RPT-7", Straight),
        new("domain-international.json", "", "RPT-7", Alpha + "xn--bcher-kva.example sts 90/10 1:10"),
        new("domain-is-an-address.json", "", "RPT-7", "Not a TLS report (RFC 8460 §4.4): At"),
        new("bare-of-all-but-counts.json", "", "ARR-4", "unattributed"),
        new("bare-of-all-but-counts.json", "gzip mail.alpha-mail.example!example.com!1773360000!1773446399!a1.json", "ARR-4", "mail.alpha-mail.example|a1|2026-03-13 00:00:00..2026-03-13 23:59:59|example.com sts 90/10 1:10", "contact-info-missing", "domain-by-file-name", "range-by-file-name", "report-id-by-file-name", "submitter-by-file-name"),
        new("domain-absent.json", "gzip mail.alpha-mail.example!example.com!1773360000!1773446399!a1.json", "ARR-4", Straight, "domain-by-file-name"),
        new("domain-absent.json", "zip mail.alpha-mail.example!example.com!1773360000!1773446399!a1.json", "ARR-4", Straight, "domain-by-file-name", "zip"),
        new("domain-absent.json", "gzip report.json", "ARR-4", "unattributed"),
        new("straight.json", "gzip other.example!other.example!1!2!other.json", "ARR-4", Straight),
        new("other-json.json", "", "ARR-1", "policies is missing"),
        new("list.json", "", "ARR-1", "holds an array where an object is expected"),
        new("cut-short.json", "", "ARR-1", "not one complete JSON object"),
        new("two-reports.json", "", "ARR-1", "A second JSON object follows"),
        new("count-negative.json", "", "RPT-2", "is not a count"),
        new("ends-before-it-starts.json", "", "RPT-1", "ends before it starts"),
        new("date-of-no-kind.json", "", "RPT-1", "write a date-time with its zone"),
        new("date-in-the-future.json", "", "RPT-1", "not of this time"),
        new("dmarc.xml", "", "ARR-1", "a DMARC aggregate report"),
        new("dmarc.xml", "gzip alpha-mail.example!example.com!1773360000!1773446399.xml", "ARR-1", "a DMARC aggregate report"),
        new("dmarc.xml", "zip alpha-mail.example!example.com!1773360000!1773446399.xml", "ARR-1", "a DMARC aggregate report"),
        new("page.html", "", "ARR-1", "a page of HTML"),
        new("nothing.bin", "", "ARR-1", "nothing at all"),
        new("white-space.txt", "", "ARR-1", "white space"),
        new("words.txt", "", "ARR-1", "a text"),
        new("random.bin", "", "ARR-1", "binary data of no known kind"),
        new("utf-16.txt", "", "ARR-1", "text in UTF-16"),
        new("straight.json", "gzip", "ARR-1", Straight),
        new("straight.json", "gzip mail.alpha-mail.example!example.com!1773360000!1773446399!a1.json", "ARR-1 ARR-4", Straight),
        new("straight.json", "gzip-members", "ARR-1", Straight, "several-gzip-members"),
        new("straight.json", "gzip+bytes", "ARR-1", Straight, "several-gzip-members"),
        new("straight.json", "gzip/gzip", "ARR-1", Straight, "compressed-twice"),
        new("straight.json", "zip mail.alpha-mail.example!example.com!1773360000!1773446399!a1.json", "ARR-1", Straight, "zip"),
        new("straight.json", "gzip/zip mail.alpha-mail.example!example.com!1773360000!1773446399!a1.json.gz", "ARR-1", Straight, "zip"),
        new("straight.json", "gzip-cut 1", "ARR-5", "broken or cut short"),
        new("straight.json", "gzip-cut 8", "ARR-5", "broken or cut short"),
        new("straight.json", "gzip-cut 100", "ARR-5", "broken or cut short"),
        new("straight.json", "zip-cut 30", "ARR-5", "broken or cut short"),
        new("straight.json", "gzip-spoilt", "ARR-5", "broken or cut short"),
        new("straight.json", "zip-spoilt", "ARR-5", "broken or cut short"),
        new("straight.json", "gzip/gzip/gzip/gzip/gzip/gzip", "ARR-5", "Sts__ReportMaxDepth"),
        new("mail-straight.eml", "", "ARR-2", Straight),
        new("mail-straight-json.eml", "", "ARR-2", Straight),
        new("mail-straight-json-quoted-printable.eml", "", "ARR-2", Straight),
        new("mail-mixed.eml", "", "ARR-2", Straight, "not-multipart-report"),
        new("mail-type-gzip.eml", "", "ARR-2", Straight, "wrong-media-type"),
        new("mail-type-octet-stream.eml", "", "ARR-2", Straight, "not-multipart-report", "wrong-media-type"),
        new("mail-type-octet-stream-without-name.eml", "", "ARR-2", Straight, "wrong-media-type"),
        new("mail-type-text.eml", "", "ARR-2", Straight, "wrong-media-type"),
        new("mail-type-says-gzip-is-json.eml", "", "ARR-2", Straight, "wrong-media-type"),
        new("mail-type-says-json-is-gzip.eml", "", "ARR-2", Straight, "wrong-media-type"),
        new("mail-inline.eml", "", "ARR-2", Straight),
        new("mail-zip.eml", "", "ARR-2", Straight, "not-multipart-report", "zip"),
        new("mail-several-attachments.eml", "", "ARR-2", Straight + " & " + Alpha + "example.org sts 1/0 0:0"),
        new("mail-domain-by-header.eml", "", "ARR-4", Straight, "domain-by-header"),
        new("mail-domain-by-file-name.eml", "", "ARR-4", Straight, "domain-by-file-name"),
        new("mail-domain-by-nothing.eml", "", "ARR-4 RPT-7", "unattributed"),
        new("mail-domain-contradicted.eml", "", "ARR-4 RPT-7", "unattributed"),
        new("mail-headers-never-over-the-body.eml", "", "ARR-4", Straight),
        new("mail-submitter-by-header.eml", "", "ARR-4", "alpha-mail.example|2026-03-13T00:00:00Z_example.com|2026-03-13 00:00:00..2026-03-13 23:59:59|example.com sts 90/10 1:10", "submitter-by-header"),
        new("mail-inner.eml", "", "ARR-2 ARR-4", Straight, "domain-by-header"),
        new("mail-forwarded.eml", "", "ARR-2 ARR-4", Straight, "domain-by-header", "forwarded"),
        new("mail-forwarded-as-file.eml", "", "ARR-2 ARR-4", Straight, "domain-by-header", "forwarded"),
        new("mail-single-part.eml", "", "ARR-2", Straight, "not-multipart-report"),
        new("mail-mbox.eml", "", "ARR-2", Straight, "domain-by-header"),
        new("mail-straight.eml", "gzip", "ARR-2", Straight, "compressed-mail"),
        new("mail-straight.eml", "zip mail.eml", "ARR-2", Straight, "compressed-mail", "zip"),
        new("mail-forwarded.eml", "gzip", "ARR-2 ARR-4", Straight, "compressed-mail", "domain-by-header", "forwarded"),
        new("mail-gzip-cut-short.eml", "", "ARR-5", "broken or cut short"),
        new("mail-dmarc.eml", "", "ARR-2", "a DMARC aggregate report"),
        new("mail-without-attachment.eml", "", "ARR-2", "holds no report"),
        new("mail-cron.eml", "", "ARR-2", "a mail of cron"),
        new("mail-bounce.eml", "", "ARR-2", "a delivery status notification"),
        new("mail-body-is-json.eml", "", "ARR-2", Straight, "not-multipart-report", "wrong-media-type"),
    ];

    /// <summary>Whether a report is read out of it.</summary>
    public bool IsRead => Comes.Contains('|', StringComparison.Ordinal);

    /// <summary>Its bytes, wrapped.</summary>
    public byte[] Bytes()
    {
        var bytes = System.IO.File.ReadAllBytes(Path.Combine(Folder, File));
        var (ways, name) = Wrapped.Split(' ', 2) is [var first, var rest] ? (first, rest) : (Wrapped, null);
        foreach (var way in ways.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            bytes = way switch
            {
                "gzip" => name is null || ways.Contains('/', StringComparison.Ordinal) ? Samples.Gzip(bytes) : Named(Samples.Gzip(bytes), name),
                "gzip-members" => [.. Samples.Gzip(bytes.AsSpan(0, 100)), .. Samples.Gzip(bytes.AsSpan(100))],
                "gzip+bytes" => [.. Samples.Gzip(bytes), .. "\r\n--"u8],
                "gzip-cut" => Samples.Gzip(bytes)[..^int.Parse(name!, CultureInfo.InvariantCulture)],
                "gzip-spoilt" => Spoilt(Samples.Gzip(bytes, CompressionLevel.NoCompression)),
                "zip" => Zip(name!, bytes),
                "zip-spoilt" => Spoilt(Zip("a.json", bytes, CompressionLevel.NoCompression)),
                "zip-cut" => Zip("a.json", bytes)[..^int.Parse(name!, CultureInfo.InvariantCulture)],
                _ => throw new InvalidOperationException(way),
            };
        }

        return bytes;
    }

    /// <summary>A zip file with one file.</summary>
    public static byte[] Zip(string name, byte[] content, CompressionLevel level = CompressionLevel.Optimal)
    {
        using var file = new MemoryStream();
        using (var zip = new ZipArchive(file, ZipArchiveMode.Create, leaveOpen: true))
        {
            using var entry = zip.CreateEntry(name, level).Open();
            entry.Write(content);
        }

        return file.ToArray();
    }

    // One letter of a text is another: the JSON stays well-formed, and only the checksum shows the difference.
    private static byte[] Spoilt(byte[] container)
    {
        var at = container.AsSpan().LastIndexOf("count"u8);
        container[at]++;
        return container;
    }

    // RFC 1952 §2.3.1: the flag FNAME, and the name behind the fixed part of the header.
    private static byte[] Named(byte[] gzip, string name) => [.. gzip.AsSpan(0, 3), (byte)(gzip[3] | 8), .. gzip.AsSpan(4, 6), .. Samples.Utf8(name), 0, .. gzip.AsSpan(10)];
}
