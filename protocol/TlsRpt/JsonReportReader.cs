using System.Text;
using System.Text.Json;

namespace StsFunctions.Protocol.TlsRpt;

/// <summary>
/// Reads the JSON of a report, and nothing of its meaning: the byte order mark, tokens that may continue in the next buffer, the limits
/// of depth and text, and what follows the report. It tells a <see cref="ReportBuilder"/> each name, value, start and end.
/// </summary>
/// <remarks>
/// Call <see cref="Take"/> for the bytes as they arrive, each time together with those that the call before did not consume, and
/// <see cref="Finish"/> after the last bytes. What the builder does not want is skipped here, with everything inside it.
/// </remarks>
internal sealed class JsonReportReader
{
    private readonly TlsReportLimits _limits;
    private readonly ReportBuilder _builder;
    private readonly ReportNotes _notes = new();
    private readonly StringInterner _strings = new();
    private JsonReaderState _state;
    private long _taken;
    private bool _isWanted = true;
    private int? _skippedDepth;

    public JsonReportReader(TlsReportLimits limits, ReportEnvelope envelope)
    {
        _limits = limits;
        _builder = new ReportBuilder(limits, envelope, _notes);
        _state = new JsonReaderState(new JsonReaderOptions { MaxDepth = limits.MaxDepth });
    }

    /// <summary>Consumes the complete tokens, and returns their number of bytes.</summary>
    /// <param name="utf8">The bytes that were not consumed before, and those that have arrived since.</param>
    /// <param name="ended">Whether these are the last bytes.</param>
    public int Take(ReadOnlySpan<byte> utf8, bool ended)
    {
        var consumed = _taken == 0 ? SkipByteOrderMark(utf8) : 0;
        if (_builder.Report is null)
        {
            consumed += TakeTokens(utf8[consumed..], ended);
        }

        return _builder.Report is null ? consumed : consumed + TakeTrailing(utf8[consumed..]);
    }

    /// <summary>The report, once everything is consumed: the JSON reader ends only after a complete root, which must be an object.</summary>
    public TlsReport Finish() => _builder.Report! with { Notes = _notes.All() };

    /// <summary>An exception for a report.</summary>
    public static ProtocolException Refused(string problem, long offset, Exception? cause = null) =>
        new(problem, "RFC 8460 §4.4", offset: offset, cause: cause);

    private int SkipByteOrderMark(ReadOnlySpan<byte> utf8)
    {
        if (!utf8.StartsWith("\uFEFF"u8))
        {
            return 0;
        }

        _notes.Add(Deviation.ByteOrderMark, "the beginning");
        _taken = 3;
        return 3;
    }

    private int TakeTokens(ReadOnlySpan<byte> utf8, bool ended)
    {
        var reader = new Utf8JsonReader(utf8, ended, _state);
        try
        {
            while (_builder.Report is null && reader.Read())
            {
                TakeToken(ref reader);
            }
        }
        catch (JsonException cause)
        {
            // The reader's message may repeat the whole report.
            throw Refused($"The report is not one complete JSON object: {ProtocolException.Quote(cause.Message)}.", _taken + reader.BytesConsumed, cause);
        }

        _state = reader.CurrentState;
        _taken += reader.BytesConsumed;
        return (int)reader.BytesConsumed;
    }

    private int TakeTrailing(ReadOnlySpan<byte> utf8)
    {
        var rest = utf8.TrimStart(" \t\r\n"u8);
        if (!rest.IsEmpty)
        {
            // Refuse, rather than lose what could be a second report.
            if (rest[0] == (byte)'{' && !_notes.Has(Deviation.TrailingBytes))
            {
                throw Refused("A second JSON object follows the report: send each report by itself.", _taken + (utf8.Length - rest.Length));
            }

            if (_notes.IsFirst(Deviation.TrailingBytes))
            {
                _notes.Add(Deviation.TrailingBytes, "after the report", Encoding.Latin1.GetString(rest[..Math.Min(rest.Length, 20)]));
            }
        }

        _taken += utf8.Length;
        return utf8.Length;
    }

    private void TakeToken(ref Utf8JsonReader reader)
    {
        var offset = _taken + reader.TokenStartIndex;
        if (reader.ValueSpan.Length > _limits.MaxStringLength)
        {
            throw Refused($"A text of {reader.ValueSpan.Length} bytes is longer than the {_limits.MaxStringLength} allowed.", offset);
        }

        if (_skippedDepth is { } depth)
        {
            _skippedDepth = reader.TokenType is JsonTokenType.EndObject or JsonTokenType.EndArray && reader.CurrentDepth == depth ? null : depth;
            return;
        }

        _builder.Offset = offset;
        Tell(ref reader);
    }

    private void Tell(ref Utf8JsonReader reader)
    {
        var isWanted = _isWanted;
        _isWanted = true;
        switch (reader.TokenType)
        {
            case JsonTokenType.PropertyName:
                _isWanted = _builder.Name(reader.ValueIsEscaped ? Encoding.UTF8.GetBytes(TextOf(ref reader)) : reader.ValueSpan);
                break;
            case JsonTokenType.StartObject or JsonTokenType.StartArray when !isWanted || !_builder.Start(reader.TokenType):
                _skippedDepth = reader.CurrentDepth;
                break;
            case JsonTokenType.StartObject or JsonTokenType.StartArray:
                break;
            case JsonTokenType.EndObject or JsonTokenType.EndArray:
                _builder.End();
                break;
            case JsonTokenType.String or JsonTokenType.Number when isWanted:
                _builder.Value(reader.TokenType, TextOf(ref reader));
                break;
            case var literal when isWanted:
                _builder.Value(literal, "");
                break;
        }
    }

    private string TextOf(ref Utf8JsonReader reader)
    {
        try
        {
            return _strings.Take(ref reader);
        }
        catch (InvalidOperationException cause)
        {
            // RFC 7493 §2.1 (I-JSON): UTF-8, and no half of a surrogate pair by escape.
            throw Refused("A text is not valid Unicode (RFC 7493 §2.1).", _builder.Offset, cause);
        }
    }
}
