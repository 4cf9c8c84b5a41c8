using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Azure.Functions.Worker;

namespace StsFunctions.Bench.EmptyWorker;

/// <summary>The one function: constant bytes, from memory.</summary>
public static class ConstantFunction
{
    private static readonly byte[] s_body = Encoding.ASCII.GetBytes("constant\r\n");

    [Function("Constant")]
    public static FileContentResult Run([HttpTrigger(AuthorizationLevel.Anonymous, "get", "head", Route = "constant")] HttpRequest request) => new(s_body, "text/plain");
}
