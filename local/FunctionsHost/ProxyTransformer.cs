using Yarp.ReverseProxy.Forwarder;

namespace StsFunctions.Local.FunctionsHost;

/// <summary>The request as a proxying host passes it on.</summary>
internal sealed class ProxyTransformer(Guid invocation) : HttpTransformer
{
    public override async ValueTask TransformRequestAsync(HttpContext httpContext, HttpRequestMessage proxyRequest, string destinationPrefix, CancellationToken cancellationToken)
    {
        await base.TransformRequestAsync(httpContext, proxyRequest, destinationPrefix, cancellationToken);
        proxyRequest.Headers.Host = null;
        Set(HostHeaders.HostVersion, HostHeaders.Version);
        Set(HostHeaders.InvocationId, invocation.ToString());
        Set(HostHeaders.ProxiedInvocationId, invocation.ToString());
        // What the client claimed is gone: the original host is this one's word.
        Set("X-Forwarded-For", httpContext.Connection.RemoteIpAddress?.MapToIPv4().ToString() ?? "");
        Set("X-Forwarded-Host", httpContext.Request.Headers.Host.ToString());
        Set("X-Forwarded-Proto", httpContext.Request.Scheme);

        void Set(string name, string value)
        {
            proxyRequest.Headers.Remove(name);
            proxyRequest.Headers.TryAddWithoutValidation(name, value);
        }
    }
}
