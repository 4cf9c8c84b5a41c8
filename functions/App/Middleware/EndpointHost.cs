namespace StsFunctions.Middleware;

/// <summary>The host name under which an HTTP function answers.</summary>
internal enum EndpointHost
{
    /// <summary>The app's own host name: report senders, <c>api/</c>, and whatever else is for people.</summary>
    App,

    /// <summary>A policy host, <c>mta-sts.&lt;domain&gt;</c> (RFC 8461 §3.3).</summary>
    Policy,
}

/// <summary>States under which host name an HTTP function answers; under any other it is 404.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class EndpointHostAttribute(EndpointHost host) : Attribute
{
    /// <summary>The host name.</summary>
    public EndpointHost Host { get; } = host;
}
