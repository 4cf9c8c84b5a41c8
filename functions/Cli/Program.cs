return await StsFunctions.CommandLine.Commands.RunAsync(args);
