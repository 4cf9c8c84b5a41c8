namespace StsFunctions.Core.Access;

/// <summary>The body of an answer that is an error (RFC 9457). It says what to do, and nothing of what is inside.</summary>
internal sealed record Problem(string Type, string Title, int Status, string Detail);
