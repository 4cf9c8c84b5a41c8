using System.Buffers;
using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace StsFunctions.Local.Lab;

/// <summary>One resource record without its owner: a type, a time to live and its data as the wire carries it.</summary>
public sealed class DnsRecord
{
    /// <summary>The time to live of a record that does not say otherwise.</summary>
    public static readonly TimeSpan DefaultTimeToLive = TimeSpan.FromMinutes(5);

    private DnsRecord(DnsRecordType type, Action<ArrayBufferWriter<byte>> write, string? target = null)
    {
        var data = new ArrayBufferWriter<byte>();
        write(data);
        Type = type;
        Data = data.WrittenMemory;
        Target = target;
    }

    private DnsRecord(DnsRecord other, TimeSpan timeToLive) =>
        (Type, Data, Target, TimeToLive) = (other.Type, other.Data, other.Target, timeToLive);

    /// <summary>The type.</summary>
    public DnsRecordType Type { get; }

    /// <summary>How long a resolver may cache it, in whole seconds.</summary>
    public TimeSpan TimeToLive { get; } = DefaultTimeToLive;

    /// <summary>RDATA.</summary>
    internal ReadOnlyMemory<byte> Data { get; }

    /// <summary>Where a CNAME leads, normalized; null for every other type.</summary>
    internal string? Target { get; }

    /// <summary>The same record with another time to live.</summary>
    public DnsRecord For(TimeSpan timeToLive) => new(this, timeToLive);

    /// <summary>A or AAAA, by the family of the address.</summary>
    public static DnsRecord Address(IPAddress address) => new(
        address.AddressFamily == AddressFamily.InterNetworkV6 ? DnsRecordType.Aaaa : DnsRecordType.A,
        data => data.Write(address.GetAddressBytes()));

    /// <summary>MX; the exchange <c>.</c> with preference 0 is a null MX (RFC 7505 §3).</summary>
    public static DnsRecord Mx(ushort preference, string exchange) => new(DnsRecordType.Mx, data =>
    {
        WriteUInt16(data, preference);
        DnsName.Write(exchange, data);
    });

    /// <summary>TXT, in the character-strings given, each of at most 255 bytes.</summary>
    /// <exception cref="ArgumentException">There is no string, or one is too long.</exception>
    public static DnsRecord Txt(params string[] strings)
    {
        if (strings.Length == 0)
        {
            throw new ArgumentException("A TXT record holds one string or more.", nameof(strings));
        }

        return new(DnsRecordType.Txt, data =>
        {
            foreach (var text in strings)
            {
                WriteCharacterString(data, text);
            }
        });
    }

    /// <summary>CNAME.</summary>
    public static DnsRecord Cname(string target) =>
        new(DnsRecordType.Cname, data => DnsName.Write(target, data), DnsName.Normalize(target));

    /// <summary>NS.</summary>
    public static DnsRecord Ns(string server) => new(DnsRecordType.Ns, data => DnsName.Write(server, data));

    /// <summary>SOA: the name that holds it is the apex of a zone. Times are whole seconds.</summary>
    public static DnsRecord Soa(string server, string mailbox, uint serial, TimeSpan negativeTimeToLive) => new(DnsRecordType.Soa, data =>
    {
        DnsName.Write(server, data);
        DnsName.Write(mailbox, data);
        WriteUInt32(data, serial);
        WriteUInt32(data, 3600); // refresh, retry and expire, in seconds: for secondaries, of which there are none
        WriteUInt32(data, 600);
        WriteUInt32(data, 604800);
        WriteUInt32(data, (uint)negativeTimeToLive.TotalSeconds);
    });

    /// <summary>CAA (RFC 8659 §4.1).</summary>
    public static DnsRecord Caa(byte flags, string tag, string value) => new(DnsRecordType.Caa, data =>
    {
        data.Write([flags]);
        WriteCharacterString(data, tag);
        data.Write(Encoding.UTF8.GetBytes(value));
    });

    /// <summary>TLSA (RFC 6698 §2.1).</summary>
    public static DnsRecord Tlsa(byte usage, byte selector, byte matching, ReadOnlyMemory<byte> association) => new(DnsRecordType.Tlsa, data =>
    {
        data.Write([usage, selector, matching]);
        data.Write(association.Span);
    });

    internal static void WriteUInt16(IBufferWriter<byte> to, int value)
    {
        BinaryPrimitives.WriteUInt16BigEndian(to.GetSpan(2), (ushort)value);
        to.Advance(2);
    }

    internal static void WriteUInt32(IBufferWriter<byte> to, uint value)
    {
        BinaryPrimitives.WriteUInt32BigEndian(to.GetSpan(4), value);
        to.Advance(4);
    }

    private static void WriteCharacterString(ArrayBufferWriter<byte> to, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        if (bytes.Length > byte.MaxValue)
        {
            throw new ArgumentException($"A character-string has at most 255 bytes, this one {bytes.Length}: split it in two.", nameof(text));
        }

        to.Write([(byte)bytes.Length]);
        to.Write(bytes);
    }
}
