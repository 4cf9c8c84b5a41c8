using System.Diagnostics;
using StsFunctions.Local;

namespace StsFunctions.Bench;

/// <summary>nginx with the policy as a static file, configured for speed.</summary>
internal sealed class Nginx : IDisposable
{
    // For so small a file sendfile costs a system call and more: without it nginx serves 40 % more here, so it goes without.
    // What nginx adds by itself and can be told to leave out is left out, so that both sides send the same headers.
    private const string Configuration = """
        worker_processes auto;
        pid nginx.pid;
        error_log stderr crit;
        events {
            worker_connections 1024;
        }
        http {
            access_log off;
            sendfile off;
            keepalive_requests 100000000;
            open_file_cache max=100 inactive=60s;
            open_file_cache_valid 60s;
            server_tokens off;
            max_ranges 0;
            client_body_temp_path temp;
            proxy_temp_path temp;
            fastcgi_temp_path temp;
            uwsgi_temp_path temp;
            scgi_temp_path temp;
            types {
                text/plain txt;
            }
            charset utf-8;
            add_header Cache-Control no-cache;
            add_header X-Content-Type-Options nosniff;
            add_header Last-Modified "";
            server {
                listen 127.0.0.1:$PORT reuseport;
                server_name $HOST;
                root site;
            }
        }
        """;

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(20);

    private readonly Process _process;
    private readonly Task<string> _errors;
    private readonly string _folder;

    private Nginx(Process process, string folder, int port)
    {
        (_process, _folder, Port) = (process, folder, port);
        _errors = process.StandardError.ReadToEndAsync();
    }

    /// <summary>The loopback port it listens on.</summary>
    public int Port { get; }

    /// <summary>The processor time that it has used, its workers' included.</summary>
    public TimeSpan CpuTime => ProcessorTime.OfTree(_process.Id);

    /// <summary>How it is configured, in one line.</summary>
    public static string How => "worker_processes auto, access_log off, open_file_cache, reuseport, no limit of requests a connection,\nsendfile off (which is faster for so small a file)";

    /// <summary>Starts it, and returns once it has served the policy.</summary>
    /// <exception cref="InvalidOperationException">It does not serve it.</exception>
    public static async Task<Nginx> StartAsync(string executable, CancellationToken cancellation)
    {
        var folder = Directory.CreateTempSubdirectory("sts-bench-nginx-").FullName;
        var file = folder + "/site" + HostedPolicy.Path;
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        await File.WriteAllBytesAsync(file, HostedPolicy.Bytes, cancellation);
        // The workers of an nginx that root started are another user.
        File.SetUnixFileMode(folder, File.GetUnixFileMode(folder) | UnixFileMode.OtherRead | UnixFileMode.OtherExecute);

        var port = LoopbackPort.Free();
        var configuration = Path.Combine(folder, "nginx.conf");
        await File.WriteAllTextAsync(
            configuration,
            Configuration.Replace("$PORT", $"{port}", StringComparison.Ordinal).Replace("$HOST", HostedPolicy.Host, StringComparison.Ordinal),
            cancellation);
        var nginx = new Nginx(
            Process.Start(new ProcessStartInfo(executable, ["-p", folder, "-c", configuration, "-e", "stderr", "-g", "daemon off;"]) { RedirectStandardError = true })!,
            folder,
            port);
        try
        {
            await nginx.WaitForPolicyAsync(cancellation);
            return nginx;
        }
        catch
        {
            nginx.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        _process.Kill(entireProcessTree: true);
        _process.WaitForExit();
        _process.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private async Task WaitForPolicyAsync(CancellationToken cancellation)
    {
        var watch = Stopwatch.StartNew();
        while (PolicyAnswer.Get(Port) is not { } answer || answer.Checked("nginx") is null)
        {
            if (_process.HasExited || watch.Elapsed > Limit)
            {
                throw new InvalidOperationException(_process.HasExited ? $"nginx ended with {_process.ExitCode}: {await _errors}" : $"nginx did not listen within {Limit.TotalSeconds} s.");
            }

            await Task.Delay(Poll, cancellation);
        }
    }
}
