namespace StsFunctions.Local.FunctionsHost;

/// <summary>The worker, or the host around it, failed: it did not start, it ended, or it failed an invocation.</summary>
public sealed class WorkerException(string message, Exception? inner = null) : Exception(message, inner);
