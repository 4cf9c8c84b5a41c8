namespace StsFunctions.Core.Observations;

/// <summary>Storage failed, so the check cannot continue; this says nothing about the domain. Its message is redelivered.</summary>
internal sealed class CheckAbortedException(string message, Exception cause) : Exception(message, cause);
