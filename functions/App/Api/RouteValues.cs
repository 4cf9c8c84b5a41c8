namespace StsFunctions.App.Api;

/// <summary>Reads route parameters.</summary>
internal static class RouteValues
{
    /// <summary>The value of a parameter of the function's route.</summary>
    public static string RouteValue(this HttpRequest request, string name) => (string)request.RouteValues[name]!;
}
