using System.Text;
using Azure;
using Azure.Storage.Queues;
using Azure.Storage.Queues.Models;

namespace StsFunctions.Local.FunctionsHost;

/// <summary>Feeds the messages of one queue to its function: retries, and poison in the end.</summary>
internal sealed class QueueListener(
    string function, QueueTrigger trigger, string connectionString, QueueSettings settings, StandInHostOptions options,
    HandlerProcess handler, TriggerInvoker invoker, ActivityCount activity, Action<HostLog> log)
{
    private const int LargestBatch = 32;
    private static readonly TimeSpan PauseAfterError = TimeSpan.FromSeconds(1);

    // The text as it lies on the queue: decoding is ours, so that what does not decode can be moved as it is.
    private readonly QueueClient _queue = new(connectionString, trigger.Queue, new QueueClientOptions { MessageEncoding = QueueMessageEncoding.None });
    private readonly QueueClient _poison = new(connectionString, trigger.Queue + "-poison", new QueueClientOptions { MessageEncoding = QueueMessageEncoding.None });

    public async Task CreateQueuesAsync(CancellationToken cancellationToken)
    {
        await _queue.CreateIfNotExistsAsync(cancellationToken: cancellationToken);
        await _poison.CreateIfNotExistsAsync(cancellationToken: cancellationToken);
    }

    /// <summary>Whether the queue holds nothing to do now, or with <paramref name="evenLater"/> nothing at all.</summary>
    public async Task<bool> IsEmptyAsync(bool evenLater, CancellationToken cancellationToken) => evenLater
        ? (await _queue.GetPropertiesAsync(cancellationToken)).Value.ApproximateMessagesCount == 0
        : (await _queue.PeekMessageAsync(cancellationToken)).Value is null;

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var running = new List<Task>();
        var failing = false;
        while (!cancellationToken.IsCancellationRequested)
        {
            running.RemoveAll(task => task.IsCompleted);
            if (running.Count > settings.NewBatchThreshold)
            {
                await Task.WhenAny(running);
                continue;
            }
            try
            {
                // A handler on its way back is waited for; one that never comes back fails every message.
                await handler.WaitUntilServingAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                cancellationToken.ThrowIfCancellationRequested();
                var found = await ReceiveAsync(running, cancellationToken);
                failing = false;
                if (found == 0)
                    await Task.Delay(options.QueuePollInterval, cancellationToken);
            }
            catch (Exception e) when (IsStorageFailure(e))
            {
                if (!failing)
                    log(new HostLog(LogLevel.Error, "host", $"The queue {trigger.Queue} can't be read, and is tried again every {PauseAfterError.TotalSeconds} s: {e.Message}"));
                failing = true;
                await Task.Delay(PauseAfterError, cancellationToken);
            }
        }
        await Task.WhenAll(running);
    }

    private async Task<int> ReceiveAsync(List<Task> running, CancellationToken cancellationToken)
    {
        using var looking = activity.Look();
        var messages = await _queue.ReceiveMessagesAsync(Math.Min(settings.BatchSize, LargestBatch), options.QueueLock, cancellationToken);
        foreach (var message in messages.Value)
            running.Add(ProcessAsync(message, cancellationToken));
        return messages.Value.Length;
    }

    private async Task ProcessAsync(QueueMessage message, CancellationToken cancellationToken)
    {
        using var active = activity.Begin();
        try
        {
            if (message.DequeueCount > settings.MaxDequeueCount)
                await PoisonAsync(message, message.PopReceipt, $"it came {message.DequeueCount} times", cancellationToken);
            else if (Decode(message.Body) is not { } text)
                await PoisonAsync(message, message.PopReceipt, "its text is no base64", cancellationToken);
            else
                await InvokeAsync(message, text, cancellationToken);
        }
        catch (Exception e) when (IsStorageFailure(e))
        {
            log(new HostLog(LogLevel.Error, "host", $"The message {message.MessageId} of {trigger.Queue} could not be settled and comes again: {e.Message}"));
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // The host stops: the message stays locked, as one whose host was killed.
        }
    }

    private async Task InvokeAsync(QueueMessage message, string text, CancellationToken cancellationToken)
    {
        using var done = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var renewal = KeepLockAsync(message, done.Token);
        Invocation invocation;
        try
        {
            var payload = TriggerPayload.Queue(function, trigger.Binding, message, text, options.Time.GetUtcNow());
            invocation = await invoker.InvokeAsync(function, TriggerKind.Queue, payload, cancellationToken);
        }
        finally
        {
            await done.CancelAsync();
        }
        var receipt = await renewal;
        if (invocation.Status == InvocationStatus.Succeeded)
            await _queue.DeleteMessageAsync(message.MessageId, receipt, cancellationToken);
        else if (message.DequeueCount >= settings.MaxDequeueCount)
            await PoisonAsync(message, receipt, $"it failed {message.DequeueCount} times", cancellationToken);
        else
            await _queue.UpdateMessageAsync(message.MessageId, receipt, visibilityTimeout: options.QueueRetryDelay ?? settings.VisibilityTimeout, cancellationToken: cancellationToken);
    }

    /// <summary>Renews the lock until cancelled; returns the receipt that counts.</summary>
    private async Task<string> KeepLockAsync(QueueMessage message, CancellationToken done)
    {
        var receipt = message.PopReceipt;
        while (true)
        {
            await Task.Delay(options.QueueLockRenewal, done).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (done.IsCancellationRequested)
                return receipt;
            try
            {
                // Not cancelled: a renewal that arrives while we look away would leave us with the wrong receipt.
                var renewed = await _queue.UpdateMessageAsync(message.MessageId, receipt, visibilityTimeout: options.QueueLock, cancellationToken: CancellationToken.None);
                receipt = renewed.Value.PopReceipt;
                log(new HostLog(LogLevel.Debug, "host", $"The lock of message {message.MessageId} of {trigger.Queue} was renewed."));
            }
            catch (Exception e) when (IsStorageFailure(e))
            {
                log(new HostLog(LogLevel.Warning, "host", $"The lock of message {message.MessageId} of {trigger.Queue} could not be renewed: {e.Message}"));
            }
        }
    }

    private async Task PoisonAsync(QueueMessage message, string receipt, string reason, CancellationToken cancellationToken)
    {
        await _poison.SendMessageAsync(message.Body, cancellationToken: cancellationToken);
        await _queue.DeleteMessageAsync(message.MessageId, receipt, cancellationToken);
        log(new HostLog(LogLevel.Error, "host", $"The message {message.MessageId} of {trigger.Queue} was moved to {_poison.Name}: {reason}."));
    }

    // The storage client gives the failures of all its own attempts at once.
    private static bool IsStorageFailure(Exception e) => e is RequestFailedException or AggregateException { InnerException: RequestFailedException };

    private string? Decode(BinaryData body)
    {
        var text = body.ToString();
        if (!settings.Base64)
            return text;
        var bytes = new byte[text.Length];
        return Convert.TryFromBase64String(text, bytes, out var length) ? Encoding.UTF8.GetString(bytes, 0, length) : null;
    }
}
