using System.Net;

namespace StsFunctions.CheckDomain;

/// <summary>Looks itself, and again where that failed.</summary>
internal sealed class DirectProbe(SmtpProbe probe, Repetition repetition) : IAddressProbe
{
    public async Task<AddressLook> LookAsync(string mxHost, IPAddress address, string round, CancellationToken cancellation) => new(
        await repetition.RunAsync(
            () => probe.LookAsync(mxHost, address, cancellation),
            session => session.Outcome is SmtpOutcome.ConnectionRefused or SmtpOutcome.ConnectionTimedOut or SmtpOutcome.BrokenOff
                or SmtpOutcome.Turned or SmtpOutcome.TlsFailed,
            cancellation),
        Narrow: []);
}
