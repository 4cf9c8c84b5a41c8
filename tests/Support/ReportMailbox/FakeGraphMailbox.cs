using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace StsFunctions.Tests.ReportMailbox;

/// <summary>
/// One mailbox, behind the calls of Microsoft Graph that are made of it, as its documentation describes them: pages with a link to the
/// next, ids that stay, folders by name. A test may inject a fault before any call.
/// </summary>
internal sealed class FakeGraphMailbox : IAsyncDisposable
{
    public const string Inbox = "inbox";

    private readonly WebApplication _app;
    private readonly Lock _gate = new();
    private readonly List<(string Id, byte[] Raw, string Folder)> _messages = [];
    private readonly Dictionary<string, string> _folders = [];
    private readonly ConcurrentQueue<(string Part, Func<HttpContext, Task> Answer)> _faults = [];

    private FakeGraphMailbox(WebApplication app) => _app = app;

    public Uri Address => new(_app.Urls.Single() + "/");

    /// <summary>Whose mailbox it is.</summary>
    public string User { get; } = "tlsrpt@example.com";

    /// <summary>How many messages a page has at most, whatever is asked for.</summary>
    public int PageSize { get; set; } = 100;

    /// <summary>Each call: method, path and query, and what it showed.</summary>
    public ConcurrentQueue<(string Call, string? Authorization, string? Prefer)> Calls { get; } = [];

