namespace StsFunctions.Protocol;

/// <summary>What is wrong with a name, in full sentences, and where in it, in characters.</summary>
internal readonly record struct DomainNameError(string Problem, int Offset);
