using Xunit;

namespace StsFunctions.Tests;

/// <inheritdoc cref="Alone"/>
[CollectionDefinition(Alone.Name, DisableParallelization = true)]
public sealed class AloneCollection;
