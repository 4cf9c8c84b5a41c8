using System.Diagnostics;

namespace StsFunctions.Hosting;

/// <summary>Maps functions to the paths on which the Functions host calls them, and answers in the one form that it takes for done.</summary>
internal static class FunctionEndpoints
{
    /// <summary>Spans and counts of every function carry this name.</summary>
    public static readonly ActivitySource Activities = new("StsFunctions");

    // The host waits for a JSON body that is not null; an empty 200 hangs the invocation until functionTimeout.
    private static readonly ReadOnlyMemory<byte> Done = "{}"u8.ToArray();

    /// <summary>An HTTP function: called with the request as the client sent it.</summary>
    public static void MapHttp(this IEndpointRouteBuilder app, string path, Audience audience, string[] methods, RequestDelegate run) =>
        app.MapMethods(path, methods, run).WithMetadata(new AudienceMetadata(audience));

    /// <summary>A timer function.</summary>
    public static void MapTimer(this IEndpointRouteBuilder app, string function, Func<IServiceProvider, CancellationToken, Task> run) =>
        app.MapInvocation(function, (services, body, cancellation) =>
        {
            if (HostInvocation.TimerIsPastDue(body, "timer"))
            {
                Log(services).LogInformation("{Function} runs late: the host was not running when it was due", function);
            }

            return run(services, cancellation);
        });

    /// <summary>A queue function: called with the text of one message.</summary>
    public static void MapQueue(this IEndpointRouteBuilder app, string function, Func<IServiceProvider, string, CancellationToken, Task> run, string binding = "message") =>
        app.MapInvocation(function, (services, body, cancellation) => run(services, HostInvocation.QueueText(body, binding), cancellation));

    private static void MapInvocation(this IEndpointRouteBuilder app, string function, Func<IServiceProvider, ReadOnlyMemory<byte>, CancellationToken, Task> run) =>
        app.MapPost("/" + function, (RequestDelegate)(async context =>
        {
            using var activity = Activities.StartActivity(function, ActivityKind.Consumer);
            try
            {
                await run(context.RequestServices, await ReadBodyAsync(context.Request), context.RequestAborted);
                await AnswerAsync(context, StatusCodes.Status200OK);
            }
            catch (Exception e)
            {
                activity?.SetStatus(ActivityStatusCode.Error, e.Message);
                Log(context.RequestServices).LogError(e, "{Function} failed; the host tries a message again, and puts it on the poison queue after the last try", function);
                await AnswerAsync(context, StatusCodes.Status500InternalServerError);
            }
        })).WithMetadata(new AudienceMetadata(Audience.FunctionsHost));

    private static async Task AnswerAsync(HttpContext context, int status)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/json";
        context.Response.ContentLength = Done.Length;
        await context.Response.Body.WriteAsync(Done, CancellationToken.None);
    }

    private static async Task<ReadOnlyMemory<byte>> ReadBodyAsync(HttpRequest request)
    {
        var cancellation = request.HttpContext.RequestAborted;
        var reader = request.BodyReader;
        while (true)
        {
            var read = await reader.ReadAsync(cancellation);
            if (read.Buffer.Length > HostInvocation.MaxBytes)
            {
                reader.AdvanceTo(read.Buffer.End);
                throw new InvocationFormatException($"The invocation is larger than {HostInvocation.MaxBytes} bytes.");
            }

            if (read.IsCompleted)
            {
                var body = System.Buffers.BuffersExtensions.ToArray(read.Buffer);
                // A read left open breaks the connection, which the host would have used again.
                reader.AdvanceTo(read.Buffer.End);
                return body;
            }

            reader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
        }
    }

    private static ILogger Log(IServiceProvider services) =>
        services.GetRequiredService<ILoggerFactory>().CreateLogger("StsFunctions.Hosting");
}
