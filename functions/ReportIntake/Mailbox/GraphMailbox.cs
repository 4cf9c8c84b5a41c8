using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Azure.Core;

namespace StsFunctions.ReportIntake.Mailbox;

/// <summary>
/// A mailbox in Exchange Online, with the few Microsoft Graph calls that reading it needs. Responses are limited in
/// size and time, and Retry-After is respected.
/// </summary>
/// <param name="options">The mailbox and the address of Graph.</param>
/// <param name="credential">Provides tokens for Graph; null in a lab, which uses none.</param>
/// <param name="time">The clock for waiting.</param>
internal sealed class GraphMailbox(MailboxOptions options, TokenCredential? credential, TimeProvider time) : IDisposable
{
    /// <summary>The longest pause within a run; a longer one is left to the next run.</summary>
    public static readonly TimeSpan MaxPause = TimeSpan.FromSeconds(30);

    private const int MaxTries = 4;
    private const int PageSize = 100;
    private const int MaxPages = 5;
    private const int MaxAnswer = 1 << 20;
    private static readonly TimeSpan Timeout = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan DefaultPause = TimeSpan.FromSeconds(5);
    private static readonly string[] Scopes = ["https://graph.microsoft.com/.default"];

    // The operator configures this host, so its requests do not pass the guard for hosts with names from other parties.
#pragma warning disable RS0030 // One client for the life of the app, for the mailbox that the operator configures.
    private readonly HttpClient _http = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, PooledConnectionLifetime = TimeSpan.FromMinutes(5) })
