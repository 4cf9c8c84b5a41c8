namespace StsFunctions.Reports;

/// <summary>What has arrived, whole and as it came. It holds the memory that was leased to have it read, until it is disposed.</summary>
internal sealed class ReportBody(byte[] bytes, MemoryLease? lease) : MemoryStream(bytes, 0, bytes.Length, writable: false, publiclyVisible: true)
{
    /// <summary>Gives back what its reading did not take, or takes no longer.</summary>
    /// <param name="held">What is held of it beside the body itself, in bytes.</param>
    public void ReleaseReading(long held = 0) => lease?.ShrinkTo(Length + held);

    protected override void Dispose(bool disposing)
    {
        lease?.Dispose();
        base.Dispose(disposing);
    }
}
