using Microsoft.Azure.Functions.Worker;
using StsFunctions.CheckDomain;

namespace StsFunctions.Functions;

/// <summary>Queue: checks one domain.</summary>
internal sealed class CheckDomain(CheckDomainFunction useCase)
{
    [Function(nameof(CheckDomain))]
    public Task RunAsync([QueueTrigger("domain-checks")] string message, CancellationToken cancellationToken) => useCase.RunAsync(message, cancellationToken);
}
