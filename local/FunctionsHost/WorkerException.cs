namespace StsFunctions.Local.FunctionsHost;

/// <summary>The worker, or the host around it, does not do what it was asked: it never came up, died, or failed an invocation.</summary>
public sealed class WorkerException(string message, Exception? inner = null) : Exception(message, inner);
