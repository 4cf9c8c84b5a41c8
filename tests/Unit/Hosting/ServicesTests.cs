using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using StsFunctions.ReportIntake.Dkim;
using StsFunctions.UseCases.Hosting;
using Xunit;

namespace StsFunctions.Tests.Hosting;

/// <summary>Every dependency of a service is registered, so that none is missing at the first message.</summary>
public sealed class ServicesTests
{
    private static readonly Dictionary<string, string> Settings = new() { ["AzureWebJobsStorage"] = "UseDevelopmentStorage=true" };

    [Fact]
    public void Every_function_of_the_app_can_be_constructed()
    {
        using var services = TestSettings.Services(Settings);

        Assert.All(RunningApp.Functions.Select(function => function.Method.DeclaringType!).Distinct(), type => Assert.NotNull(services.GetService(type) ?? ActivatorUtilities.CreateInstance(services, type)));
    }

    [Fact]
    public void Every_service_without_storage_can_be_constructed()
    {
        var services = new ServiceCollection();
        services.AddSingleton<IConfiguration>(new ConfigurationBuilder().Build());
        services.AddLogging();
        services.AddStsCore();

        using var provider = services.BuildServiceProvider(new ServiceProviderOptions { ValidateOnBuild = true });

        Assert.NotNull(provider.GetRequiredService<DkimValidator>());
    }
}
