using System.Text;
using Azure.Core;
using Azure.Identity;

namespace StsFunctions.CommandLine;

/// <summary>Where an agent's access tokens come from.</summary>
internal abstract class AgentTokens
{
    // An access token goes into a header field, and Kestrel takes 32 KiB of those (MaxRequestHeadersTotalSize).
    private const int MaxTokenBytes = 32 * 1024;

    // Editors write a byte order mark, and end the last line.
    private static readonly char[] s_around = ['\uFEFF', ' ', '\t', '\r', '\n'];

    private AgentTokens()
    {
    }

    /// <summary>A token that is good now.</summary>
    /// <exception cref="AgentApiException">There is none.</exception>
    public abstract Task<string> GetAsync(CancellationToken cancellation);

    /// <summary>From Entra ID, as whoever runs here: client credentials in the environment, a workload identity, a managed identity. They are kept until they end.</summary>
    public static AgentTokens Of(TokenCredential credential, string scope) => new FromEntra(credential, scope);

    /// <summary>From a file that something else keeps fresh; it is read for each request.</summary>
    public static AgentTokens In(FileInfo file) => new FromFile(file);

    private sealed class FromEntra(TokenCredential credential, string scope) : AgentTokens
    {
        public override async Task<string> GetAsync(CancellationToken cancellation)
        {
            try
            {
                return (await credential.GetTokenAsync(new TokenRequestContext([scope]), cancellation)).Token;
            }
            catch (AuthenticationFailedException e)
            {
                throw new AgentApiException($"Entra ID gave no token for {scope}: {e.Message.Split('\n')[0].Trim()} Set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET or AZURE_CLIENT_CERTIFICATE_PATH (docs/AGENT.md).");
            }
        }
    }

    private sealed class FromFile(FileInfo file) : AgentTokens
    {
        public override async Task<string> GetAsync(CancellationToken cancellation)
        {
            try
            {
                return Encoding.UTF8.GetString(await InputFile.ReadAsync(file, MaxTokenBytes, "an access token is not so long", cancellation)).Trim(s_around);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw new AgentApiException($"--token-file: {e.Message}");
            }
        }
    }
}
