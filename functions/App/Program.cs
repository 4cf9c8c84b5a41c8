using Microsoft.Azure.Functions.Worker.Builder;
using Microsoft.Extensions.Hosting;
using StsFunctions.Hosting;
using StsFunctions.Middleware;
using StsFunctions.Options;

// A pre-started process that becomes this app may still stand in another folder.
Environment.CurrentDirectory = AppContext.BaseDirectory;

LeanStart.WithoutFileWatchers();
var builder = FunctionsApplication.CreateBuilder(args);
builder.ConfigureFunctionsWebApplication();
builder.Services.RemoveUnused();
builder.UseStsMiddleware();
builder.AddTelemetry();
builder.Services.AddStsFunctions();

using var app = builder.Build();
if (app.Services.FindWrongSettings() is { Count: > 0 } faults)
{
    await Console.Error.WriteLineAsync(string.Join(Environment.NewLine, faults));
    return 2;
}

await app.RunAsync();
return 0;
