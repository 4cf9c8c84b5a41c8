using System.Buffers.Binary;

namespace StsFunctions.Local.Lab;

/// <summary>A query as received: one question, and the client's EDNS0 options.</summary>
/// <param name="Id">The message's id.</param>
/// <param name="Flags">The header's second 16 bits.</param>
/// <param name="Name">The name asked for, normalized.</param>
/// <param name="Type">The type asked for.</param>
/// <param name="Raw">The question section's bytes, which are sent back unchanged (letter case included).</param>
/// <param name="Edns">The OPT record, if there is one.</param>
/// <param name="Fault">What is wrong with the query; NoError when it can be answered.</param>
internal sealed record DnsQuestion(
    ushort Id, ushort Flags, string Name, DnsRecordType Type, ReadOnlyMemory<byte> Raw, DnsClientEdns? Edns, DnsResponseCode Fault)
{
    private const int HeaderLength = 12;
    private const int InternetClass = 1;
    private const ushort ResponseBit = 0x8000;
    private const ushort OpcodeMask = 0x7800;
    private const int MaxAdditional = 4; // an OPT and perhaps a signature; no client needs more

    /// <summary>Null when not even an error can be answered: no header, or it is itself an answer.</summary>
    public static DnsQuestion? Read(ReadOnlyMemory<byte> message)
    {
        var bytes = message.Span;
        if (bytes.Length < HeaderLength || (UInt16(bytes, 2) & ResponseBit) != 0)
        {
            return null;
        }

        var bare = new DnsQuestion(UInt16(bytes, 0), UInt16(bytes, 2), "", default, default, null, DnsResponseCode.FormatError);
        if ((bare.Flags & OpcodeMask) != 0)
        {
            return bare with { Fault = DnsResponseCode.NotImplemented };
        }

        if (UInt16(bytes, 4) != 1 || UInt16(bytes, 6) != 0 || UInt16(bytes, 8) != 0 || UInt16(bytes, 10) > MaxAdditional)
        {
            return bare;
        }

        if (DnsName.Read(bytes[HeaderLength..]) is not var (name, length) || bytes.Length < HeaderLength + length + 4)
        {
            return bare;
        }

        var end = HeaderLength + length + 4;
        var type = (DnsRecordType)UInt16(bytes, end - 4);
        var asked = bare with { Name = name, Type = type, Raw = message[HeaderLength..end] };
        if (!TryReadEdns(bytes[end..], UInt16(bytes, 10), out var edns))
        {
            return asked;
        }

        asked = asked with { Edns = edns };
        return (edns, UInt16(bytes, end - 2)) switch
        {
            ({ Version: not 0 }, _) => asked with { Fault = DnsResponseCode.BadVersion },
            (_, not InternetClass) => asked with { Fault = DnsResponseCode.Refused },
            _ => asked with { Fault = DnsResponseCode.NoError },
        };
    }

    private static bool TryReadEdns(ReadOnlySpan<byte> additional, int count, out DnsClientEdns? edns)
    {
        edns = null;
        for (var n = 0; n < count; n++)
        {
            if (DnsName.Read(additional) is not var (name, length) || additional.Length < length + 10)
            {
                return false;
            }

            var fixedPart = additional.Slice(length, 10);
            var data = UInt16(fixedPart, 8);
            if (additional.Length < length + 10 + data)
            {
                return false;
            }

            if (UInt16(fixedPart, 0) == (int)DnsRecordType.Opt)
            {
                // One OPT, at the root (RFC 6891 §6.1.1).
                if (edns is not null || name.Length > 0)
                {
                    return false;
                }

                edns = new(UInt16(fixedPart, 2), fixedPart[5], (fixedPart[6] & 0x80) != 0);
            }

            additional = additional[(length + 10 + data)..];
        }

        return true;
    }

    private static ushort UInt16(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt16BigEndian(bytes[at..]);
}

/// <summary>A client's OPT record (RFC 6891 §6.1): the largest UDP message it takes, its version, and DO (RFC 3225).</summary>
internal sealed record DnsClientEdns(int PayloadSize, byte Version, bool DnssecOk);
