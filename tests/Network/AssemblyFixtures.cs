using StsFunctions.Tests;
using Xunit;

[assembly: AssemblyFixture(typeof(Turn))]
