using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;

namespace StsFunctions.Cli;

/// <summary>Reads policy files that a person names.</summary>
internal static class PolicyFiles
{
    /// <summary>Reads a policy file.</summary>
    /// <exception cref="IOException">It does not exist, is too long, or is not a policy; the message names the file and the problem.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    public static async Task<Policy> ReadAsync(FileInfo file, CancellationToken cancellationToken)
    {
        if (!file.Exists)
        {
            throw new FileNotFoundException($"{file}: there is no such file; --policy names a policy file.");
        }

        try
        {
            return Policy.Parse(await InputFile.ReadAsync(file, Policy.MaxBytes, $"a policy has at most {Policy.MaxBytes} (RFC 8461 §3.3)", cancellationToken));
        }
        catch (ProtocolException e)
        {
            throw new IOException($"{file}: {e.Message}", e);
        }
    }
}
