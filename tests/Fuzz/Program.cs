using System.Globalization;
using System.Security.Cryptography;
using SharpFuzz;
using StsFunctions.Fuzz;

// Called by tests/Fuzz/run, which knows the folders.
switch (args)
{
    case ["list"]:
        foreach (var each in FuzzTargets.All)
        {
            Console.WriteLine(each.Name);
        }

        return 0;

    case ["instrument", var from, var to]:
        InstrumentCopy(from, to);
        return 0;

    case ["seeds", var tests, var name, var to]:
        Directory.CreateDirectory(to);
        foreach (var file in SeedCorpus.FilesOf(tests, FuzzTargets.Named(name)))
        {
            File.Copy(file, Path.Combine(to, Path.GetFileName(file)), overwrite: true);
        }

        return 0;

    case ["run", var name]:
        var running = FuzzTargets.Named(name);
        Fuzzer.OutOfProcess.Run(stream =>
        {
            using var input = new MemoryStream();
            stream.CopyTo(input);
            FuzzTargets.Run(running, input.ToArray());
        });
        return 0;

    case ["replay", var name, .. var files]:
        return files.Where(file => !Replay(FuzzTargets.Named(name), file)).ToList() is [] ? 0 : 1;

    case ["merge", var tests, var name, var candidates]:
        Merge(tests, FuzzTargets.Named(name), candidates);
        return 0;

    default:
        Console.Error.WriteLine("Use tests/Fuzz/run, which calls this program.");
        return 2;
}

// What other tests use is left as it is.
static void InstrumentCopy(string from, string to)
{
    foreach (var file in Directory.GetFiles(from, "*", SearchOption.AllDirectories))
    {
        var copy = Path.Combine(to, Path.GetRelativePath(from, file));
        Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
        File.Copy(file, copy, overwrite: true);
    }

    // All layers, so that none is left out when code moves; an input that reaches no instrumented code ends the fuzzer.
    var layers = Directory.GetFiles(to, "StsFunctions.*.dll").Where(file => Path.GetFileName(file) != "StsFunctions.Fuzz.dll");
    foreach (var assembly in (string[])[.. layers, Path.Combine(to, "DnsClient.dll"), Path.Combine(to, "MimeKit.dll")])
    {
        Fuzzer.Instrument(assembly, _ => true, Options.Value);
    }
}

static bool Replay(IFuzzTarget target, string file)
{
    try
    {
        FuzzTargets.Run(target, File.ReadAllBytes(file));
        return true;
    }
    catch (Exception e)
    {
        Console.WriteLine($"{file}: {e}");
        return false;
    }
}

// Takes over what reaches code that the corpus does not, the shortest inputs first, as far as there is room.
static void Merge(string tests, IFuzzTarget target, string candidates)
{
    var map = new CoverageMap();
    foreach (var seed in SeedCorpus.FilesOf(tests, target))
    {
        map.IsNew(() => FuzzTargets.Run(target, File.ReadAllBytes(seed)));
    }

    if (map.Branches == 0)
    {
        throw new InvalidOperationException("Nothing is instrumented here: start the copy in .local/fuzz/instrumented.");
    }

    var folder = SeedCorpus.FolderOf(tests, target);
    var own = Directory.GetFiles(folder);
    var (room, left) = (SeedCorpus.MaxFolderBytes - own.Sum(file => new FileInfo(file).Length), SeedCorpus.MaxFolderFiles - own.Length);
    var (before, taken) = (map.Branches, 0);
    foreach (var input in Directory.GetFiles(candidates, "id*").Select(File.ReadAllBytes).OrderBy(input => input.Length))
    {
        if (taken == left || input.Length > room || !map.IsNew(() => FuzzTargets.Run(target, input)))
        {
            continue;
        }

        File.WriteAllBytes(Path.Combine(folder, $"found-{Convert.ToHexStringLower(SHA256.HashData(input))[..12]}"), input);
        room -= input.Length;
        taken++;
    }

    Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{target.Name}: {taken} inputs kept, {before} branches before, {map.Branches} now"));
}
