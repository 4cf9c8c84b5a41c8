using System.Text.Json;
using Microsoft.Azure.Functions.Worker.Core.FunctionMetadata;
using StsFunctions.App.Options;

namespace StsFunctions.App.Hosting;

/// <summary>Hides functions outside this instance's set from the Functions host, which then neither routes requests to them nor listens for them.</summary>
internal sealed class FunctionSetFilter(FunctionSetOptions options) : IFunctionMetadataTransformer
{
    public string Name => nameof(FunctionSetFilter);

    public void Transform(IList<IFunctionMetadata> original)
    {
        if (options.Functions == FunctionSet.All)
        {
            return;
        }

        for (var i = original.Count - 1; i >= 0; i--)
        {
            if (!IsIn(options.Functions, original[i].RawBindings ?? []))
            {
                original.RemoveAt(i);
            }
        }
    }

    /// <summary>Whether a function with these bindings is in the set.</summary>
    /// <param name="set">The set.</param>
    /// <param name="bindings">The function's bindings, each a JSON object; one of them is a trigger.</param>
    public static bool IsIn(FunctionSet set, IEnumerable<string> bindings) => set switch
    {
        FunctionSet.Http => bindings.Any(IsHttpTrigger),
        FunctionSet.Background => !bindings.Any(IsHttpTrigger),
        _ => true,
    };

    private static bool IsHttpTrigger(string binding)
    {
        using var json = JsonDocument.Parse(binding);
        return json.RootElement.TryGetProperty("type", out var type) && string.Equals(type.GetString(), "httpTrigger", StringComparison.OrdinalIgnoreCase);
    }
}
