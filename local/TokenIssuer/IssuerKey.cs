using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace StsFunctions.Local.Tokens;

/// <summary>An RSA key with its id, and the two things that are done with it.</summary>
internal sealed class IssuerKey : IDisposable
{
    private readonly RSA _rsa = RSA.Create(2048);

    /// <summary>The id under which it is published.</summary>
    public string Id { get; } = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(20));

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
            ["n"] = Base64Url.EncodeToString(key.Modulus),
            ["e"] = Base64Url.EncodeToString(key.Exponent),
            ["issuer"] = issuer,
        };
    }

    public byte[] Sign(string text, HashAlgorithmName hash) => _rsa.SignData(Encoding.ASCII.GetBytes(text), hash, RSASignaturePadding.Pkcs1);

    public void Dispose() => _rsa.Dispose();
}
