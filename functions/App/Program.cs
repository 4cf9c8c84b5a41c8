using Microsoft.Azure.Functions.Worker.Builder;
using Microsoft.Extensions.Hosting;
using StsFunctions.App.Hosting;
using StsFunctions.App.Middleware;
using StsFunctions.Core.Options;

// A pre-started process that becomes this app may have another working directory.
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
#pragma warning disable RS0030 // There is no log yet; the host shows what its worker writes here.
    await Console.Error.WriteLineAsync(string.Join(Environment.NewLine, faults));
#pragma warning restore RS0030
    return 2;
}

await app.RunAsync();
return 0;
