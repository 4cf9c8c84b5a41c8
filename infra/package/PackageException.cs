namespace StsFunctions.Package;

/// <summary>There is nothing to package, and the message says what to do.</summary>
public sealed class PackageException(string message) : Exception(message);
