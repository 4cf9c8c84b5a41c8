using System.Net.Http.Headers;
using Microsoft.AspNetCore.Http.Features;

namespace StsFunctions.Local.FunctionsHost;

/// <summary>The request and the answer as a forwarding host passes them on: read whole, then written anew.</summary>
internal static class ForwardedRequest
{
    /// <exception cref="NotSupportedException">The host itself fails on such a request.</exception>
    public static async Task<HttpRequestMessage> CreateAsync(HttpContext context, int port, Guid invocation, CancellationToken cancellationToken)
    {
        var from = context.Request;
        var path = context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget.Split('?')[0];
        var request = new HttpRequestMessage(new HttpMethod(from.Method), $"http://127.0.0.1:{port}{path}{Query(from.Query)}");
        if (await BodyAsync(context, cancellationToken) is { } body)
            request.Content = body;
        foreach (var (name, values) in from.Headers)
        {
            if (!name.StartsWith("Content-", StringComparison.OrdinalIgnoreCase) && !name.Equals("Connection", StringComparison.OrdinalIgnoreCase))
                request.Headers.TryAddWithoutValidation(name, values.AsEnumerable());
        }
        // Added to what the client sent under these names, not in its place.
        request.Headers.TryAddWithoutValidation(HostHeaders.HostVersion, HostHeaders.Version);
        request.Headers.TryAddWithoutValidation(HostHeaders.InvocationId, invocation.ToString());
        request.Headers.UserAgent.ParseAdd(HostHeaders.UserAgent);
        return request;
    }

    public static async Task CopyAsync(HttpResponseMessage answer, HttpResponse to, CancellationToken cancellationToken)
    {
        var body = await answer.Content.ReadAsByteArrayAsync(cancellationToken);
        to.StatusCode = (int)answer.StatusCode;
        foreach (var (name, values) in answer.Headers.Concat(answer.Content.Headers))
        {
            if (!name.Equals("Transfer-Encoding", StringComparison.OrdinalIgnoreCase) && !name.Equals("Connection", StringComparison.OrdinalIgnoreCase))
                to.Headers[name] = values.ToArray();
        }
        if (body.Length > 0)
            await to.Body.WriteAsync(body, cancellationToken);
    }

    // One pair a key: the values of a repeated one are joined by commas.
    private static string Query(IQueryCollection query) => query.Count == 0
        ? ""
        : "?" + string.Join('&', query.Select(pair => $"{Uri.EscapeDataString(pair.Key)}={string.Join(',', pair.Value.Select(value => Uri.EscapeDataString(value ?? "")))}"));

    private static async Task<ByteArrayContent?> BodyAsync(HttpContext context, CancellationToken cancellationToken)
    {
        if (context.Features.Get<IHttpRequestBodyDetectionFeature>() is not { CanHaveBody: true })
            return null;
        if (context.Request.ContentLength is null)
            throw new NotSupportedException("a forwarding host fails on a chunked request");
        if (context.Request.ContentType is { } type && !MediaTypeHeaderValue.TryParse(type, out _))
            throw new NotSupportedException($"a forwarding host fails on the Content-Type '{type}'");
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body, cancellationToken);
        var content = new ByteArrayContent(body.ToArray());
        if (context.Request.ContentType is { } contentType)
            content.Headers.TryAddWithoutValidation("Content-Type", contentType);
        return content;
    }
}
