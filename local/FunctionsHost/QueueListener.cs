using System.Globalization;
using System.Text;
using System.Text.Json;
using Azure;
using Azure.Storage.Queues;
using Azure.Storage.Queues.Models;
using StsFunctions.Local.FunctionsHost.Rpc;

namespace StsFunctions.Local.FunctionsHost;

/// <summary>Feeds the messages of one queue to its function: retries, and poison in the end.</summary>
internal sealed class QueueListener(
    FunctionDefinition function, QueueTrigger trigger, QueueSettings settings, FunctionsHostEmulatorOptions timing, Invoker invoker, ActivityCount activity, Action<HostLog> log)
{
    private const int LargestBatch = 32;
    private static readonly TimeSpan PauseAfterError = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan ShortestPoll = TimeSpan.FromMilliseconds(100);

    // The raw text: this class decodes it, so that an undecodable message can be moved unchanged.
    private readonly QueueClient _queue = new(trigger.ConnectionString, trigger.Queue, new QueueClientOptions { MessageEncoding = QueueMessageEncoding.None });
    private readonly QueueClient _poison = new(trigger.ConnectionString, trigger.Queue + "-poison", new QueueClientOptions { MessageEncoding = QueueMessageEncoding.None });

    /// <summary>Whether the queue holds nothing to do now, or with <paramref name="evenLater"/> nothing at all.</summary>
    public Task<bool> IsEmptyAsync(bool evenLater, CancellationToken cancellationToken) => QueueDepth.IsEmptyAsync(_queue, evenLater, cancellationToken);

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var running = new List<Task>();
        var isFailing = false;
        var pause = ShortestPoll;
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
                var found = await ReceiveAsync(running, cancellationToken);
                isFailing = false;
                if (found > 0)
                {
                    pause = ShortestPoll;
                    continue;
                }

                await Task.Delay(timing.QueuePollInterval ?? pause, cancellationToken);
                pause = pause * 2 < settings.MaxPollingInterval ? pause * 2 : settings.MaxPollingInterval;
            }
            catch (Exception e) when (IsStorageFailure(e))
            {
                if (!isFailing)
                {
                    log(new HostLog(LogLevel.Error, "host", $"The queue {trigger.Queue} can't be read; it is tried again every {PauseAfterError.TotalSeconds} s: {e.Message}"));
                }

                isFailing = true;
                await Task.Delay(PauseAfterError, cancellationToken);
            }
        }

        await Task.WhenAll(running);
    }

    private async Task<int> ReceiveAsync(List<Task> running, CancellationToken cancellationToken)
    {
        using var polling = activity.BeginPoll();
        try
        {
            var messages = await _queue.ReceiveMessagesAsync(Math.Min(settings.BatchSize, LargestBatch), timing.QueueLock, cancellationToken);
            foreach (var message in messages.Value)
            {
                running.Add(ProcessAsync(message, cancellationToken));
            }

            return messages.Value.Length;
        }
        catch (RequestFailedException e) when (e.Status == 404)
        {
            // The host waits for a missing queue; the app creates it.
            return 0;
        }
    }

    private async Task ProcessAsync(QueueMessage message, CancellationToken cancellationToken)
    {
        using var active = activity.Begin();
        try
        {
            if (message.DequeueCount > settings.MaxDequeueCount)
            {
                await PoisonAsync(message, message.PopReceipt, $"it came {message.DequeueCount} times", cancellationToken);
            }
            else if (Decode(message.Body) is not { } text)
            {
                await PoisonAsync(message, message.PopReceipt, "its text is no base64", cancellationToken);
            }
            else
            {
                await InvokeAsync(message, text, cancellationToken);
            }
        }
        catch (Exception e) when (IsStorageFailure(e))
        {
            log(new HostLog(LogLevel.Error, "host", $"The message {message.MessageId} of {trigger.Queue} could not be settled and will be redelivered: {e.Message}"));
        }
        catch (OperationCanceledException)
        {
            // The host stops: the message remains locked, as after a kill of the host.
        }
    }

    private async Task InvokeAsync(QueueMessage message, string text, CancellationToken cancellationToken)
    {
        using var done = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var renewal = RenewLockAsync(message, done.Token);
        Invocation invocation;
        try
        {
            invocation = await invoker.InvokeAsync(
                function, $"New queue message detected on '{trigger.Queue}'.", new TypedData { String = text }, Metadata(message, text), cancellationToken);
        }
        finally
        {
            await done.CancelAsync();
        }

        var receipt = await renewal;
        if (invocation.Succeeded)
        {
            await _queue.DeleteMessageAsync(message.MessageId, receipt, cancellationToken);
        }
        else if (message.DequeueCount >= settings.MaxDequeueCount)
        {
            await PoisonAsync(message, receipt, $"it failed {message.DequeueCount} times", cancellationToken);
        }
        else
        {
            await _queue.UpdateMessageAsync(message.MessageId, receipt, visibilityTimeout: timing.QueueRetryDelay ?? settings.VisibilityTimeout, cancellationToken: cancellationToken);
        }
    }

    private static Dictionary<string, TypedData> Metadata(QueueMessage message, string text) => new()
    {
        ["QueueTrigger"] = new TypedData { String = text },
        ["Id"] = new TypedData { String = message.MessageId },
        ["PopReceipt"] = new TypedData { String = message.PopReceipt },
        ["DequeueCount"] = new TypedData { Json = message.DequeueCount.ToString(CultureInfo.InvariantCulture) },
        ["InsertionTime"] = new TypedData { Json = JsonSerializer.Serialize(message.InsertedOn) },
        ["ExpirationTime"] = new TypedData { Json = JsonSerializer.Serialize(message.ExpiresOn) },
        ["NextVisibleTime"] = new TypedData { Json = JsonSerializer.Serialize(message.NextVisibleOn) },
    };

    /// <summary>Renews the lock until cancelled; returns the receipt that counts.</summary>
    private async Task<string> RenewLockAsync(QueueMessage message, CancellationToken done)
    {
        var receipt = message.PopReceipt;
        while (true)
        {
            await Task.Delay(timing.QueueLockRenewal, done).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (done.IsCancellationRequested)
            {
                return receipt;
            }

            try
            {
                // Not cancelled: an unobserved renewal would make the receipt invalid.
                var renewed = await _queue.UpdateMessageAsync(message.MessageId, receipt, visibilityTimeout: timing.QueueLock, cancellationToken: CancellationToken.None);
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
        await _poison.CreateIfNotExistsAsync(cancellationToken: cancellationToken);
        await _poison.SendMessageAsync(message.Body, cancellationToken: cancellationToken);
        await _queue.DeleteMessageAsync(message.MessageId, receipt, cancellationToken);
        log(new HostLog(LogLevel.Error, "host", $"The message {message.MessageId} of {trigger.Queue} was moved to {_poison.Name}: {reason}."));
    }

    // The storage client reports the failures of all its attempts together.
    private static bool IsStorageFailure(Exception e) => e is RequestFailedException or AggregateException { InnerException: RequestFailedException };

    private string? Decode(BinaryData body)
    {
        var text = body.ToString();
        if (!settings.Base64)
        {
            return text;
        }

        var bytes = new byte[text.Length];
        return Convert.TryFromBase64String(text, bytes, out var length) ? Encoding.UTF8.GetString(bytes, 0, length) : null;
    }
}
