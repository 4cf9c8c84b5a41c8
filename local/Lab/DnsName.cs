using System.Buffers;
using System.Text;

namespace StsFunctions.Local.Lab;

/// <summary>Domain names as the zone keys them, and as messages carry them (RFC 1035 §3.1).</summary>
internal static class DnsName
{
    private const int MaxLabel = 63;
    private const int MaxName = 255; // on the wire, length octets and root included

    /// <summary>Lower case, without the dot at the end; the root is the empty string.</summary>
    public static string Normalize(string name) => name.TrimEnd('.').ToLowerInvariant();

    /// <exception cref="ArgumentException">The name cannot be written: a label or the whole is empty, too long or not ASCII.</exception>
    public static void Write(string name, IBufferWriter<byte> to)
    {
        var normal = name.TrimEnd('.');
        if (normal.Length + 2 > MaxName)
        {
            throw new ArgumentException($"A domain name has at most 253 characters: '{name}'.", nameof(name));
        }

        foreach (var label in normal.Length == 0 ? [] : normal.Split('.'))
        {
            if (label.Length is 0 or > MaxLabel || !Ascii.IsValid(label))
            {
                throw new ArgumentException($"'{label}' in '{name}' is not a label: 1 to 63 ASCII characters (write an IDN as its A-label).", nameof(name));
            }

            to.Write([(byte)label.Length]);
            to.Write(Encoding.ASCII.GetBytes(label));
        }

        to.Write([(byte)0]);
    }

    /// <summary>Reads an uncompressed name; a question's is first in its message, so that a pointer has nothing to point at.</summary>
    /// <returns>The normal form and the number of bytes read, or null if the bytes are not a name.</returns>
    public static (string Name, int Length)? Read(ReadOnlySpan<byte> from)
    {
        var name = new StringBuilder();
        for (var at = 0; at < from.Length && at < MaxName;)
        {
            var length = from[at++];
            if (length == 0)
            {
                return (name.ToString(), at);
            }

            if (length > MaxLabel || at + length > from.Length)
            {
                return null;
            }

            if (name.Length > 0)
            {
                name.Append('.');
            }

            foreach (var octet in from.Slice(at, length))
            {
                // A dot inside a label is not the dot between two.
                if (octet == '.')
                {
                    name.Append('\\');
                }

                name.Append(char.ToLowerInvariant((char)octet));
            }

            at += length;
        }

        return null;
    }
}
