using StsFunctions.Tests;
using Xunit;

[assembly: AssemblyFixture(typeof(AzuriteFixture))]
