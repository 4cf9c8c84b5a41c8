using StsFunctions.Cli;

return await Commands.RunAsync(args);
