using System.Collections.Concurrent;
using Microsoft.Azure.Functions.Worker;

namespace StsFunctions.App.Hosting;

/// <summary>Creates one instance of each function class: none of them holds the state of an invocation.</summary>
internal sealed class SingletonFunctionActivator(IServiceProvider services) : IFunctionActivator
{
    private readonly ConcurrentDictionary<Type, object> _instances = new();

    public object? CreateInstance(Type instanceType, FunctionContext context) =>
        _instances.GetOrAdd(instanceType, static (type, services) => services.GetService(type) ?? ActivatorUtilities.CreateInstance(services, type), services);
}