#pragma warning restore RS0030
    {
        Timeout = Timeout,
        MaxResponseContentBufferSize = MaxAnswer,
    };

    private Uri Mailbox => new(options.Graph, $"v1.0/users/{Uri.EscapeDataString(options.Address)}/");

    /// <summary>Lists the ids of the oldest messages in the inbox, up to a limit: the rest is left to the next run.</summary>
    public async Task<IReadOnlyList<string>> ListAsync(CancellationToken cancellationToken)
    {
        var ids = new List<string>();
        var next = new Uri(Mailbox, $"mailFolders/inbox/messages?$select=id&$orderby=receivedDateTime&$top={PageSize}");
        for (var page = 0; page < MaxPages; page++)
        {
            var answer = await ReadAsync(HttpMethod.Get, next, null, GraphJson.Default.GraphPage, cancellationToken);
            ids.AddRange((answer.Value ?? []).Select(message => message.Id));
            if (answer.NextLink is not { } link)
            {
                break;
            }

            // The token is sent to Graph only.
            next = Uri.TryCreate(link, UriKind.Absolute, out var address) && address.Scheme == options.Graph.Scheme && address.Authority == options.Graph.Authority
                ? address
                : throw new GraphException(HttpStatusCode.BadGateway, "Microsoft Graph continues the list at another host, which is not requested.");
        }

        return ids;
    }

    /// <summary>Reads a message with <paramref name="take"/>; false if it no longer exists.</summary>
    public async Task<bool> TryReadAsync(string id, Func<Stream, Task> take, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(Timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        using var answer = await SendAsync(HttpMethod.Get, MessageUri(id, "$value"), null, either.Token);
        if (answer.StatusCode == HttpStatusCode.NotFound)
        {
            return false;
        }

        await CheckAsync(answer, either.Token);
        await using var content = await answer.Content.ReadAsStreamAsync(either.Token);
        await take(content);
        return true;
    }

    /// <summary>Moves a message to a folder; a missing one was moved by another run.</summary>
    public async Task MoveAsync(string id, string folder, CancellationToken cancellationToken)
    {
        using var answer = await SendAsync(HttpMethod.Post, MessageUri(id, "move"), () => Json(new GraphMove(folder), GraphJson.Default.GraphMove), cancellationToken);
        if (answer.StatusCode != HttpStatusCode.NotFound)
        {
            await CheckAsync(answer, cancellationToken);
        }
    }

    /// <summary>Gets the id of a folder next to the inbox, and creates it if it does not exist.</summary>
    public async Task<string> FolderAsync(string name, CancellationToken cancellationToken)
    {
        if (await FindFolderAsync(name, cancellationToken) is { } found)
        {
            return found;
        }

        using var answer = await SendAsync(HttpMethod.Post, new Uri(Mailbox, "mailFolders"), () => Json(new GraphFolder(name), GraphJson.Default.GraphFolder), cancellationToken);
        if (answer.StatusCode == HttpStatusCode.Conflict && await FindFolderAsync(name, cancellationToken) is { } made)
        {
            // Another run created it, or this one did and the answer was lost.
            return made;
        }

        return (await ReadAsync(answer, GraphJson.Default.GraphItem, cancellationToken)).Id;
    }

    public void Dispose() => _http.Dispose();

    private async Task<string?> FindFolderAsync(string name, CancellationToken cancellationToken)
    {
        var filter = Uri.EscapeDataString($"displayName eq '{name}'");
        var page = await ReadAsync(HttpMethod.Get, new Uri(Mailbox, $"mailFolders?$filter={filter}&$select=id&$top=1"), null, GraphJson.Default.GraphPage, cancellationToken);
        return page.Value is [var folder, ..] ? folder.Id : null;
    }

    private Uri MessageUri(string id, string what) => new(Mailbox, $"messages/{Uri.EscapeDataString(id)}/{what}");

    private static ByteArrayContent Json<T>(T value, JsonTypeInfo<T> type)
    {
        var content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(value, type));
        content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        return content;
    }

    private async Task<T> ReadAsync<T>(HttpMethod method, Uri address, Func<HttpContent>? body, JsonTypeInfo<T> type, CancellationToken cancellationToken)
    {
        using var answer = await SendAsync(method, address, body, cancellationToken);
        return await ReadAsync(answer, type, cancellationToken);
    }

    private async Task<T> ReadAsync<T>(HttpResponseMessage answer, JsonTypeInfo<T> type, CancellationToken cancellationToken)
    {
        await CheckAsync(answer, cancellationToken);
        await LoadAsync(answer, cancellationToken);
        await using var content = await answer.Content.ReadAsStreamAsync(cancellationToken);
        try
        {
            return await JsonSerializer.DeserializeAsync(content, type, cancellationToken) ?? throw new JsonException("null");
        }
        catch (JsonException e)
        {
            throw new GraphException(HttpStatusCode.BadGateway, $"Microsoft Graph's answer cannot be read: {e.Message}");
        }
    }

    // Retry only if Graph did nothing with the request: after 429, 503 and 504, and after a failed connection.
    private async Task<HttpResponseMessage> SendAsync(HttpMethod method, Uri address, Func<HttpContent>? body, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            using var request = new HttpRequestMessage(method, address) { Content = body?.Invoke() };
            // A message with such an id retains it when it is moved.
            request.Headers.Add("Prefer", "IdType=\"ImmutableId\"");
            if (credential is not null)
            {
                var token = await credential.GetTokenAsync(new TokenRequestContext(Scopes), cancellationToken);
                request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token.Token);
            }

            var answer = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
            if (answer.StatusCode is not (HttpStatusCode.TooManyRequests or HttpStatusCode.ServiceUnavailable or HttpStatusCode.GatewayTimeout))
            {
                return answer;
            }

            using (answer)
            {
                var pause = PauseOf(answer.Headers.RetryAfter);
                if (attempt == MaxTries || pause > MaxPause)
                {
                    throw new GraphBusyException(pause);
                }

                await Task.Delay(pause, time, cancellationToken);
            }
        }
    }

    private TimeSpan PauseOf(RetryConditionHeaderValue? retryAfter) => retryAfter switch
    {
        { Delta: { } delta } => delta,
        { Date: { } date } => date > time.GetUtcNow() ? date - time.GetUtcNow() : TimeSpan.Zero,
        _ => DefaultPause,
    };

    private async Task CheckAsync(HttpResponseMessage answer, CancellationToken cancellationToken)
    {
        if (answer.IsSuccessStatusCode)
        {
            return;
        }

        var error = await ErrorAsync(answer, cancellationToken);
        var said = $"Microsoft Graph answered {(int)answer.StatusCode} {error?.Code} {error?.Message}".TrimEnd();
        throw new GraphException(answer.StatusCode, answer.StatusCode switch
        {
            HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden =>
                $"{said} May the app's identity read and write this mailbox? docs/REPORTS.md has the commands (New-ManagementRoleAssignment -Role \"Application Mail.ReadWrite\"); a new grant takes up to two hours.",
            HttpStatusCode.NotFound => $"{said} Is Sts__ReportMailbox the address of a mailbox in Exchange Online?",
            _ => said,
        });
    }

    private async Task<GraphError?> ErrorAsync(HttpResponseMessage answer, CancellationToken cancellationToken)
    {
        try
        {
            await LoadAsync(answer, cancellationToken);
            return JsonSerializer.Deserialize(await answer.Content.ReadAsStringAsync(cancellationToken), GraphJson.Default.GraphFault)?.Error;
        }
        catch (Exception e) when (e is JsonException or HttpRequestException or IOException or GraphException)
        {
            return null;
        }
    }

    // The client's own time limit ends with the response headers.
    private async Task LoadAsync(HttpResponseMessage answer, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(Timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            await answer.Content.LoadIntoBufferAsync(MaxAnswer, either.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new GraphException(HttpStatusCode.GatewayTimeout, $"Microsoft Graph began an answer and did not end it within {Timeout.TotalSeconds:0} s.");
        }
    }
}
