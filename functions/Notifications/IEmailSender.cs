namespace StsFunctions.Notifications;

/// <summary>The state of a mail that was submitted.</summary>
internal enum DeliveryState
{
    /// <summary>It is out.</summary>
    Sent,

    /// <summary>It was taken, and is on its way.</summary>
    InProgress,

    /// <summary>It was not accepted, or its state is unknown: send it again under the same id.</summary>
    NotSent,

    /// <summary>It was taken and then given up: it must be sent again under a new id.</summary>
    Failed,
}

/// <summary>
/// A way for mail to leave. It leads where the operator's settings say, so it does not pass the gate for names that come from
/// outside (Outgoing): a relay in the operator's own network is as good as any.
/// </summary>
internal interface IEmailSender
{
    /// <summary>What became of an earlier try, which may have been cut off.</summary>
    Task<DeliveryState> GetStatusAsync(Guid mailId, CancellationToken cancellationToken);

    /// <summary>Hands a mail over. Throws where it is not taken.</summary>
    Task<DeliveryState> SendAsync(NotificationEmail mail, CancellationToken cancellationToken);
}
