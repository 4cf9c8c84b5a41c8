using System.Text;
using System.Text.Json;

namespace StsFunctions.Protocol.TlsRpt;

/// <summary>
/// The free text of a failure detail, which differs each time: of thousands of one kind only the first is stored, and the
/// others never become a string.
/// </summary>
/// <param name="max">The longest text that is taken as bytes.</param>
internal sealed class LazyUtf8String(int max)
{
    /// <summary>Holds the text as bytes until it is needed.</summary>
    public static readonly string Mark = new('\0', 1);

    private byte[] _ascii = [];
    private int _length;
    private string? _text;

    /// <summary>Takes the reader's text as bytes, if they are its characters and not too many.</summary>
    public bool TryTake(ref Utf8JsonReader reader)
    {
        var text = reader.ValueSpan;
        if (reader.ValueIsEscaped || text.Length > max || !Ascii.IsValid(text))
        {
            return false;
        }

        if (_ascii.Length < text.Length)
        {
            _ascii = new byte[max];
        }

        text.CopyTo(_ascii);
        _length = text.Length;
        return true;
    }

    /// <summary>Ends the detail: its text, null for none, or <see cref="Mark"/> for the bytes that were taken.</summary>
    public void Settle(string? text) => _text = text;

    /// <summary>How many characters the text of the detail that has ended has; none where there is no text.</summary>
    public int Length => ReferenceEquals(_text, Mark) ? _length : _text?.Length ?? 0;

    /// <summary>The text of the detail that has ended.</summary>
    public string? Make() => ReferenceEquals(_text, Mark) ? Encoding.ASCII.GetString(_ascii, 0, _length) : _text;
}
