using System.Collections.Immutable;
using System.Reflection;
using System.Text;
using CsCheck;
using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;
using StsFunctions.Protocol.TlsRpt;
using Xunit;

namespace StsFunctions.Tests.Protocol;

/// <summary>The only exception of the public API for any input is <see cref="ProtocolException"/>.</summary>
public sealed class PublicSurfaceTests
{
    private static readonly Policy Empty = new() { Mode = PolicyMode.None, MaxAge = 0 };

    /// <summary>Every public member that takes text or bytes from outside.</summary>
    private static readonly Dictionary<string, Action<string>> Parsers = new()
    {
        ["DomainName.Parse"] = text => DomainName.Parse(text),
        ["DomainName.TryParse"] = text => Assert.Equal(IsRead(DomainName.Parse, text), DomainName.TryParse(text, out _)),
        ["MxPattern.Parse"] = text => MxPattern.Parse(text),
        ["MxPattern.TryParse"] = text => Assert.Equal(IsRead(MxPattern.Parse, text), MxPattern.TryParse(text, out _)),
        ["Policy.Parse"] = text => Policy.Parse(Encoding.UTF8.GetBytes(text)),
        ["PolicyField..ctor"] = text => (Empty with { Extensions = [new PolicyField(text, text)] }).ToBytes(),
        ["StsRecord.Parse"] = text => StsRecord.Parse(text),
        ["StsRecord.Select"] = text => Assert.Equal(2, Count(StsRecord.Select([text, "v=STSv1;" + text]))),
        ["StsRecord.Id"] = text => Assert.Equal(text, StsRecord.Parse(new StsRecord { Id = text }.ToString()).Id),
        ["TlsRptRecord.Parse"] = text => TlsRptRecord.Parse(text),
        ["TlsRptRecord.Select"] = text => Assert.Equal(2, Count(TlsRptRecord.Select([text, "v=TLSRPTv1;" + text]))),
        ["TlsRptRecord.Rua"] = text => Assert.Equal([text], TlsRptRecord.Parse(new TlsRptRecord { Rua = [text] }.ToString()).Rua),
        ["TlsReportReader.ReadAsync"] = text => ReadReport(Encoding.UTF8.GetBytes(text)),
        ["TxtStrings.Join"] = text => Assert.Equal(text + text, TxtStrings.Join([text, text])),
        ["PolicyTypes.IsKnown"] = text => PolicyTypes.IsKnown(text),
        ["ResultTypes.IsRegistered"] = text => ResultTypes.IsRegistered(text),
    };

    // Types that only store their values.
    private static readonly Type[] Holders =
        [typeof(Deviation), typeof(FailureDetail), typeof(ReportEnvelope), typeof(ReportNote), typeof(ReportedPolicy), typeof(TlsReport), typeof(TxtSelection<>), typeof(ProtocolException)];

    private static readonly Gen<string> Texts = Gen.OneOf(
        Gen.String,
        Gen.String[Gen.Char["az09-._*:;=,@/%!{}[]\"\\ \t\r\n\0é。\uD83E\uDD89"], 0, 60],
        Gens.Damaged(
            "mail.example.com"u8.ToArray(), "*.xn--bcher-kva.example"u8.ToArray(), "version: STSv1\r\nmode: none\r\nmax_age: 0\r\nx: y\r\n"u8.ToArray(),
            "v=STSv1; id=20160831085700Z; a=b"u8.ToArray(), "v=TLSRPTv1; rua=mailto:a@b.example,https://c.example/"u8.ToArray(),
            "https://[::1]:443/a?b#c"u8.ToArray(), "mailto:a%40b@c.example?subject=x"u8.ToArray()).Select(Encoding.Latin1.GetString));

    public static TheoryData<string> AllParsers => [.. Parsers.Keys];

    [Theory]
    [MemberData(nameof(AllParsers))]
    public void No_text_throws_anything_but_a_ProtocolException(string parser) => Texts.Sample(
        text =>
        {
            try
            {
                Parsers[parser](text);
            }
            catch (ProtocolException fault)
            {
                Assert.NotEmpty(fault.Message);
            }
        },
        iter: 5_000);

    [Fact]
    public void Every_public_parser_is_in_this_table()
    {
        var found =
            from type in typeof(DomainName).Assembly.GetExportedTypes()
            where !Holders.Contains(type)
            from member in type.GetMembers(BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly)
            where member switch
            {
                PropertyInfo { SetMethod.IsPublic: true } property => IsForeign(property.PropertyType),
                MethodBase { IsSpecialName: false } or ConstructorInfo => ((MethodBase)member).GetParameters().Any(parameter => IsForeign(parameter.ParameterType)),
                _ => false,
            }
            select $"{type.Name}.{member.Name}";

        Assert.Equal(found.Distinct().Order(StringComparer.Ordinal), Parsers.Keys.Order(StringComparer.Ordinal));
    }

    private static bool IsForeign(Type type) =>
        type == typeof(string) || type == typeof(ReadOnlySpan<byte>) || type == typeof(Stream) || type == typeof(IEnumerable<string>)
        || type == typeof(IReadOnlyList<string>) || type == typeof(ImmutableArray<string>);

    private static bool IsRead<T>(Func<string, T> parse, string text)
    {
        try
        {
            parse(text);
            return true;
        }
        catch (ProtocolException)
        {
            return false;
        }
    }

    private static int Count<T>(TxtSelection<T> selection)
        where T : class => selection.Candidates.Length + selection.Dropped.Length;

    private static void ReadReport(byte[] utf8)
    {
        using var stream = new MemoryStream(utf8);
        TlsReportReader.ReadAsync(stream, TlsReportLimits.Default, TestContext.Current.CancellationToken).AsTask().GetAwaiter().GetResult();
    }
}
