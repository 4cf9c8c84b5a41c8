using Microsoft.Azure.Functions.Worker.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using StsFunctions.Tests.HostProbe;

switch (Environment.GetEnvironmentVariable("PROBE_START"))
{
    case "exit":
        Console.Error.WriteLine("error: nothing to do");
        return 3;
    case "silent":
        // A process that runs and never connects to the host.
        await Task.Delay(Timeout.Infinite);
        break;
}

Console.WriteLine($"out: {Environment.CurrentDirectory}");
Console.Error.WriteLine("err: broken");
Console.Error.WriteLine("a warning");

var builder = FunctionsApplication.CreateBuilder(args);
builder.ConfigureFunctionsWebApplication();
builder.Services.AddSingleton<Director>();
builder.Build().Run();
return 0;
