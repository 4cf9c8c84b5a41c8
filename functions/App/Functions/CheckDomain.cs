using Microsoft.Azure.Functions.Worker;
using StsFunctions.UseCases.Checks;

namespace StsFunctions.App.Functions;

/// <summary>Queue: checks one domain.</summary>
internal sealed class CheckDomain(DomainCheck useCase)
{
    [Function(nameof(CheckDomain))]
    public Task RunAsync([QueueTrigger("domain-checks")] string message, CancellationToken cancellationToken) => useCase.RunAsync(message, cancellationToken);
}
