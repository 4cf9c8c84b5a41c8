namespace StsFunctions.App.Middleware;

/// <summary>The host name that an HTTP function responds to.</summary>
internal enum EndpointHost
{
    /// <summary>The app's own host name: report senders, <c>api/</c>, and everything for people.</summary>
    App,

    /// <summary>A policy host, <c>mta-sts.&lt;domain&gt;</c> (RFC 8461 §3.3).</summary>
    Policy,
}

/// <summary>Declares the host name of an HTTP function; under any other it is 404.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class EndpointHostAttribute(EndpointHost host) : Attribute
{
    /// <summary>The host name.</summary>
    public EndpointHost Host { get; } = host;
}
