namespace StsFunctions.Protocol;

/// <summary>What the TXT records at a name amount to.</summary>
public enum TxtRecordStatus
{
    /// <summary>No record of this kind stands there.</summary>
    None,

    /// <summary>Exactly one record stands there, and it is well formed.</summary>
    One,

    /// <summary>More than one record of this kind stands there: senders must act as if there were none.</summary>
    Multiple,

    /// <summary>The only record is malformed: senders must act as if there were none.</summary>
    Malformed,
}
