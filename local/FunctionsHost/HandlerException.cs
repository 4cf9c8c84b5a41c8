namespace StsFunctions.Local.FunctionsHost;

/// <summary>The handler does not serve: it never became ready, exited with 0, or crashed too often.</summary>
public sealed class HandlerException(string message, Exception? inner = null) : Exception(message, inner);
