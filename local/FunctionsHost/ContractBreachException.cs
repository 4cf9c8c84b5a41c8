namespace StsFunctions.Local.FunctionsHost;

/// <summary>The handler answered a trigger with something that would hang the invocation in Azure.</summary>
public sealed class ContractBreachException(string message) : Exception(message);
