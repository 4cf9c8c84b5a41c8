namespace StsFunctions.Core.Observations;

/// <summary>The check cannot go on, through no fault of what it observes: storage failed. Its message is redelivered.</summary>
internal sealed class CheckAbortedException(string message, Exception cause) : Exception(message, cause);
