using System.Reflection;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Azure.Functions.Worker.Core.FunctionMetadata;
using Microsoft.Extensions.DependencyInjection;
using StsFunctions.App.Hosting;
using StsFunctions.App.Options;
using Xunit;

namespace StsFunctions.Tests.Hosting;

/// <summary>Which functions the Functions host gets.</summary>
public sealed class FunctionSetFilterTests
{
    private static readonly string[] Http = ["""{"name":"request","type":"httpTrigger","direction":"In","authLevel":"Anonymous","methods":["get","head"],"route":".well-known/mta-sts.txt"}""", """{"name":"$return","type":"http","direction":"Out"}"""];
    private static readonly string[] Queue = ["""{"name":"message","type":"queueTrigger","direction":"In","queueName":"domain-checks"}"""];
    private static readonly string[] Timer = ["""{"name":"timer","type":"timerTrigger","direction":"In","schedule":"0 0 3 * * *"}"""];

    [Theory]
    [InlineData(nameof(FunctionSet.All), true, true, true)]
    [InlineData(nameof(FunctionSet.Http), true, false, false)]
    [InlineData(nameof(FunctionSet.Background), false, true, true)]
    public void A_function_is_in_the_set_by_its_trigger(string name, bool http, bool queue, bool timer)
    {
        var set = Enum.Parse<FunctionSet>(name);

        Assert.Equal((http, queue, timer), (FunctionSetFilter.IsIn(set, Http), FunctionSetFilter.IsIn(set, Queue), FunctionSetFilter.IsIn(set, Timer)));
    }

    [Theory]
    [InlineData(nameof(FunctionSet.All), "CheckDomain,ScheduleChecks,ServePolicy")]
    [InlineData(nameof(FunctionSet.Http), "ServePolicy")]
    [InlineData(nameof(FunctionSet.Background), "CheckDomain,ScheduleChecks")]
    public void The_host_gets_no_other_function(string set, string names)
    {
        List<IFunctionMetadata> functions = [new DefaultFunctionMetadata { Name = "ServePolicy", RawBindings = Http }, new DefaultFunctionMetadata { Name = "CheckDomain", RawBindings = Queue }, new DefaultFunctionMetadata { Name = "ScheduleChecks", RawBindings = Timer }];

        new FunctionSetFilter(new FunctionSetOptions { Functions = Enum.Parse<FunctionSet>(set) }).Transform(functions);

        Assert.Equal(names, string.Join(',', functions.Select(function => function.Name).Order(StringComparer.Ordinal)));
    }

    [Fact]
    public async Task The_two_sets_together_have_every_function_of_the_app_once()
    {
        var (http, background) = (await OfferedAsync("http"), await OfferedAsync("background"));

        Assert.Equal(RunningApp.Functions.Where(function => function.Trigger is HttpTriggerAttribute).Select(function => function.Name).Order(StringComparer.Ordinal), http);
        Assert.Equal(RunningApp.Functions.Where(function => function.Trigger is not HttpTriggerAttribute).Select(function => function.Name).Order(StringComparer.Ordinal), background);
        Assert.Equal(http.Concat(background).Order(StringComparer.Ordinal), await OfferedAsync("all"));
    }

    // As the worker asks its own provider, which the build writes, and then the app's transformers.
    private static async Task<IReadOnlyList<string>> OfferedAsync(string set)
    {
        using var services = TestSettings.Services(new Dictionary<string, string> { ["AzureWebJobsStorage"] = "UseDevelopmentStorage=true", ["Sts__Functions"] = set });
        var provider = (IFunctionMetadataProvider)Activator.CreateInstance(
            Assembly.Load("StsFunctions").GetTypes().Single(type => type.IsAssignableTo(typeof(IFunctionMetadataProvider))))!;
        var functions = (await provider.GetFunctionMetadataAsync(AppContext.BaseDirectory)).ToList();
        Assert.All(services.GetServices<IFunctionMetadataTransformer>(), transformer => transformer.Transform(functions));
        return [.. functions.Select(function => function.Name!).Order(StringComparer.Ordinal)];
    }
}
