using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Azure;
using Azure.Core;
using Azure.Core.Pipeline;
using Azure.Identity;
using StsFunctions.Domains;

namespace StsFunctions.SendWarning;

/// <summary>
/// Mail through Azure Communication Services' REST API, with a token, or with the resource's key where one is set. No run waits
/// for the service: a send takes seconds to minutes, and what became of it is asked at the next run.
/// </summary>
internal sealed class CommunicationServicesRoad : IMailRoad
{
    private const string ApiVersion = "2025-09-01";

    // The double slash is right.
    private const string Scope = "https://communication.azure.com//.default";

    private readonly EmailOptions _email;
    private readonly HttpPipeline _pipeline;
    private readonly ILogger _log;

    public CommunicationServicesRoad(EmailOptions email, TimeProvider time, ILogger<CommunicationServicesRoad> log, TokenCredential? credential = null)
    {
        (_email, _log) = (email, log);
        var options = new AcsClientOptions();
        // When the service says when to come back (5 mails a minute for an Azure-managed domain), that is the next run's business.
        options.RetryPolicy = new BoundedRetryPolicy(maxRetries: 2, longestWait: TimeSpan.Zero);
        options.Retry.NetworkTimeout = TimeSpan.FromSeconds(20);
        HttpPipelinePolicy authentication = email.AcsKey is { } key
            ? new KeyPolicy(key, time)
            : new BearerTokenAuthenticationPolicy(credential ?? new DefaultAzureCredential(), Scope);
        _pipeline = HttpPipelineBuilder.Build(options, authentication);
    }

    public async Task<MailState> AskAsync(Guid mailId, CancellationToken cancellation)
    {
        using var message = _pipeline.CreateMessage();
        message.Request.Method = RequestMethod.Get;
        message.Request.Uri.Reset(Address($"emails/operations/{mailId:D}"));
        await _pipeline.SendAsync(message, cancellation);
        if (message.Response.Status == 404)
        {
            return MailState.NotSent;
        }

        var operation = Read(message.Response);
        return operation.Status switch
        {
            "Succeeded" => MailState.Sent,
            "NotStarted" or "Running" => MailState.UnderWay,
            // A failed operation carries its error inside a 200.
            _ => Failed(mailId, operation),
        };
    }

    public async Task<MailState> SendAsync(WarningMail mail, CancellationToken cancellation)
    {
        var body = new AcsMail(
            _email.From!.Address,
            new AcsContent(mail.Subject, mail.Text),
            new AcsRecipients([.. _email.To.Select(to => new AcsAddress(to.Address, to.Name))]),
            new Dictionary<string, string> { ["Auto-Submitted"] = "auto-generated" },
            UserEngagementTrackingDisabled: true);
        using var message = _pipeline.CreateMessage();
        message.Request.Method = RequestMethod.Post;
        message.Request.Uri.Reset(Address("emails:send"));
        message.Request.Headers.Add("Operation-Id", mail.Id.ToString("D"));
        message.Request.Headers.Add("Content-Type", "application/json");
        message.Request.Content = RequestContent.Create(JsonSerializer.SerializeToUtf8Bytes(body, AcsJson.Default.AcsMail));
        await _pipeline.SendAsync(message, cancellation);
        return message.Response.Status == 202 ? MailState.UnderWay : throw new RequestFailedException(message.Response);
    }

    private MailState Failed(Guid mailId, AcsOperation operation)
    {
        _log.LogError("Communication Services gave up mail {MailId} ({Status}): {Code} {Message}", mailId, operation.Status, operation.Error?.Code, operation.Error?.Message);
        return MailState.Failed;
    }

    private Uri Address(string path) => new(_email.AcsEndpoint!, $"/{path}?api-version={ApiVersion}");

    private static AcsOperation Read(Response response) => response.Status == 200
        ? JsonSerializer.Deserialize(response.Content.ToMemory().Span, AcsJson.Default.AcsOperation) ?? throw new RequestFailedException(response)
        : throw new RequestFailedException(response);

    private sealed class AcsClientOptions : ClientOptions;

    /// <summary>Signs each request with the resource's access key (HMAC-SHA256 over the request line, date, host and body).</summary>
    private sealed class KeyPolicy(byte[] key, TimeProvider time) : HttpPipelineSynchronousPolicy
    {
        public override void OnSendingRequest(HttpMessage message)
        {
            var request = message.Request;
            using var body = new MemoryStream();
            request.Content?.WriteTo(body, message.CancellationToken);
            var hash = Convert.ToBase64String(SHA256.HashData(body.ToArray()));
            var date = time.GetUtcNow().ToString("r", CultureInfo.InvariantCulture);
            var uri = request.Uri.ToUri();
            var signed = $"{request.Method}\n{uri.PathAndQuery}\n{date};{uri.Authority};{hash}";
            var signature = Convert.ToBase64String(HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(signed)));
            request.Headers.SetValue("x-ms-date", date);
            request.Headers.SetValue("x-ms-content-sha256", hash);
            request.Headers.SetValue("Authorization", $"HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature={signature}");
        }
    }
}

internal sealed record AcsMail(
    string SenderAddress, AcsContent Content, AcsRecipients Recipients, Dictionary<string, string> Headers, bool UserEngagementTrackingDisabled);

internal sealed record AcsContent(string Subject, string PlainText);

internal sealed record AcsRecipients(IReadOnlyList<AcsAddress> To);

internal sealed record AcsAddress(string Address, string? DisplayName);

internal sealed record AcsOperation(string? Id, string? Status, AcsError? Error);

internal sealed record AcsError(string? Code, string? Message);

[JsonSerializable(typeof(AcsMail))]
[JsonSerializable(typeof(AcsOperation))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
internal sealed partial class AcsJson : JsonSerializerContext;
