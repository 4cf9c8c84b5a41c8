namespace StsFunctions.Protocol;

/// <summary>The status of the TXT records at a name.</summary>
public enum TxtRecordStatus
{
    /// <summary>There is no record of this kind.</summary>
    None,

    /// <summary>There is exactly one record, and it is well formed.</summary>
    One,

    /// <summary>There is more than one record of this kind: senders must act as if there were none.</summary>
    Multiple,

    /// <summary>The only record is malformed: senders must act as if there were none.</summary>
    Malformed,
}
