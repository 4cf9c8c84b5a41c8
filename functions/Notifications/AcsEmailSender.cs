using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Azure;
using Azure.Core;
using Azure.Core.Pipeline;
using Azure.Identity;

namespace StsFunctions.Notifications;

/// <summary>
/// Mail through Azure Communication Services' REST API, with a token, or with the resource's key where one is set. No run waits
/// for the service: a send takes seconds to minutes, and what became of it is asked at the next run.
/// </summary>
internal sealed class AcsEmailSender : IEmailSender
{
    private const string ApiVersion = "2025-09-01";

    // The double slash is right.
    private const string Scope = "https://communication.azure.com//.default";

    private readonly EmailOptions _email;
    private readonly HttpPipeline _pipeline;
    private readonly ILogger _log;

    public AcsEmailSender(EmailOptions email, RetryPolicy retryPolicy, TimeProvider time, ILogger<AcsEmailSender> log, TokenCredential? credential = null)
    {
        (_email, _log) = (email, log);
        var options = new AcsClientOptions();
        options.RetryPolicy = retryPolicy;
        options.Retry.NetworkTimeout = TimeSpan.FromSeconds(20);
        HttpPipelinePolicy authentication = email.AcsKey is { } key
            ? new KeyPolicy(key, time)
            : new BearerTokenAuthenticationPolicy(credential ?? new DefaultAzureCredential(), Scope);
        _pipeline = HttpPipelineBuilder.Build(options, authentication);
    }

    public async Task<DeliveryState> GetStatusAsync(Guid mailId, CancellationToken cancellationToken)
    {
        using var message = _pipeline.CreateMessage();
        message.Request.Method = RequestMethod.Get;
        message.Request.Uri.Reset(Address($"emails/operations/{mailId:D}"));
        await _pipeline.SendAsync(message, cancellationToken);
        if (message.Response.Status == 404)
        {
            return DeliveryState.NotSent;
        }

        var operation = Read(message.Response);
        return operation.Status switch
        {
            "Succeeded" => DeliveryState.Sent,
            "NotStarted" or "Running" => DeliveryState.InProgress,
            // A failed operation carries its error inside a 200.
            _ => Failed(mailId, operation),
        };
    }

    public async Task<DeliveryState> SendAsync(NotificationEmail mail, CancellationToken cancellationToken)
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
        await _pipeline.SendAsync(message, cancellationToken);
        return message.Response.Status == 202 ? DeliveryState.InProgress : throw new RequestFailedException(message.Response);
    }

    private DeliveryState Failed(Guid mailId, AcsOperation operation)
    {
        _log.LogError("Communication Services gave up mail {MailId} ({Status}): {Code} {Message}", mailId, operation.Status, operation.Error?.Code, operation.Error?.Message);
        return DeliveryState.Failed;
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
