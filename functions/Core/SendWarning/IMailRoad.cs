namespace StsFunctions.SendWarning;

/// <summary>What became of a mail that was handed over.</summary>
internal enum MailState
{
    /// <summary>It is out.</summary>
    Sent,

    /// <summary>It was taken, and is on its way.</summary>
    UnderWay,

    /// <summary>It was not taken, or nobody knows: sending it again under the same id is right.</summary>
    NotSent,

    /// <summary>It was taken and then given up: it must be sent again under a new id.</summary>
    Failed,
}

/// <summary>
/// A way for mail to leave. It leads where the operator's settings say, so it does not pass the gate for names that come from
/// outside (Outgoing): a relay in the operator's own network is as good as any.
/// </summary>
internal interface IMailRoad
{
    /// <summary>What became of an earlier try, which may have been cut off.</summary>
    Task<MailState> AskAsync(Guid mailId, CancellationToken cancellation);

    /// <summary>Hands a mail over. Throws where it is not taken.</summary>
    Task<MailState> SendAsync(WarningMail mail, CancellationToken cancellation);
}
