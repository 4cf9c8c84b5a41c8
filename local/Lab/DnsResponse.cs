using System.Buffers;

namespace StsFunctions.Local.Lab;

/// <summary>Writes a response message (RFC 1035 §4.1).</summary>
internal static class DnsResponse
{
    /// <summary>The largest UDP message sent to a client that says nothing of EDNS0 (RFC 1035 §4.2.1).</summary>
    public const int PlainUdpSize = 512;

    /// <summary>The largest UDP message sent at all: it is never fragmented on the way (RFC 9715 §3.1).</summary>
    public const int MaxUdpSize = 1232;

    /// <summary>The largest message over TCP, by its two-byte length (RFC 1035 §4.2.2).</summary>
    public const int MaxTcpSize = ushort.MaxValue;

    private const ushort ResponseFlags = 0x8000 | 0x0400 | 0x0080; // QR, AA, RA: authority and resolver in one
    private const ushort TruncatedFlag = 0x0200;
    private const ushort RecursionDesiredFlag = 0x0100;
    private const ushort AuthenticFlag = 0x0020;
    private const ushort QuestionPointer = 0xC00C; // the name right after the header

    /// <summary>Where the answer does not fit, the TC bit is set and no record is sent (RFC 2181 §9).</summary>
    public static ReadOnlyMemory<byte> Write(DnsQuestion question, DnsAnswer answer, bool overUdp)
    {
        if (overUdp && answer.TruncatedOverUdp)
        {
            return Write(question, answer.Code, [], [], truncated: true);
        }
        // It is set only for clients that request it (RFC 6840 §5.7).
        var isAuthentic = answer.IsAuthentic && (question.Edns is { DnssecOk: true } || (question.Flags & AuthenticFlag) != 0);

        var limit = overUdp ? Math.Clamp(question.Edns?.PayloadSize ?? PlainUdpSize, PlainUdpSize, MaxUdpSize) : MaxTcpSize;
        var whole = Write(question, answer.Code, answer.Answers, answer.Authority, truncated: false, isAuthentic);
        return whole.Length <= limit ? whole : Write(question, answer.Code, [], [], truncated: true);
    }

    private static ReadOnlyMemory<byte> Write(
        DnsQuestion question, DnsResponseCode code, IReadOnlyList<OwnedRecord> answers, IReadOnlyList<OwnedRecord> authority, bool truncated, bool isAuthentic = false)
    {
        var message = new ArrayBufferWriter<byte>(PlainUdpSize);
        DnsRecord.WriteUInt16(message, question.Id);
        DnsRecord.WriteUInt16(
            message,
            ResponseFlags | question.Flags & RecursionDesiredFlag | (truncated ? TruncatedFlag : 0) | (isAuthentic ? AuthenticFlag : 0) | (int)code & 0xF);
        DnsRecord.WriteUInt16(message, question.Raw.IsEmpty ? 0 : 1);
        DnsRecord.WriteUInt16(message, answers.Count);
        DnsRecord.WriteUInt16(message, authority.Count);
        DnsRecord.WriteUInt16(message, question.Edns is null ? 0 : 1);
        message.Write(question.Raw.Span);
        foreach (var (owner, record) in answers)
        {
            WriteRecord(message, question.Name, owner, record);
        }

        foreach (var (owner, record) in authority)
        {
            WriteRecord(message, question.Name, owner, record);
        }

        if (question.Edns is { } edns)
        {
            WriteOpt(message, edns, code);
        }

        return message.WrittenMemory;
    }

    private static void WriteRecord(ArrayBufferWriter<byte> message, string asked, string owner, DnsRecord record)
    {
        if (owner == asked)
        {
            DnsRecord.WriteUInt16(message, QuestionPointer);
        }
        else
        {
            DnsName.Write(owner, message);
        }

        DnsRecord.WriteUInt16(message, (int)record.Type);
        DnsRecord.WriteUInt16(message, 1);
        DnsRecord.WriteUInt32(message, (uint)record.TimeToLive.TotalSeconds);
        DnsRecord.WriteUInt16(message, record.Data.Length);
        message.Write(record.Data.Span);
    }

    private static void WriteOpt(ArrayBufferWriter<byte> message, DnsClientEdns client, DnsResponseCode code)
    {
        message.Write([(byte)0]);
        DnsRecord.WriteUInt16(message, (int)DnsRecordType.Opt);
        DnsRecord.WriteUInt16(message, MaxUdpSize);
        message.Write((ReadOnlySpan<byte>)[(byte)((int)code >> 4), 0]); // the rest of RCODE, and version 0
        DnsRecord.WriteUInt16(message, client.DnssecOk ? 0x8000 : 0);
        DnsRecord.WriteUInt16(message, 0);
    }
}
