using DnsClient;
using Microsoft.Extensions.Time.Testing;
using MimeKit;
using StsFunctions.Core.Reports;
using StsFunctions.Network.Egress;
using StsFunctions.ReportIntake;
using StsFunctions.ReportIntake.Dkim;
using StsFunctions.ReportIntake.Limits;

namespace StsFunctions.Fuzz.Targets;

/// <summary>
/// The headers of a mail and its DKIM signatures (RFC 6376), checked by <see cref="DkimValidator"/>. The first line of the input is the key
/// record that DNS gives for every name, the rest is the mail. Work and words are bounded; only who signed can be found to have signed; and
/// a mail that something was appended to is not authenticated (RFC 8460 §3).
/// </summary>
internal sealed class MailTarget : IFuzzTarget
{
    private const int MaxReason = 300;

    private static readonly FakeTimeProvider Time = new(ObservedDomain.At);

    private static readonly ReportReader Reader = new(new ReportLimitsOptions { MaxBytes = 512 * 1024, MaxExpandedBytes = 2 << 20, MaxRatio = 100, MaxParts = 20 }, Time);

    public string Name => "mail";

    public void Run(byte[] input)
    {
        var (record, raw) = Split(input);
        // Disposed here: a finalizer would count branches in the midst of a later input.
        using var mail = MailIn(raw);
        if (mail is null)
        {
            return;
        }

        var signers = Verify(mail, record);
        AssertBounded(signers);
        if (signers.Valid.Count > 0)
        {
            using var longer = MailIn([.. raw, .. "\r\nappended\r\n"u8]);
            Invariant.Holds(longer is null || Verify(longer, record).Valid.Count == 0, $"{signers.Valid[0]} vouches for what was appended to its mail");
        }
    }

    /// <summary>Who signed the mail of an input; null where there is no mail in it.</summary>
    internal static DkimResults? SignersOf(byte[] input)
    {
        var (record, raw) = Split(input);
        using var mail = MailIn(raw);
        return mail is null ? null : Verify(mail, record);
    }

    private static (byte[] Record, byte[] Raw) Split(byte[] input)
    {
        var end = input.AsSpan().IndexOf((byte)'\n');
        return (end < 0 ? [] : input[..end], input[(end + 1)..]);
    }

    private static void AssertBounded(DkimResults signers)
    {
        var evaluated = signers.Valid.Count + signers.Unavailable.Count + signers.Reasons.Count(reason => reason.Length > 0);
        Invariant.Holds(evaluated <= 2 * DkimValidator.MaxSignatures, "more signatures are evaluated than the limit allows");
        Invariant.Holds(signers.Reasons.All(reason => reason.Length <= MaxReason), "a reason is too long");
        Invariant.Holds(signers.IsSigned || signers is { Valid: [], Unavailable: [], FoundByReceiver: [] }, "somebody signed a mail without signatures");
        foreach (var organization in (string?[])[null, "", "Alpha Mail", "alpha-mail.example", "..", new('a', 300)])
        {
            var (verdict, signedBy) = signers.ResultFor(organization);
            Invariant.Holds(verdict is not (AuthenticationResult.Aligned or AuthenticationResult.Signed) || signers.Valid.Any(signer => signer.Value == signedBy), "the verdict rests on a signature that is not valid");
            Invariant.Holds(verdict != AuthenticationResult.Aligned || !signers.IsUnresolvedFor(organization), "the best verdict is open");
        }
    }

    private static DkimResults Verify(MimeMessage mail, byte[] record)
    {
        var resolver = new DnsResolver(
            (name, type, cancellationToken) =>
            {
                // What the library refuses to ask, it refuses here.
                _ = new DnsQuestion(name, type).QueryName;
                return Task.FromResult(DnsMessage.Read(DnsMessage.TxtResponse(record)));
            },
            validates: false);
        return new DkimValidator(resolver, Time).VerifyAsync(mail, fromMailbox: true, CancellationToken.None).GetAwaiter().GetResult();
    }

    // As it is on arrival: whether there is a report in it does not matter.
    private static MimeMessage? MailIn(byte[] raw)
    {
        try
        {
            using var body = new ReportBody(raw, lease: null);
            return Reader.ReadAsync(body, CancellationToken.None).GetAwaiter().GetResult().OneMail;
        }
        catch (UnreadableReportException refusal)
        {
            Invariant.Holds(refusal.Message.Length >= 10, $"the refusal is no sentence: {refusal.Message}");
            return refusal.Mail;
        }
    }
}
