using System.Text;
using Azure.Core;
using Azure.Identity;

namespace StsFunctions.Cli;

/// <summary>The source of an agent's access tokens.</summary>
internal abstract class AgentTokens
{
    // An access token is sent in a header field, and Kestrel accepts 32 KiB of those (MaxRequestHeadersTotalSize).
    private const int MaxTokenBytes = 32 * 1024;

    // Editors write a byte order mark, and end the last line.
    private static readonly char[] Around = ['\uFEFF', ' ', '\t', '\r', '\n'];

    private AgentTokens()
    {
    }

    /// <summary>Gets a valid token.</summary>
    /// <exception cref="AgentApiException">There is none.</exception>
    public abstract Task<string> GetAsync(CancellationToken cancellationToken);

    /// <summary>Tokens of Entra ID for the current identity: client credentials in the environment, a workload identity, a managed identity. They are cached until they expire.</summary>
    public static AgentTokens Of(TokenCredential credential, string scope) => new FromEntra(credential, scope);

    /// <summary>Tokens from a file that another program refreshes; it is read for each request.</summary>
    public static AgentTokens In(FileInfo file) => new FromFile(file);

    private sealed class FromEntra(TokenCredential credential, string scope) : AgentTokens
    {
        public override async Task<string> GetAsync(CancellationToken cancellationToken)
        {
            try
            {
                return (await credential.GetTokenAsync(new TokenRequestContext([scope]), cancellationToken)).Token;
            }
            catch (AuthenticationFailedException e)
            {
                throw new AgentApiException($"Entra ID gave no token for {scope}: {e.Message.Split('\n')[0].Trim()} Set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET or AZURE_CLIENT_CERTIFICATE_PATH (docs/AGENT.md).");
            }
        }
    }

    private sealed class FromFile(FileInfo file) : AgentTokens
    {
        public override async Task<string> GetAsync(CancellationToken cancellationToken)
        {
            try
            {
                return Encoding.UTF8.GetString(await InputFile.ReadAsync(file, MaxTokenBytes, "an access token is not so long", cancellationToken)).Trim(Around);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw new AgentApiException($"--token-file: {e.Message}");
            }
        }
    }
}
