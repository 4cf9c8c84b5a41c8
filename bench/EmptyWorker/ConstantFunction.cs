using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.Azure.Functions.Worker;

namespace StsFunctions.Bench.EmptyWorker;

/// <summary>The one function: constant bytes, from memory, written directly.</summary>
public static class ConstantFunction
{
    private static readonly byte[] Body = Encoding.ASCII.GetBytes("constant\r\n");

    [Function("Constant")]
    public static async Task RunAsync([HttpTrigger(AuthorizationLevel.Anonymous, "get", "head", Route = "constant")] HttpRequest request)
    {
        var response = request.HttpContext.Response;
        response.ContentType = "text/plain";
        response.ContentLength = Body.Length;
        await response.BodyWriter.WriteAsync(Body, CancellationToken.None);
    }
}
