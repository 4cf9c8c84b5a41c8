namespace StsFunctions.Local.FunctionsHost;

/// <summary>Sends a request again while the handler is away, as a proxying host does.</summary>
/// <remarks>A request whose body has begun to flow can't be sent twice: it fails.</remarks>
internal sealed class ReplayingHandler(HttpMessageHandler inner, Action<HostLog> log) : DelegatingHandler(inner)
{
    private const int Attempts = 10;
    private static readonly TimeSpan FirstDelay = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan LongestDelay = TimeSpan.FromMilliseconds(250);

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var delay = FirstDelay;
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await base.SendAsync(request, cancellationToken);
            }
            catch (HttpRequestException e) when (attempt < Attempts)
            {
                log(new HostLog(LogLevel.Warning, "host", $"{request.Method} {request.RequestUri?.AbsolutePath} did not get through to the handler (attempt {attempt} of {Attempts}): {e.Message}"));
                await Task.Delay(delay, cancellationToken);
                delay = delay * 2 < LongestDelay ? delay * 2 : LongestDelay;
            }
        }
    }
}
