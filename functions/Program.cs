using StsFunctions.CommandLine;
using StsFunctions.Hosting;

// The Functions host names a port and gives no arguments; otherwise a person is at the keyboard.
return args.Length == 0 && Environment.GetEnvironmentVariable(Handler.PortVariable) is { Length: > 0 } port
    ? await Handler.RunAsync(port)
    : await Commands.RunAsync(args);
