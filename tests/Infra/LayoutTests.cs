using System.Reflection;
using System.Text.Json.Nodes;
using Microsoft.Azure.Functions.Worker;
using StsFunctions.Core.Domains;
using StsFunctions.Storage.Reports;
using StsFunctions.Tests.Hosting;
using Xunit;

namespace StsFunctions.Tests.Infra;

/// <summary>What the code names, the template makes, and the reverse.</summary>
public sealed class LayoutTests(BicepFixture bicep)
{
    private const string Storage = "Microsoft.Storage/storageAccounts";

    // Only for Azure: packages are deployed to the one, and Event Grid stores undelivered events in the other.
    private static readonly string[] ContainersOfThePlatform = ["deployments", "event-dead-letters"];

    public static TheoryData<string> Cases => [.. BicepFixture.CaseNames];

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task Every_container_queue_and_table_of_the_code_is_deployed_and_no_other(string name)
    {
        var resources = await bicep.ResourcesAsync(name);
        var queues = NamedByTheCode("Queue");

        Assert.Equal(NamedByTheCode("Container").Concat(ContainersOfThePlatform).Order(StringComparer.Ordinal), resources.NamesOf($"{Storage}/blobServices/containers"));
        Assert.Equal(queues.Concat(queues.Select(queue => $"{queue}-poison")).Order(StringComparer.Ordinal), resources.NamesOf($"{Storage}/queueServices/queues"));
        Assert.Equal(NamedByTheCode("Table").Order(StringComparer.Ordinal), resources.NamesOf($"{Storage}/tableServices/tables"));
    }

    [Fact]
    public async Task Every_queue_of_a_trigger_is_deployed()
    {
        var queues = (await bicep.ResourcesAsync("first-run")).NamesOf($"{Storage}/queueServices/queues");
        var triggers = RunningApp.Functions.Select(function => function.Trigger).OfType<QueueTriggerAttribute>().ToList();

        Assert.NotEmpty(triggers);
        Assert.All(triggers, trigger =>
        {
            Assert.Contains(trigger.QueueName, queues);
            // Left out, it is the connection whose settings the template writes: AzureWebJobsStorage__accountName and its like.
            Assert.Null(trigger.Connection);
        });
    }

    [Fact]
    public async Task A_new_report_becomes_a_message_for_the_function_that_reads_it()
    {
        var topic = Assert.Single((await bicep.ResourcesAsync("first-run")).OfType("Microsoft.EventGrid/systemTopics/eventSubscriptions")).Properties();
        var destination = topic["deliveryWithResourceIdentity"]!["destination"]!;
        var subject = topic["filter"]!["subjectBeginsWith"]!.GetValue<string>();

        var reader = (QueueTriggerAttribute)RunningApp.Functions.Single(function => function.Name == "IngestReport").Trigger;
        Assert.Equal(reader.QueueName, destination["properties"]!["queueName"]!.GetValue<string>());
        Assert.Equal("StorageQueue", destination["endpointType"]!.GetValue<string>());
        Assert.Equal("CloudEventSchemaV1_0", topic["eventDeliverySchema"]!.GetValue<string>());
        Assert.Equal("a/b c.json", BlobCreatedEvent.NameOf($$"""{"specversion":"1.0","type":"Microsoft.Storage.BlobCreated","subject":"{{subject}}a/b c.json"}""").Value);
        Assert.Equal(["CopyBlob", "FlushWithClose", "PutBlob", "PutBlockList"], topic["filter"]!["advancedFilters"]![0]!["values"]!.AsArray().Select(value => value!.GetValue<string>()).Order());
        Assert.Equal("event-dead-letters", topic["deadLetterWithResourceIdentity"]!["deadLetterDestination"]!["properties"]!["blobContainerName"]!.GetValue<string>());
    }

    [Fact]
    public async Task Storage_deletes_nothing_by_itself_except_dead_lettered_events()
    {
        foreach (var name in BicepFixture.CaseNames)
        {
            var policy = Assert.Single((await bicep.ResourcesAsync(name)).OfType($"{Storage}/managementPolicies"));
            var rule = Assert.Single(policy.Properties()["policy"]!["rules"]!.AsArray())!["definition"]!;

            Assert.Equal("event-dead-letters/", Assert.Single(rule["filters"]!["prefixMatch"]!.AsArray())!.GetValue<string>());
            Assert.Equal(30, rule["actions"]!["baseBlob"]!["delete"]!["daysAfterCreationGreaterThan"]!.GetValue<int>());
        }
    }

    [Fact]
    public void The_alerts_cover_every_function_without_an_HTTP_trigger()
    {
        var layout = JsonNode.Parse(File.ReadAllText(Path.Combine(BicepFixture.Infra, "layout.json")))!;
        var invoked = RunningApp.Functions.Where(function => function.Trigger is not HttpTriggerAttribute).Select(function => function.Name);

        Assert.Equal(invoked.Order(StringComparer.Ordinal), layout["invocations"]!.AsArray().Select(name => name!.GetValue<string>()).Order(StringComparer.Ordinal));
        Assert.Contains(RunningApp.Functions, function => function.Name == layout["dailyCheckRun"]!.GetValue<string>() && function.Trigger is TimerTriggerAttribute);
    }

    private static List<string> NamedByTheCode(string kind) =>
        [.. typeof(StorageNames).GetFields(BindingFlags.Public | BindingFlags.Static)
            .Where(field => field.IsLiteral && field.Name.EndsWith(kind, StringComparison.Ordinal))
            .Select(field => (string)field.GetRawConstantValue()!)];
}
