using System.Net;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using StsFunctions.Local.Lab;

namespace StsFunctions.Local;

/// <summary>Accepts commands from another terminal, on loopback, from users who can read the data folder.</summary>
internal sealed class ControlEndpoint : IAsyncDisposable
{
    /// <summary>The path that a line is posted to.</summary>
    public const string Path = "/do";

    private const int MaxLine = 4_000;

    private readonly string _dataFolder;
    private readonly Func<string, CancellationToken, Task<CommandAnswer>> _execute;
    private readonly string _token = Convert.ToHexString(RandomNumberGenerator.GetBytes(32));
    private readonly WebApplication _app;

    private ControlEndpoint(string dataFolder, Func<string, CancellationToken, Task<CommandAnswer>> execute)
    {
        (_dataFolder, _execute) = (dataFolder, execute);
        // Empty: neither the environment nor a settings file of this process applies.
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.Limits.MaxRequestBodySize = MaxLine;
            kestrel.Listen(IPAddress.Loopback, 0);
        });
        _app = builder.Build();
        _app.Run(AnswerAsync);
    }

    /// <summary>Starts, and writes its address into the data folder.</summary>
    public static async Task<ControlEndpoint> StartAsync(
        string dataFolder, Func<string, CancellationToken, Task<CommandAnswer>> execute, CancellationToken cancellationToken)
    {
        var endpoint = new ControlEndpoint(dataFolder, execute);
        await endpoint._app.StartAsync(cancellationToken);
        var address = endpoint._app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();
        await new ControlFile(new Uri(address), endpoint._token).WriteAsync(dataFolder, cancellationToken);
        return endpoint;
    }

    public async ValueTask DisposeAsync()
    {
        ControlFile.Delete(_dataFolder);
        // Do not wait for callers: the system is stopping.
        using var now = new CancellationTokenSource();
        await now.CancelAsync();
        await _app.StopAsync(now.Token);
        await _app.DisposeAsync();
    }

    private async Task AnswerAsync(HttpContext context)
    {
        var (request, response) = (context.Request, context.Response);
        if (!HttpMethods.IsPost(request.Method) || request.Path != Path)
        {
            response.StatusCode = StatusCodes.Status404NotFound;
            return;
        }

        var shown = Encoding.UTF8.GetBytes(request.Headers.Authorization.ToString());
        if (!CryptographicOperations.FixedTimeEquals(shown, Encoding.UTF8.GetBytes($"Bearer {_token}")))
        {
            response.StatusCode = StatusCodes.Status401Unauthorized;
            return;
        }

        using var reader = new StreamReader(request.Body, Encoding.UTF8);
        var answer = await ExecuteAsync(await reader.ReadToEndAsync(context.RequestAborted), context.RequestAborted);
        response.StatusCode = answer.IsDone ? StatusCodes.Status200OK : StatusCodes.Status422UnprocessableEntity;
        response.ContentType = "text/plain; charset=utf-8";
        await response.WriteAsync(answer.Text, context.RequestAborted);
    }

    // A failed command is reported to its caller, and the system continues.
    private async Task<CommandAnswer> ExecuteAsync(string line, CancellationToken cancellationToken)
    {
        try
        {
            return await _execute(line, cancellationToken);
        }
        catch (Exception exception) when (exception is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
        {
            return new(false, $"That failed: {exception.Message}");
        }
    }
}
