using CsCheck;
using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;
using StsFunctions.Protocol.TlsRpt;

namespace StsFunctions.Tests.Protocol;

/// <summary>Arbitrary values of the protocol's types, and damaged forms of good input.</summary>
internal static class Gens
{
    private const string Alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

    private static readonly Gen<string> Label =
        Gen.Select(Gen.Char["abcdefghijklmnopqrstuvwxyz"], Gen.String[Gen.Char["abcxyz0189-"], 0, 20], (first, rest) => (first + rest).TrimEnd('-'));

    private static readonly Gen<string> FieldName =
        Gen.Select(Gen.Char[Alphanumeric], Gen.String[Gen.Char[Alphanumeric + "_-."], 0, 31], (first, rest) => first + rest);

    public static readonly Gen<DomainName> DomainName =
        Label.Array[1, 5].Select(labels => StsFunctions.Protocol.DomainName.Parse(string.Join('.', labels)));

    public static readonly Gen<MxPattern> MxPattern =
        Gen.Select(Gen.Bool, DomainName, (wildcard, name) => StsFunctions.Protocol.MtaSts.MxPattern.Parse(wildcard ? $"*.{name}" : name.Value));

    private static readonly Gen<PolicyField> Extension =
        Gen.Select(
            FieldName.Where(key => key is not ("version" or "mode" or "max_age" or "mx")),
            Gen.String.Select(text => "v" + string.Concat(text.Where(c => !char.IsControl(c) && !char.IsSurrogate(c))) + "é🦉."),
            (key, value) => new PolicyField(key, value));

    public static readonly Gen<Policy> Policy =
        Gen.Select(
            Gen.Enum<PolicyMode>(),
            Gen.Int[0, StsFunctions.Protocol.MtaSts.Policy.MaxMaxAge],
            MxPattern.Array[1, 6],
            Extension.Array[0, 4],
            (mode, maxAge, mx, extensions) => new Policy
            {
                Mode = mode,
                MaxAge = maxAge,
                Mx = [.. mx],
                Extensions = [.. extensions.DistinctBy(e => e.Key)],
            });

    public static readonly Gen<StsRecord> StsRecord =
        Gen.String[Gen.Char[Alphanumeric], 1, 32].Select(id => new StsRecord { Id = id });

    public static readonly Gen<TlsRptRecord> TlsRptRecord =
        Gen.OneOf(
            Gen.Select(Label, DomainName, (local, domain) => $"mailto:{local}%2C@{domain}?subject=a"),
            Gen.Select(DomainName, Label, (host, path) => $"https://{host}/{path}?q=a=b"))
            .Array[1, 4].Select(uris => new TlsRptRecord { Rua = [.. uris] });

    private static readonly Gen<string?> OptionalText = Gen.Null(Gen.String.Select(WithoutSurrogates));

    // No placeholder, which would be read as absent.
    private static readonly Gen<string?> OptionalName = Gen.Null(Gen.String.Select(text => "h" + WithoutSurrogates(text)));

    private static readonly Gen<FailureDetail> FailureDetail =
        Gen.Select(
            Gen.OneOf<string>([.. ResultTypes.All, "made-up-type"]),
            OptionalName,
            OptionalName,
            OptionalName,
            Gen.Long[0, (1L << 53) - 1],
            (type, ip, host, text, count) => new FailureDetail
            {
                ResultType = type,
                SendingMtaIp = ip,
                ReceivingMxHostname = host,
                ReceivingMxHelo = text,
                ReceivingIp = ip,
                FailedSessions = count,
                AdditionalInformation = text,
                FailureReasonCode = host,
            });

    private static readonly Gen<ReportedPolicy> ReportedPolicy =
        Gen.Select(
            Gen.OneOf(PolicyTypes.Sts, PolicyTypes.Tlsa, PolicyTypes.NoPolicyFound, "else"),
            Gen.String.Select(WithoutSurrogates).Array[0, 3],
            DomainName,
            Gen.Long[0, 1_000],
            FailureDetail.Array[0, 4],
            (type, lines, domain, count, details) => new ReportedPolicy
            {
                PolicyType = type,
                PolicyString = [.. lines],
                PolicyDomain = domain,
                MxHosts = [.. lines.Reverse()],
                SuccessfulSessions = count,
                FailedSessions = 1_000 - count,
                FailureDetails = [.. details],
            });

    public static readonly Gen<TlsReport> TlsReport =
        Gen.Select(
            OptionalText,
            Gen.Long[0, DateTimeOffset.MaxValue.Ticks - TimeSpan.TicksPerDay],
            OptionalText,
            Gen.String.Select(WithoutSurrogates),
            ReportedPolicy.Array[0, 3],
            (organization, start, contact, id, policies) => new TlsReport
            {
                OrganizationName = organization,
                Start = new DateTimeOffset(start, TimeSpan.Zero),
                End = new DateTimeOffset(start + TimeSpan.TicksPerDay, TimeSpan.Zero),
                ContactInfo = contact,
                ReportId = id,
                Policies = [.. policies],
            });

    /// <summary>Good input with a few bytes replaced, added, dropped or doubled: it gets deeper than arbitrary bytes do.</summary>
    public static Gen<byte[]> Damaged(params byte[][] good) =>
        Gen.Select(Gen.OneOf<byte[]>(good), Gen.Select(Gen.Int[0, 3], Gen.Int[0, int.MaxValue], Gen.Byte).Array[1, 6], (start, edits) =>
        {
            var bytes = start.ToList();
            foreach (var (kind, where, value) in edits)
            {
                var at = where % (bytes.Count + 1);
                switch (kind)
                {
                    case 0:
                        bytes.Insert(at, value);
                        break;
                    case 1 when at < bytes.Count:
                        bytes[at] = value;
                        break;
                    case 2 when at < bytes.Count:
                        bytes.RemoveAt(at);
                        break;
                    default:
                        bytes.InsertRange(at, bytes.Skip(at).Take(value).ToArray());
                        break;
                }
            }

            return bytes.ToArray();
        });

    private static string WithoutSurrogates(string text) => string.Concat(text.Where(c => !char.IsSurrogate(c)));
}
