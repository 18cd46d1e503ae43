return Retouch.Cli.App.Run(args, Console.Out, Console.Error);
