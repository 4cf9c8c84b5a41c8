using System.Security.Authentication;

namespace StsFunctions.Local.Lab;

/// <summary>A message that a server accepted.</summary>
/// <param name="From">The envelope's sender; empty for a bounce.</param>
/// <param name="Recipients">The envelope's recipients.</param>
/// <param name="Message">The message as it came, dots unstuffed.</param>
/// <param name="Tls">The TLS version that it came over; None when it came in the clear.</param>
/// <param name="At">When it was taken.</param>
public sealed record ReceivedMail(
    string From, IReadOnlyList<string> Recipients, ReadOnlyMemory<byte> Message, SslProtocols Tls, DateTimeOffset At);