    public static async Task<FakeGraphMailbox> StartAsync(CancellationToken cancellationToken)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        builder.Services.AddRoutingCore();
        var app = builder.Build();
        var graph = new FakeGraphMailbox(app);
        app.Use(graph.CountAsync);
        app.UseRouting();
        app.MapGet("/v1.0/users/{user}/mailFolders/inbox/messages", graph.ListAsync);
        app.MapGet("/v1.0/users/{user}/messages/{id}/$value", graph.ReadAsync);
        app.MapPost("/v1.0/users/{user}/messages/{id}/move", graph.MoveAsync);
        app.MapGet("/v1.0/users/{user}/mailFolders", graph.FindFolderAsync);
        app.MapPost("/v1.0/users/{user}/mailFolders", graph.MakeFolderAsync);
        await app.StartAsync(cancellationToken);
        return graph;
    }

    /// <summary>Delivers a message.</summary>
    public string Deliver(byte[] raw)
    {
        lock (_gate)
        {
            // As long and as odd as real ids are.
            var id = $"AAkALgAAAAAAHYQDEapmEc2byACqAC-EWg0A/{_messages.Count}+x==";
            _messages.Add((id, raw, Inbox));
            return id;
        }
    }

    /// <summary>Deletes a message, as its owner may at any time.</summary>
    public void Delete(string id)
    {
        lock (_gate)
        {
            _messages.RemoveAll(message => message.Id == id);
        }
    }

    /// <summary>The messages in a folder, by its name.</summary>
    public IReadOnlyList<byte[]> In(string folder)
    {
        lock (_gate)
        {
            var id = folder == Inbox ? Inbox : _folders.GetValueOrDefault(folder, "none");
            return [.. _messages.Where(message => message.Folder == id).Select(message => message.Raw)];
        }
    }

    /// <summary>Makes a folder, as its owner or another run may.</summary>
    public void MakeFolder(string name)
    {
        lock (_gate)
        {
            _folders[name] = $"folder {name}=";
        }
    }

    /// <summary>The next call whose path and query hold something is answered so instead.</summary>
    public void Fault(string part, Func<HttpContext, Task> answer) => _faults.Enqueue((part, answer));

    /// <summary>The same, by a status.</summary>
    public void Fault(string part, int status, string? retryAfter = null) => Fault(part, context =>
    {
        context.Response.StatusCode = status;
        if (retryAfter is not null)
        {
            context.Response.Headers.RetryAfter = retryAfter;
        }

        return WriteAsync(context, new JsonObject { ["error"] = new JsonObject { ["code"] = "ErrorCode", ["message"] = "In words." } });
    });

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private async Task CountAsync(HttpContext context, RequestDelegate next)
    {
        var path = context.Request.Path + context.Request.QueryString;
        Calls.Enqueue(($"{context.Request.Method} {path}", context.Request.Headers.Authorization, context.Request.Headers["Prefer"]));
        if (_faults.TryPeek(out var fault) && path.Contains(fault.Part, StringComparison.Ordinal) && _faults.TryDequeue(out _))
        {
            await fault.Answer(context);
            return;
        }

        await next(context);
    }

    private Task ListAsync(HttpContext context)
    {
        var query = context.Request.Query;
        var skip = int.TryParse(query["$skiptoken"], CultureInfo.InvariantCulture, out var token) ? token : 0;
        var top = Math.Min(PageSize, int.Parse(query["$top"]!, CultureInfo.InvariantCulture));
        lock (_gate)
        {
            var inbox = _messages.Where(message => message.Folder == Inbox).ToList();
            var page = new JsonObject { ["value"] = new JsonArray([.. inbox.Skip(skip).Take(top).Select(message => new JsonObject { ["@odata.etag"] = "W/\"x\"", ["id"] = message.Id })]) };
            if (inbox.Count > skip + top)
            {
                page["@odata.nextLink"] = $"{Address}v1.0/users/{User}/mailFolders/inbox/messages?$select=id&$orderby=receivedDateTime&$top={top}&$skiptoken={skip + top}";
            }

            return WriteAsync(context, page);
        }
    }

    private Task ReadAsync(HttpContext context)
    {
        if (Find(context) is not { } message)
        {
            return NotFoundAsync(context);
        }

        context.Response.ContentType = "text/plain";
        return context.Response.Body.WriteAsync(message.Raw).AsTask();
    }

    private async Task MoveAsync(HttpContext context)
    {
        var move = await JsonNode.ParseAsync(context.Request.Body);
        var destination = move!["destinationId"]!.GetValue<string>();
        if (Find(context) is not { } message)
        {
            await NotFoundAsync(context);
            return;
        }

        lock (_gate)
        {
            if (!_folders.ContainsValue(destination))
            {
                context.Response.StatusCode = StatusCodes.Status400BadRequest;
                return;
            }

            _messages[_messages.FindIndex(known => known.Id == message.Id)] = message with { Folder = destination };
        }

        context.Response.StatusCode = StatusCodes.Status201Created;
        await WriteAsync(context, new JsonObject { ["id"] = message.Id });
    }

    private Task FindFolderAsync(HttpContext context)
    {
        var name = context.Request.Query["$filter"].ToString()["displayName eq '".Length..^1];
        lock (_gate)
        {
            return WriteAsync(context, new JsonObject { ["value"] = _folders.TryGetValue(name, out var id) ? new JsonArray(new JsonObject { ["id"] = id }) : [] });
        }
    }

    private async Task MakeFolderAsync(HttpContext context)
    {
        var folder = await JsonNode.ParseAsync(context.Request.Body);
        var name = folder!["displayName"]!.GetValue<string>();
        lock (_gate)
        {
            context.Response.StatusCode = _folders.TryAdd(name, $"folder {name}=") ? StatusCodes.Status201Created : StatusCodes.Status409Conflict;
        }

        await WriteAsync(context, new JsonObject { ["id"] = $"folder {name}=" });
    }

    private (string Id, byte[] Raw, string Folder)? Find(HttpContext context)
    {
        // A route value leaves %2F as it is.
        var id = Uri.UnescapeDataString(context.GetRouteValue("id")!.ToString()!);
        lock (_gate)
        {
            return _messages.FindIndex(message => message.Id == id) is >= 0 and var at ? _messages[at] : null;
        }
    }

    private static Task NotFoundAsync(HttpContext context)
    {
        context.Response.StatusCode = StatusCodes.Status404NotFound;
        return WriteAsync(context, new JsonObject { ["error"] = new JsonObject { ["code"] = "ErrorItemNotFound", ["message"] = "The specified object was not found in the store." } });
    }

    private static Task WriteAsync(HttpContext context, JsonNode json)
    {
        context.Response.ContentType = "application/json";
        return context.Response.WriteAsync(json.ToJsonString(new JsonSerializerOptions { TypeInfoResolver = new System.Text.Json.Serialization.Metadata.DefaultJsonTypeInfoResolver() }));
    }
}
