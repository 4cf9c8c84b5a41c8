using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using StsFunctions.Access;
using StsFunctions.Agents;

namespace StsFunctions.CommandLine;

/// <summary>The app did not do what it was asked, this time.</summary>
/// <param name="message">What went wrong, and what to do.</param>
/// <param name="retryAfter">How long the app asks to be left alone.</param>
internal sealed class AgentApiException(string message, TimeSpan retryAfter = default) : Exception(message)
{
    public TimeSpan RetryAfter => retryAfter;
}

/// <summary>The app does not know this agent, or lets it do nothing: asking again is of no use.</summary>
internal sealed class AgentRefusedException(string message) : Exception(message);

/// <summary><c>api/agent</c> from the agent's side.</summary>
internal sealed class AgentApi(HttpClient http, Uri app, string name, AgentTokens tokens)
{
    private static readonly TimeSpan LongestWish = TimeSpan.FromMinutes(10);

    /// <summary>A client for an app that the operator names: its certificate must be good, and it is not left for another place.</summary>
    public static HttpClient NewClient() => new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, PooledConnectionLifetime = TimeSpan.FromMinutes(10) })
    {
        // An app that was asleep answers late.
        Timeout = TimeSpan.FromMinutes(1),
        MaxResponseContentBufferSize = 256 * 1024,
    };

    /// <summary>What there is to look at.</summary>
    /// <exception cref="AgentApiException">It did not answer so that anybody could read it.</exception>
    /// <exception cref="AgentRefusedException">It does not let this agent in.</exception>
    public async Task<IReadOnlyList<AgentTaskJson>> WorkAsync(CancellationToken cancellation)
    {
        using var answer = await PostAsync("work", new ByteArrayContent([]), cancellation);
        await ThrowUnlessAsync(answer, HttpStatusCode.OK, cancellation);
        return Read(await answer.Content.ReadAsByteArrayAsync(cancellation), AgentJson.Default.AgentWorkJson)?.Looks
            ?? throw new AgentApiException($"{app} answers with something else than work; see that --app names the app, and that agent and app are of one version.");
    }

    /// <summary>Hands in a result.</summary>
    /// <returns>Null once it is taken; else why it is not.</returns>
    /// <exception cref="AgentApiException">It did not answer so that anybody could read it.</exception>
    /// <exception cref="AgentRefusedException">It does not let this agent in.</exception>
    public async Task<string?> HandInAsync(AgentResultJson result, CancellationToken cancellation)
    {
        var content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(result, AgentJson.Default.AgentResultJson));
        content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        using var answer = await PostAsync("results", content, cancellation);
        if (answer.StatusCode is HttpStatusCode.BadRequest or HttpStatusCode.Conflict or HttpStatusCode.RequestEntityTooLarge)
        {
            return await DetailAsync(answer, cancellation);
        }

        await ThrowUnlessAsync(answer, HttpStatusCode.NoContent, cancellation);
        return null;
    }

    private async Task<HttpResponseMessage> PostAsync(string path, HttpContent content, CancellationToken cancellation)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(app, $"api/agent/{path}?name={Uri.EscapeDataString(name)}")) { Content = content };
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", await tokens.GetAsync(cancellation));
        try
        {
            return await http.SendAsync(request, cancellation);
        }
        catch (HttpRequestException e)
        {
            throw new AgentApiException($"{app} is not reached: {e.Message}");
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new AgentApiException($"{app} does not answer.");
        }
    }

    private async Task ThrowUnlessAsync(HttpResponseMessage answer, HttpStatusCode expected, CancellationToken cancellation)
    {
        if (answer.StatusCode == expected)
        {
            return;
        }

        var detail = await DetailAsync(answer, cancellation);
        if (answer.StatusCode is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden)
        {
            throw new AgentRefusedException($"{app} does not let this agent in: {detail} It needs a token for the app's API with the role {Roles.Agent} (docs/AGENT.md).");
        }

        var wish = answer.Headers.RetryAfter?.Delta ?? TimeSpan.Zero;
        throw new AgentApiException($"{app} answers {(int)answer.StatusCode}: {detail}", wish < LongestWish ? wish : LongestWish);
    }

    private static async Task<string> DetailAsync(HttpResponseMessage answer, CancellationToken cancellation) =>
        Read(await answer.Content.ReadAsByteArrayAsync(cancellation), AgentJson.Default.Problem)?.Detail ?? answer.ReasonPhrase ?? "";

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
