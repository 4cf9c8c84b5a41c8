using StsFunctions.Tests;
using Xunit;

[assembly: AssemblyFixture(typeof(Turn))]
[assembly: AssemblyFixture(typeof(AzuriteFixture))]
