using System.Buffers.Text;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;

namespace StsFunctions.Local.Tokens;

/// <summary>An RSA key with a certificate of its own, as Entra has them.</summary>
internal sealed class IssuerKey : IDisposable
{
    private readonly RSA _rsa = RSA.Create(2048);
    private readonly byte[] _certificate;

    public IssuerKey(DateTimeOffset now)
    {
        var request = new CertificateRequest("CN=lab.accesscontrol.example", _rsa, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        using var certificate = request.CreateSelfSigned(now.AddDays(-30), now.AddYears(5));
        _certificate = certificate.RawData;
        Id = Base64Url.EncodeToString(certificate.GetCertHash(HashAlgorithmName.SHA1));
    }

    /// <summary>The id under which it is published: the certificate's thumbprint.</summary>
    public string Id { get; }

    /// <summary>The public half as PEM.</summary>
    public string PublicPem => _rsa.ExportSubjectPublicKeyInfoPem();

    /// <summary>As a JWK (RFC 7517), with the member <c>issuer</c> that Entra adds.</summary>
    public JsonObject ToJwk(string issuer)
    {
        var key = _rsa.ExportParameters(includePrivateParameters: false);
        return new JsonObject
        {
            ["kty"] = "RSA",
            ["use"] = "sig",
            ["kid"] = Id,
            ["x5t"] = Id,
            ["n"] = Base64Url.EncodeToString(key.Modulus),
            ["e"] = Base64Url.EncodeToString(key.Exponent),
            ["x5c"] = new JsonArray(Convert.ToBase64String(_certificate)),
            ["issuer"] = issuer,
        };
    }

    public byte[] Sign(string text, HashAlgorithmName hash) => _rsa.SignData(Encoding.ASCII.GetBytes(text), hash, RSASignaturePadding.Pkcs1);

    public void Dispose() => _rsa.Dispose();
}
