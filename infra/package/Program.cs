using System.CommandLine;
using StsFunctions.Package;

var app = new Option<DirectoryInfo?>("--app") { Description = "A folder that was published already; otherwise the app is published first" };
var output = new Option<FileInfo?>("--output") { Description = "The package; dist/StsFunctions.zip if not given" };
var readyToRun = new Option<bool>("--ready-to-run") { Description = "Publish as ReadyToRun also where native code could be linked" };
var root = new RootCommand("Makes the package that is deployed: publishes the app, looks through what was published, and zips it.") { app, output, readyToRun };
root.SetAction(async (parsed, cancellation) =>
{
    try
    {
        var zip = parsed.GetValue(output)?.FullName ?? Publisher.PackageFile;
        var published = parsed.GetValue(app) is { } folder
            ? PublishedApp.Read(folder.FullName)
            : await Publisher.PublishAsync(parsed.GetValue(readyToRun), cancellation);
        Console.WriteLine(Zip.Write(published, zip));
        return 0;
    }
    catch (PackageException e)
    {
        await Console.Error.WriteLineAsync(e.Message);
        return 1;
    }
});
return await root.Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null }).InvokeAsync();
