namespace StsFunctions.ReportIntake.Limits;

/// <summary>A complete arrival, unchanged. It holds the memory leased for reading it until it is disposed.</summary>
internal sealed class ReportBody(byte[] bytes, MemoryLease? lease) : MemoryStream(bytes, 0, bytes.Length, writable: false, publiclyVisible: true)
{
    /// <summary>Returns the memory that reading does not need, or no longer needs.</summary>
    /// <param name="held">The bytes in use besides the body itself.</param>
    public void ReleaseReading(long held = 0) => lease?.ShrinkTo(Length + held);

    protected override void Dispose(bool disposing)
    {
        lease?.Dispose();
        base.Dispose(disposing);
    }
}
