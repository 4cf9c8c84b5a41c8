using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Azure.Core;
using StsFunctions.Reports;

namespace StsFunctions.FetchReportMail;

/// <summary>
/// A mailbox in Exchange Online, through the few calls of Microsoft Graph that it takes to read it. Answers are bounded in
/// size and time, and Graph is asked no sooner than it says (Retry-After).
/// </summary>
/// <param name="options">Which one, and where Graph is.</param>
/// <param name="credential">Gives tokens for Graph; null in a lab, where nothing gets one.</param>
/// <param name="time">To wait by.</param>
internal sealed class GraphMailbox(MailboxOptions options, TokenCredential? credential, TimeProvider time) : IDisposable
{
    /// <summary>A longer pause than this is for the next run to observe.</summary>
    public static readonly TimeSpan MaxPause = TimeSpan.FromSeconds(30);

    private const int MaxTries = 4;
    private const int PageSize = 100;
    private const int MaxPages = 5;
    private const int MaxAnswer = 1 << 20;
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan DefaultPause = TimeSpan.FromSeconds(5);
    private static readonly string[] Scopes = ["https://graph.microsoft.com/.default"];

    // What the operator configures is trusted, and does not leave by the gate for hosts that strangers name.
    private readonly HttpClient _http = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, PooledConnectionLifetime = TimeSpan.FromMinutes(5) })
    {
        Timeout = Patience,
        MaxResponseContentBufferSize = MaxAnswer,
    };

    private Uri Mailbox => new(options.Graph, $"v1.0/users/{Uri.EscapeDataString(options.Address)}/");

    /// <summary>The ids of the oldest messages in the inbox, bounded in number: what is left is the next run's.</summary>
    public async Task<IReadOnlyList<string>> ListAsync(CancellationToken cancellation)
    {
        var ids = new List<string>();
        var next = new Uri(Mailbox, $"mailFolders/inbox/messages?$select=id&$orderby=receivedDateTime&$top={PageSize}");
        for (var page = 0; page < MaxPages; page++)
        {
            var answer = await ReadAsync(HttpMethod.Get, next, null, GraphJson.Default.GraphPage, cancellation);
            ids.AddRange((answer.Value ?? []).Select(message => message.Id));
            if (answer.NextLink is not { } link)
            {
                break;
            }

            // The token goes nowhere but to Graph.
            next = Uri.TryCreate(link, UriKind.Absolute, out var address) && address.Scheme == options.Graph.Scheme && address.Authority == options.Graph.Authority
                ? address
                : throw new GraphException(HttpStatusCode.BadGateway, "Microsoft Graph says that the list goes on at another host.");
        }

        return ids;
    }

    /// <summary>Reads a message as it came, by what <paramref name="take"/> does; false when it is no longer there.</summary>
    public async Task<bool> TryReadAsync(string id, Func<Stream, Task> take, CancellationToken cancellation)
    {
        using var limit = new CancellationTokenSource(Patience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellation);
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

    /// <summary>Moves a message to a folder; one that is no longer there was moved by somebody else.</summary>
    public async Task MoveAsync(string id, string folder, CancellationToken cancellation)
    {
        using var answer = await SendAsync(HttpMethod.Post, MessageUri(id, "move"), () => Json(new GraphMove(folder), GraphJson.Default.GraphMove), cancellation);
        if (answer.StatusCode != HttpStatusCode.NotFound)
        {
            await CheckAsync(answer, cancellation);
        }
    }

    /// <summary>The id of a folder beside the inbox, which is made if there is none of that name.</summary>
    public async Task<string> FolderAsync(string name, CancellationToken cancellation)
    {
        if (await FindFolderAsync(name, cancellation) is { } found)
        {
            return found;
        }

        using var answer = await SendAsync(HttpMethod.Post, new Uri(Mailbox, "mailFolders"), () => Json(new GraphFolder(name), GraphJson.Default.GraphFolder), cancellation);
        if (answer.StatusCode == HttpStatusCode.Conflict && await FindFolderAsync(name, cancellation) is { } made)
        {
            // By another run, or by ourselves where an answer was lost.
            return made;
        }

        return (await ReadAsync(answer, GraphJson.Default.GraphItem, cancellation)).Id;
    }

    public void Dispose() => _http.Dispose();

    private async Task<string?> FindFolderAsync(string name, CancellationToken cancellation)
    {
        var filter = Uri.EscapeDataString($"displayName eq '{name}'");
        var page = await ReadAsync(HttpMethod.Get, new Uri(Mailbox, $"mailFolders?$filter={filter}&$select=id&$top=1"), null, GraphJson.Default.GraphPage, cancellation);
        return page.Value is [var folder, ..] ? folder.Id : null;
    }

    private Uri MessageUri(string id, string what) => new(Mailbox, $"messages/{Uri.EscapeDataString(id)}/{what}");

    private static ByteArrayContent Json<T>(T value, JsonTypeInfo<T> type)
    {
        var content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(value, type));
        content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        return content;
    }

    private async Task<T> ReadAsync<T>(HttpMethod method, Uri address, Func<HttpContent>? body, JsonTypeInfo<T> type, CancellationToken cancellation)
    {
        using var answer = await SendAsync(method, address, body, cancellation);
        return await ReadAsync(answer, type, cancellation);
    }

    private async Task<T> ReadAsync<T>(HttpResponseMessage answer, JsonTypeInfo<T> type, CancellationToken cancellation)
    {
        await CheckAsync(answer, cancellation);
        await LoadAsync(answer, cancellation);
        await using var content = await answer.Content.ReadAsStreamAsync(cancellation);
        try
        {
            return await JsonSerializer.DeserializeAsync(content, type, cancellation) ?? throw new JsonException("null");
        }
        catch (JsonException e)
        {
            throw new GraphException(HttpStatusCode.BadGateway, $"Microsoft Graph's answer cannot be read: {e.Message}");
        }
    }

    // Sent again only where Graph did nothing with it: it says so by 429, 503 and 504, and by no answer to a connection.
    private async Task<HttpResponseMessage> SendAsync(HttpMethod method, Uri address, Func<HttpContent>? body, CancellationToken cancellation)
    {
        for (var attempt = 1; ; attempt++)
        {
            using var request = new HttpRequestMessage(method, address) { Content = body?.Invoke() };
            // A message keeps such an id when it is moved.
            request.Headers.Add("Prefer", "IdType=\"ImmutableId\"");
            if (credential is not null)
            {
                var token = await credential.GetTokenAsync(new TokenRequestContext(Scopes), cancellation);
                request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token.Token);
            }

            var answer = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation);
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

                await Task.Delay(pause, time, cancellation);
            }
        }
    }

    private TimeSpan PauseOf(RetryConditionHeaderValue? told) => told switch
    {
        { Delta: { } delta } => delta,
        { Date: { } date } => date > time.GetUtcNow() ? date - time.GetUtcNow() : TimeSpan.Zero,
        _ => DefaultPause,
    };

    private async Task CheckAsync(HttpResponseMessage answer, CancellationToken cancellation)
    {
        if (answer.IsSuccessStatusCode)
        {
            return;
        }

        var error = await ErrorAsync(answer, cancellation);
        var said = $"Microsoft Graph answered {(int)answer.StatusCode} {error?.Code} {error?.Message}".TrimEnd();
        throw new GraphException(answer.StatusCode, answer.StatusCode switch
        {
            HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden =>
                $"{said} May the app's identity read and write this mailbox? docs/REPORTS.md has the commands (New-ManagementRoleAssignment -Role \"Application Mail.ReadWrite\"); a new grant takes up to two hours.",
            HttpStatusCode.NotFound => $"{said} Is Sts__ReportMailbox the address of a mailbox in Exchange Online?",
            _ => said,
        });
    }

    private async Task<GraphError?> ErrorAsync(HttpResponseMessage answer, CancellationToken cancellation)
    {
        try
        {
            await LoadAsync(answer, cancellation);
            return JsonSerializer.Deserialize(await answer.Content.ReadAsStringAsync(cancellation), GraphJson.Default.GraphFault)?.Error;
        }
        catch (Exception e) when (e is JsonException or HttpRequestException or IOException or GraphException)
        {
            return null;
        }
    }

    // The client's own patience ends with an answer's headers.
    private async Task LoadAsync(HttpResponseMessage answer, CancellationToken cancellation)
    {
        using var limit = new CancellationTokenSource(Patience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellation);
        try
        {
            await answer.Content.LoadIntoBufferAsync(MaxAnswer, either.Token);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new GraphException(HttpStatusCode.GatewayTimeout, $"Microsoft Graph began an answer and did not end it within {Patience.TotalSeconds:0} s.");
        }
    }
}
