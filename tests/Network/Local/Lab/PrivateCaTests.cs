using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Time.Testing;
using StsFunctions.Local.Lab;
using Xunit;

namespace StsFunctions.Tests.Local.Lab;

public sealed class PrivateCaTests : IDisposable
{
    private static readonly DateTimeOffset Now = new(2031, 5, 6, 7, 8, 9, TimeSpan.Zero);

    private readonly PrivateCa _ca = new(new FakeTimeProvider(Now));

    public static TheoryData<string, CertificateSpec, X509ChainStatusFlags> Certificates => new()
    {
        { "good, ECDSA", For(), X509ChainStatusFlags.NoError },
        { "good, RSA", For() with { Key = KeyKind.Rsa }, X509ChainStatusFlags.NoError },
        { "good, misordered", For() with { Sends = SentChain.Misordered }, X509ChainStatusFlags.NoError },
        { "expired", For() with { NotAfterFromNow = TimeSpan.FromSeconds(-1) }, X509ChainStatusFlags.NotTimeValid },
        { "not yet valid", For() with { NotBeforeFromNow = TimeSpan.FromSeconds(2) }, X509ChainStatusFlags.NotTimeValid },
        { "self-signed", For() with { Signer = CertificateSigner.Itself }, X509ChainStatusFlags.UntrustedRoot },
        { "self-signed, RSA", For() with { Signer = CertificateSigner.Itself, Key = KeyKind.Rsa }, X509ChainStatusFlags.UntrustedRoot },
        { "signed by an untrusted CA", For() with { Signer = CertificateSigner.UntrustedCa }, X509ChainStatusFlags.PartialChain },
        { "without its intermediate", For() with { Sends = SentChain.LeafOnly }, X509ChainStatusFlags.PartialChain },
        { "for clients only", For() with { ExtendedKeyUsage = CertificateSpec.ClientAuthentication }, X509ChainStatusFlags.NotValidForUsage },
    };

    [Theory]
    [MemberData(nameof(Certificates))]
    public void A_certificate_has_the_requested_fault(string what, CertificateSpec spec, X509ChainStatusFlags expected)
    {
        var issued = _ca.Issue(spec);

        Assert.True(issued.Leaf.HasPrivateKey, what);
        Assert.Equal(expected, Verify(issued));
    }

    [Fact]
    public void The_times_of_a_certificate_come_from_the_time_provider()
    {
        var leaf = _ca.Issue(For() with { NotBeforeFromNow = TimeSpan.FromHours(-2), NotAfterFromNow = TimeSpan.FromDays(9) }).Leaf;

        Assert.Equal(Now.AddHours(-2).UtcDateTime, leaf.NotBefore.ToUniversalTime());
        Assert.Equal(Now.AddDays(9).UtcDateTime, leaf.NotAfter.ToUniversalTime());
    }

    [Theory]
    [InlineData("mx.example.com", "mx.example.com", true)]
    [InlineData("*.example.com", "mx.example.com", true)]
    [InlineData("mail.somewhere-else.example", "mx.example.com", false)]
    public void A_certificate_has_the_requested_names(string name, string host, bool matches) =>
        Assert.Equal(matches, _ca.Issue(CertificateSpec.For(name)).Leaf.MatchesHostname(host, allowWildcards: true, allowCommonName: false));

    [Fact]
    public void A_common_name_is_not_a_subject_alternative_name()
    {
        var leaf = _ca.Issue(new CertificateSpec { CommonName = "mx.example.com" }).Leaf;

        Assert.Equal("CN=mx.example.com", leaf.Subject);
        Assert.DoesNotContain(leaf.Extensions, extension => extension is X509SubjectAlternativeNameExtension);
    }

    [Fact]
    public void A_certificate_is_issued_for_a_name_too_long_for_a_common_name()
    {
        var name = $"{new string('a', 63)}.example.com";

        Assert.True(_ca.Issue(CertificateSpec.For(name)).Leaf.MatchesHostname(name));
    }

    [Fact]
    public void The_root_is_exported_without_its_key()
    {
        using var root = X509Certificate2.CreateFromPem(_ca.RootPem);

        Assert.Equal(_ca.Root.Thumbprint, root.Thumbprint);
        Assert.False(_ca.Root.HasPrivateKey);
        Assert.False(_ca.Intermediate.HasPrivateKey);
    }

    [Theory]
    [InlineData(StoreName.My)]
    [InlineData(StoreName.CertificateAuthority)]
    [InlineData(StoreName.Root)]
    public void No_certificate_is_added_to_a_store_of_the_user(StoreName name)
    {
        var issued = _ca.Issue(For());
        Verify(issued);

        using var store = new X509Store(name, StoreLocation.CurrentUser);
        store.Open(OpenFlags.ReadOnly);

        foreach (var ours in new[] { _ca.Root, _ca.Intermediate, issued.Leaf })
        {
            Assert.Empty(store.Certificates.Find(X509FindType.FindByThumbprint, ours.Thumbprint, validOnly: false));
        }
    }

    [Fact]
    public void Times_in_the_wrong_order_are_refused() =>
        Assert.ThrowsAny<ArgumentException>(() => _ca.Issue(For() with { NotAfterFromNow = TimeSpan.FromDays(-5) }));

    public void Dispose() => _ca.Dispose();

    private static CertificateSpec For() => CertificateSpec.For("mx.example.com");

    private X509ChainStatusFlags Verify(IssuedCertificate issued)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.Add(_ca.Root);
        chain.ChainPolicy.ExtraStore.AddRange(issued.Chain.ToArray());
        chain.ChainPolicy.DisableCertificateDownloads = true;
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.VerificationTime = Now.UtcDateTime;
        chain.ChainPolicy.ApplicationPolicy.Add(new Oid(CertificateSpec.ServerAuthentication));
        chain.Build(issued.Leaf);
        return chain.ChainStatus.Aggregate(X509ChainStatusFlags.NoError, (all, status) => all | status.Status);
    }
}
