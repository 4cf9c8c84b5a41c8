using Microsoft.Azure.Functions.Worker.Builder;
using Microsoft.Extensions.Hosting;
using StsFunctions.Hosting;
using StsFunctions.Middleware;

// A pre-started process that becomes this app may still stand in another folder.
Environment.CurrentDirectory = AppContext.BaseDirectory;

var settings = Settings.Read(Environment.GetEnvironmentVariables(), out var faults);
if (faults.Count > 0)
{
    foreach (var fault in faults)
    {
        await Console.Error.WriteLineAsync(fault);
    }

    return 2;
}

LeanStart.WithoutFileWatchers();
var builder = FunctionsApplication.CreateBuilder(args);
builder.ConfigureFunctionsWebApplication();
builder.Services.RemoveUnused();
builder.UseStsMiddleware();
builder.AddTelemetry(settings.Telemetry);
builder.Services.AddStsFunctions(settings);
await builder.Build().RunAsync();
return 0;
