using Microsoft.Extensions.Time.Testing;
using StsFunctions.Core.Observations;
using StsFunctions.Local.Lab;
using StsFunctions.Network.Probes;
using Xunit;
using SmtpSession = StsFunctions.Core.Observations.SmtpSession;

namespace StsFunctions.Tests.Checks;

/// <summary>The probe of one address: the session that decides, and those that add facts.</summary>
public sealed class SmtpMxProbeTests
{
    private const string Host = "mx.lab.example";
    private const string Run = "20260314120000000";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_first_probe_of_a_day_adds_restricted_sessions_in_sequence()
    {
        await using var lab = await Lab.StartAsync(new LabDomain("lab.example", "")
        {
            Mx = [new(Host) { SecondCertificate = CertificateSpec.For(Host) with { Key = KeyKind.Rsa } }],
        });
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);

        var probe = await ProbeAsync(lab, time, before: null);

        Assert.Equal((SmtpOutcome.Completed, TlsOffer.Default), (probe.Default.Outcome, probe.Default.Offer));
        Assert.Equal(
            [(TlsOffer.Tls12Rsa, SmtpOutcome.Completed), (TlsOffer.Tls12Ecdsa, SmtpOutcome.Completed), (TlsOffer.Tls13, SmtpOutcome.Completed)],
            probe.Restricted.Select(session => (session.Offer, session.Outcome)));
        Assert.Equal(time.GetUtcNow(), probe.RestrictedAt);
        // Each ends before the next begins.
        var line = lab.MailLab.Mx(Host).Servers[0].Received.Where(line => line is "STARTTLS" or "QUIT");
        Assert.Equal(Enumerable.Repeat<string[]>(["STARTTLS", "QUIT"], 4).SelectMany(pair => pair), line);
    }

    [Fact]
    public async Task Later_probes_of_the_day_copy_the_restricted_sessions_and_the_next_day_repeats_them()
    {
        await using var lab = await StartAsync(SmtpScript.Good);
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        var first = await ProbeAsync(lab, time, before: null);

        time.Advance(TimeSpan.FromHours(24) - TimeSpan.FromTicks(1));
        var second = await ProbeAsync(lab, time, first);
        Assert.Equal((first.Restricted, first.RestrictedAt), (second.Restricted, second.RestrictedAt));
        Assert.Equal(5, Sessions(lab));

        time.Advance(TimeSpan.FromTicks(1));
        var third = await ProbeAsync(lab, time, second);
        Assert.Equal(time.GetUtcNow(), third.RestrictedAt);
        Assert.Equal(9, Sessions(lab));
    }

    [Fact]
    public async Task A_server_without_working_TLS_gets_no_restricted_sessions_and_those_of_the_day_stay()
    {
        await using var lab = await StartAsync(SmtpScript.Plain);
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);

        var probe = await ProbeAsync(lab, time, before: null);
        Assert.Empty(probe.Restricted);
        Assert.Null(probe.RestrictedAt);

        var before = new MxProbeResult(probe.Default, [new SmtpSession("192.0.2.1", SmtpOutcome.Completed, TlsOffer.Tls13)], time.GetUtcNow().AddHours(-1));
        Assert.Equal((before.Restricted, before.RestrictedAt), ((await ProbeAsync(lab, time, before)).Restricted, (await ProbeAsync(lab, time, before)).RestrictedAt));
    }

    [Fact]
    public async Task A_probe_that_runs_out_of_time_has_no_result()
    {
        await using var lab = await StartAsync(SmtpScript.HangsAt(SmtpStage.Ehlo));
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        var looking = ProbeAsync(lab, time, before: null);
        while (lab.MailLab.Mx(Host).Servers[0].Received.Count == 0)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(5), Cancellation);
        }

        time.Advance(lab.Options().ProbeTimeout);

        Assert.Equal(SmtpOutcome.DeadlineExceeded, (await looking).Default.Outcome);
    }

    private static int Sessions(Lab lab) => lab.MailLab.Mx(Host).Servers[0].Received.Count(line => line == "STARTTLS");

    private static Task<Lab> StartAsync(SmtpScript script) => Lab.StartAsync(new LabDomain("lab.example", "") { Mx = [new(Host) { Script = script }] });

    private static Task<MxProbeResult> ProbeAsync(Lab lab, TimeProvider time, MxProbeResult? before)
    {
        var options = lab.Options();
        return new SmtpMxProbe(lab.Probe(), new Retry(options, time), options, time).ProbeAsync(Host, lab.AddressOf(Host), Run, before, Cancellation);
    }
}
