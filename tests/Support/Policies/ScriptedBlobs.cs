using System.Net;
using Azure.Core.Pipeline;
using Azure.Storage.Blobs;
using StsFunctions.Storage.Domains;

namespace StsFunctions.Tests.Policies;

/// <summary>A blob service that answers as a test defines; it counts its requests and records their conditions.</summary>
internal sealed class ScriptedBlobs : HttpMessageHandler
{
    private readonly Lock _gate = new();
    private readonly List<string?> _conditions = [];

    /// <summary>How the next requests are answered.</summary>
    public Func<HttpRequestMessage, CancellationToken, Task<HttpResponseMessage>> Answer { get; set; } = (_, _) => Task.FromResult(NotFound());

    /// <summary>The <c>If-None-Match</c> of each request so far.</summary>
    public IReadOnlyList<string?> Asked
    {
        get
        {
            lock (_gate)
            {
                return [.. _conditions];
            }
        }
    }

    /// <summary>Waits until so many requests have come.</summary>
    public async Task AskedAsync(int count, CancellationToken cancellationToken)
    {
        while (Asked.Count < count)
        {
            await Task.Delay(1, cancellationToken);
        }
    }

    public PolicyBlobs Client(int maxRetries = 0) => new(new BlobServiceClient(
        new Uri("https://storage.test/"),
        new BlobClientOptions
        {
            Transport = new HttpClientTransport(new HttpClient(this, disposeHandler: false)),
            Retry = { MaxRetries = maxRetries, Delay = TimeSpan.Zero, MaxDelay = TimeSpan.Zero },
        }));

    public void Answers(Func<HttpResponseMessage> answer) => Answer = (_, _) => Task.FromResult(answer());

    public void Fails(HttpStatusCode status = HttpStatusCode.ServiceUnavailable) => Answer = (_, _) => Task.FromResult(new HttpResponseMessage(status) { Content = new ByteArrayContent([]) });

    /// <summary>Nothing comes until the answer is set.</summary>
    public TaskCompletionSource<HttpResponseMessage> Hangs()
    {
        var answer = new TaskCompletionSource<HttpResponseMessage>(TaskCreationOptions.RunContinuationsAsynchronously);
        Answer = (_, cancellationToken) => answer.Task.WaitAsync(cancellationToken);
        return answer;
    }

    public static HttpResponseMessage Policy(byte[] bytes, string id)
    {
        var answer = new HttpResponseMessage(HttpStatusCode.OK) { Content = new ByteArrayContent(bytes) };
        answer.Headers.TryAddWithoutValidation("ETag", $"\"{id}\"");
        answer.Headers.TryAddWithoutValidation("x-ms-meta-id", id);
        answer.Headers.TryAddWithoutValidation("x-ms-blob-type", "BlockBlob");
        answer.Content.Headers.LastModified = TestStorage.Noon;
        return answer;
    }

    public static HttpResponseMessage NotFound(string code = "BlobNotFound")
    {
        var answer = new HttpResponseMessage(HttpStatusCode.NotFound) { Content = new ByteArrayContent([]) };
        answer.Headers.TryAddWithoutValidation("x-ms-error-code", code);
        return answer;
    }

    public static HttpResponseMessage NotModified() => new(HttpStatusCode.NotModified) { Content = new ByteArrayContent([]) };

    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            _conditions.Add(request.Headers.IfNoneMatch.FirstOrDefault()?.ToString());
        }

        return Answer(request, cancellationToken);
    }
}
