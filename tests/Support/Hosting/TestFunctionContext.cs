using System.Collections.Immutable;
using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Azure.Functions.Worker.Middleware;
using Microsoft.Extensions.DependencyInjection;

namespace StsFunctions.Tests.Hosting;

/// <summary>What the worker passes to middleware for an HTTP function.</summary>
internal sealed class TestFunctionContext : FunctionContext
{
    // Where the worker's ASP.NET Core integration leaves the request.
    private const string HttpContextKey = "HttpRequestContext";

    public TestFunctionContext(HttpContext http, FunctionDefinition definition)
    {
        FunctionDefinition = definition;
        InstanceServices = http.RequestServices;
        Items[HttpContextKey] = http;
    }

    public override string InvocationId { get; } = Guid.NewGuid().ToString();

    public override string FunctionId => FunctionDefinition.Id;

    public override TraceContext TraceContext => throw new NotSupportedException();

    public override BindingContext BindingContext => throw new NotSupportedException();

    public override RetryContext RetryContext => throw new NotSupportedException();

    public override IServiceProvider InstanceServices { get; set; }

    public override FunctionDefinition FunctionDefinition { get; }

    public override IDictionary<object, object> Items { get; set; } = new Dictionary<object, object>();

    public override IInvocationFeatures Features => throw new NotSupportedException();
}

/// <summary>A function's definition, as far as middleware reads it.</summary>
internal sealed class TestFunctionDefinition(string name, string entryPoint) : FunctionDefinition
{
    public override ImmutableArray<FunctionParameter> Parameters => [];

    public override string PathToAssembly => throw new NotSupportedException();

    public override string EntryPoint => entryPoint;

    public override string Id => name;

    public override string Name => name;

    public override IImmutableDictionary<string, BindingMetadata> InputBindings => ImmutableDictionary<string, BindingMetadata>.Empty;

    public override IImmutableDictionary<string, BindingMetadata> OutputBindings => ImmutableDictionary<string, BindingMetadata>.Empty;
}

/// <summary>The worker's middleware pipeline.</summary>
internal sealed class TestPipeline(IServiceCollection services) : IFunctionsWorkerApplicationBuilder
{
    private readonly List<Func<FunctionExecutionDelegate, FunctionExecutionDelegate>> _middleware = [];

    public IServiceCollection Services => services;

    public IFunctionsWorkerApplicationBuilder Use(Func<FunctionExecutionDelegate, FunctionExecutionDelegate> middleware)
    {
        _middleware.Add(middleware);
        return this;
    }

    public FunctionExecutionDelegate Build(FunctionExecutionDelegate function) => _middleware.AsEnumerable().Reverse().Aggregate(function, (next, middleware) => middleware(next));
}
