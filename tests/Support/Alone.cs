namespace StsFunctions.Tests;

/// <summary>The collection of the tests that measure the process: nothing runs beside them.</summary>
public static class Alone
{
    public const string Name = "alone";
}
