using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;

namespace StsFunctions.Local;

/// <summary>Sends one command line to the system that runs on a data folder, from another terminal.</summary>
internal static class RemoteCommand
{
    /// <summary>Writes the answer; 0 where it was done, 1 where it was not.</summary>
    /// <exception cref="InvalidOperationException">No system runs on that folder.</exception>
    public static async Task<int> RunAsync(string dataFolder, string line, TextWriter output, TextWriter errors, CancellationToken cancellationToken)
    {
        var control = await ControlFile.ReadAsync(dataFolder, cancellationToken) ?? throw NotRunning(dataFolder);
        // A check run has no time limit.
        using var client = new HttpClient(new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false }) { Timeout = Timeout.InfiniteTimeSpan };
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(control.Address, ControlEndpoint.Path)) { Content = new StringContent(line) };
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", control.Token);
        try
        {
            using var answer = await client.SendAsync(request, cancellationToken);
            if (answer.StatusCode == HttpStatusCode.RequestEntityTooLarge)
            {
                throw new InvalidOperationException("That line is too long: `ctl help` lists the commands.");
            }

            if (answer.StatusCode is not (HttpStatusCode.OK or HttpStatusCode.UnprocessableEntity))
            {
                throw NotRunning(dataFolder);
            }

            var isDone = answer.StatusCode == HttpStatusCode.OK;
            await (isDone ? output : errors).WriteLineAsync(await answer.Content.ReadAsStringAsync(cancellationToken));
            return isDone ? 0 : 1;
        }
        catch (HttpRequestException exception) when (exception.InnerException is SocketException or IOException)
        {
            throw NotRunning(dataFolder);
        }
    }

    private static InvalidOperationException NotRunning(string dataFolder) => new(
        $"No local system runs on {dataFolder}, or it is still starting. Start one in another terminal (dotnet run --project local) and wait for its \"Running:\"; for another folder, write --data FOLDER before `do`.");
}
