using System.Net;
using System.Reflection;
using DnsClient;

namespace StsFunctions.Fuzz;

/// <summary>Messages of DNS, read by the library's own reader without a socket. It has no public one.</summary>
internal static class DnsMessage
{
    private const int MaxCharacterString = 255;

    private static readonly Assembly Library = typeof(LookupClient).Assembly;
    private static readonly object Handler = Activator.CreateInstance(TypeNamed("DnsClient.DnsUdpMessageHandler"), nonPublic: true)!;
    private static readonly MethodInfo GetResponseMessage = MethodNamed(Handler.GetType(), "GetResponseMessage");
    private static readonly MethodInfo AsResponse = MethodNamed(TypeNamed("DnsClient.DnsResponseMessage"), "AsQueryResponse");
    private static readonly NameServer Server = new(IPAddress.Loopback);
    private static readonly DnsQuerySettings Settings = new(new LookupClientOptions(IPAddress.Loopback) { UseCache = false, ThrowDnsErrors = false });

    /// <summary>A response as the client gets it. What the library throws for one that does not parse passes through.</summary>
    public static IDnsQueryResponse Read(byte[] message)
    {
        var read = Call(GetResponseMessage, Handler, new ArraySegment<byte>(message));
        return (IDnsQueryResponse)Call(AsResponse, read, Server, Settings);
    }

    /// <summary>A response with one TXT record (RFC 1035 §3.3.14).</summary>
    public static byte[] TxtResponse(ReadOnlySpan<byte> text)
    {
        var data = new List<byte>();
        foreach (var part in text.ToArray().Chunk(MaxCharacterString))
        {
            data.Add((byte)part.Length);
            data.AddRange(part);
        }

        return
        [
            0, 1, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0,
            1, (byte)'k', 7, .. "example"u8, 0, 0, 16, 0, 1,
            0xC0, 12, 0, 16, 0, 1, 0, 0, 1, 44, (byte)(data.Count >> 8), (byte)data.Count, .. data,
        ];
    }

    private static object Call(MethodInfo method, object target, params object[] arguments) =>
        method.Invoke(target, BindingFlags.DoNotWrapExceptions, binder: null, arguments, culture: null)!;

    private static Type TypeNamed(string name) => Library.GetType(name, throwOnError: true)!;

    private static MethodInfo MethodNamed(Type type, string name) =>
        type.GetMethod(name, BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic) ?? throw new MissingMethodException(type.FullName, name);
}
