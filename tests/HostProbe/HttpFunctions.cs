using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Azure.Functions.Worker;

namespace StsFunctions.Tests.HostProbe;

public sealed class HttpFunctions(Director director)
{
    private const int Longest = 4096;

    [Function("Echo")]
    public Task EchoAsync([HttpTrigger(AuthorizationLevel.Anonymous, Route = "echo/{*path}")] HttpRequest request, FunctionContext context) => AnswerAsync(request, context);

    [Function("Policy")]
    public Task PolicyAsync([HttpTrigger(AuthorizationLevel.Anonymous, "get", "head", Route = ".well-known/mta-sts.txt")] HttpRequest request, FunctionContext context) => AnswerAsync(request, context);

    private async Task AnswerAsync(HttpRequest request, FunctionContext context)
    {
        var http = request.HttpContext;
        var (length, text) = (0L, new StringBuilder());
        var buffer = new byte[64 * 1024];
        for (int read; (read = await request.Body.ReadAsync(buffer)) > 0; length += read)
        {
            if (text.Length < Longest)
            {
                text.Append(Encoding.UTF8.GetString(buffer, 0, Math.Min(read, Longest)));
            }
        }

        var instruction = await director.AskAsync(
            new FunctionCall(context.FunctionDefinition.Name, context.InvocationId)
            {
                Method = request.Method,
                Target = http.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget,
                Headers = [.. request.Headers.SelectMany(header => header.Value, (header, value) => KeyValuePair.Create(header.Key, value ?? ""))],
                Length = length,
                Text = text.ToString(),
                Data = new Dictionary<string, string?> { ["Host"] = request.Host.Value, ["Scheme"] = request.Scheme, ["Remote"] = http.Connection.RemoteIpAddress?.ToString() },
            },
            context.CancellationToken);

        http.Response.StatusCode = instruction.Status;
        foreach (var (name, value) in instruction.Headers)
        {
            http.Response.Headers[name] = value;
        }

        if (instruction.Body is { } body && !HttpMethods.IsHead(request.Method))
        {
            await http.Response.WriteAsync(body);
        }

        for (var left = instruction.Chunked; left > 0; left -= buffer.Length)
        {
            await http.Response.Body.WriteAsync(buffer.AsMemory(0, (int)Math.Min(left, buffer.Length)));
        }
    }
}
