using System.Diagnostics;
using System.Globalization;
using System.IO.Compression;
using StsFunctions.ReportIntake;
using StsFunctions.ReportIntake.Limits;

// Reads compressed reports of a folder, and expands the same bare: `<folder> <rounds>`. A line for each round and way on stdout: its name, milliseconds.
var files = Directory.GetFiles(args[0]).Order(StringComparer.Ordinal).Select(File.ReadAllBytes).ToList();
var reader = new ReportReader(new ReportLimitsOptions { MaxExpandedBytes = 1 << 30, MaxRatio = 1_100 }, TimeProvider.System);
var buffer = new byte[64 * 1024];
for (var round = -1; round < int.Parse(args[1], CultureInfo.InvariantCulture); round++)
{
    var read = await MeasureAsync(ReadAsync);
    var gunzip = await MeasureAsync(GunzipAsync);
    // The first one warms up files, and what is made once.
    if (round >= 0)
    {
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"read {read:0.0000}"));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"gunzip {gunzip:0.0000}"));
    }
}

Console.WriteLine($"peak {File.ReadLines("/proc/self/status").First(line => line.StartsWith("VmHWM", StringComparison.Ordinal)).Split(':')[1].Trim().Split(' ')[0]}");

async Task<double> MeasureAsync(Func<byte[], Task<long>> work)
{
    GC.Collect();
    var began = Stopwatch.GetTimestamp();
    var sum = 0L;
    foreach (var file in files)
    {
        sum += await work(file);
    }

    var elapsed = Stopwatch.GetElapsedTime(began).TotalMilliseconds;
    return sum > 0 ? elapsed : throw new InvalidOperationException("Nothing was read.");
}

async Task<long> ReadAsync(byte[] file)
{
    using var body = await reader.BufferAsync(new MemoryStream(file), CancellationToken.None);
    return (await reader.ReadAsync(body, CancellationToken.None)).Reports[0].Report.Policies[0].FailedSessions;
}

Task<long> GunzipAsync(byte[] file)
{
    using var gzip = new GZipStream(new MemoryStream(file), CompressionMode.Decompress);
    var bytes = 0L;
    int read;
    while ((read = gzip.Read(buffer)) > 0)
    {
        bytes += read;
    }

    return Task.FromResult(bytes);
}
