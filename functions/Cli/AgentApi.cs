using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using StsFunctions.Core.Access;
using StsFunctions.Core.Probes;

namespace StsFunctions.Cli;

/// <summary>The app did not process a request this time.</summary>
/// <param name="message">The problem, and what to do.</param>
/// <param name="retryAfter">How long the app asks to wait.</param>
internal sealed class AgentApiException(string message, TimeSpan retryAfter = default) : Exception(message)
{
    public TimeSpan RetryAfter => retryAfter;
}

/// <summary>The app rejects this agent: retrying is of no use.</summary>
internal sealed class AgentRefusedException(string message) : Exception(message);

/// <summary>The client of <c>api/agent</c>.</summary>
internal sealed class AgentApi(HttpClient http, Uri app, string name, AgentTokens tokens)
{
    private static readonly TimeSpan MaxRetryAfter = TimeSpan.FromMinutes(10);

    /// <summary>Creates a client for an app that the operator names: its certificate must be valid, and redirects are not followed.</summary>
#pragma warning disable RS0030 // One client for the life of the agent, for the app that the operator names.
    public static HttpClient NewClient() => new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, PooledConnectionLifetime = TimeSpan.FromMinutes(10) })
#pragma warning restore RS0030
    {
        // An app that was idle answers late.
        Timeout = TimeSpan.FromMinutes(1),
        MaxResponseContentBufferSize = 256 * 1024,
    };

    /// <summary>Gets the next tasks.</summary>
    /// <exception cref="AgentApiException">The app sent no readable response.</exception>
    /// <exception cref="AgentRefusedException">The app rejects this agent.</exception>
    public async Task<IReadOnlyList<ProbeTaskJson>> WorkAsync(CancellationToken cancellationToken)
    {
        using var answer = await PostAsync("work", new ByteArrayContent([]), cancellationToken);
        await ThrowUnlessAsync(answer, HttpStatusCode.OK, cancellationToken);
        return Read(await answer.Content.ReadAsByteArrayAsync(cancellationToken), AgentJson.Default.ProbeTasksJson)?.Tasks
            ?? throw new AgentApiException($"{app} does not answer with tasks; check that --app names the app, and that agent and app have the same version.");
    }

    /// <summary>Sends a result.</summary>
    /// <returns>Null if it is accepted; otherwise the reason.</returns>
    /// <exception cref="AgentApiException">The app sent no readable response.</exception>
    /// <exception cref="AgentRefusedException">The app rejects this agent.</exception>
    public async Task<string?> SubmitAsync(ProbeResultJson result, CancellationToken cancellationToken)
    {
        var content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(result, AgentJson.Default.ProbeResultJson));
        content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        using var answer = await PostAsync("results", content, cancellationToken);
        if (answer.StatusCode is HttpStatusCode.BadRequest or HttpStatusCode.Conflict or HttpStatusCode.RequestEntityTooLarge)
        {
            return await DetailAsync(answer, cancellationToken);
        }

        await ThrowUnlessAsync(answer, HttpStatusCode.NoContent, cancellationToken);
        return null;
    }

    private async Task<HttpResponseMessage> PostAsync(string path, HttpContent content, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(app, $"api/agent/{path}?name={Uri.EscapeDataString(name)}")) { Content = content };
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", await tokens.GetAsync(cancellationToken));
        try
        {
            return await http.SendAsync(request, cancellationToken);
        }
        catch (HttpRequestException e)
        {
            throw new AgentApiException($"{app} cannot be reached: {e.Message}");
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new AgentApiException($"{app} does not answer.");
        }
    }

    private async Task ThrowUnlessAsync(HttpResponseMessage answer, HttpStatusCode expected, CancellationToken cancellationToken)
    {
        if (answer.StatusCode == expected)
        {
            return;
        }

        var detail = await DetailAsync(answer, cancellationToken);
        if (answer.StatusCode is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden)
        {
            throw new AgentRefusedException($"{app} rejects this agent: {detail} It needs a token for the app's API with the role {Roles.Agent} (docs/AGENT.md).");
        }

        var retryAfter = answer.Headers.RetryAfter?.Delta ?? TimeSpan.Zero;
        throw new AgentApiException($"{app} answers {(int)answer.StatusCode}: {detail}", retryAfter < MaxRetryAfter ? retryAfter : MaxRetryAfter);
    }

    private static async Task<string> DetailAsync(HttpResponseMessage answer, CancellationToken cancellationToken) =>
        Read(await answer.Content.ReadAsByteArrayAsync(cancellationToken), AgentJson.Default.Problem)?.Detail ?? answer.ReasonPhrase ?? "";

    private static T? Read<T>(byte[] json, JsonTypeInfo<T> type)
        where T : class
    {
        try
        {
            return JsonSerializer.Deserialize(json, type);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
