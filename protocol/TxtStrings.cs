namespace StsFunctions.Protocol;

/// <summary>The character-strings of one DNS TXT record.</summary>
public static class TxtStrings
{
    /// <summary>
    /// Joins the character-strings of one TXT record in their order, with nothing between them
    /// (RFC 8461 §3.1, RFC 8460 §3, RFC 7208 §3.3).
    /// </summary>
    public static string Join(IEnumerable<string> characterStrings) => string.Concat(characterStrings);
}
