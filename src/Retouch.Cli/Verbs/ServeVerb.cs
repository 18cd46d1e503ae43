using System.CommandLine;
using System.Net;
using Retouch.Data;
using Retouch.Formats;
using Retouch.Patches;
using Retouch.Studio;
using Retouch.UseCases;

namespace Retouch.Cli.Verbs;

/// <summary><c>serve</c>: opens the studio.</summary>
sealed class ServeVerb : Verb
{
    readonly ModelOptions _model;
    readonly Option<string[]> _images = new("--images")
    {
        Description = "Folders of images, in folders that are called by their class where it is known, as for 'mine'.",
        Required = true,
        AllowMultipleArgumentsPerToken = true,
        HelpName = "DIR",
    };
    readonly Option<string[]> _near = RepairOptions.Near(", on which edits are measured, too");
    readonly Option<string?> _accept = RepairOptions.Accept();
    readonly Option<string?> _locality = RepairOptions.Locality("what else an edit changes");
    readonly Option<string[]> _prepared = RepairOptions.Prepared();
    readonly Option<string?> _ledger = new("--ledger")
    {
        Description = "The ledger that edits are accepted into; one that is not there is begun.",
        HelpName = "FILE",
    };
    readonly Option<string?> _against = new("--against")
    {
        Description = "Another model of the same classes, to compare with image by image.",
        HelpName = "MODEL",
    };
    readonly Option<int> _port = new("--port")
    {
        Description = "The port to listen on; by default the one it had last, or any that is free.",
        HelpName = "N",
    };
    readonly Option<string?> _bind = new("--bind")
    {
        Description =
            "Listen on another address than this machine's own, so that others who have the token see and change "
            + "everything that is shown; needs --i-know.",
        HelpName = "ADDRESS",
    };
    readonly Option<bool> _iKnow = new("--i-know")
    {
        Description = "Yes, others on the network can reach it then, without encryption.",
    };
    readonly Option<string?> _work = new("--work")
    {
        Description = "The folder of what is kept between runs; by default below the user's cache.",
        HelpName = "DIR",
    };
    readonly Option<bool> _open = new("--open") { Description = "Open it in the browser." };

    public ServeVerb()
        : base(
            "serve",
            "Open the studio: pages on this machine that show a model's mistakes, mend them, and show what that costs "
                + "before it is accepted. The model's file stays as it is.",
            reports: true
        )
    {
        Require<int>(_port, port => port is >= 0 and <= 65535, "a whole number from 0 to 65535");
        _model = new ModelOptions(this);
        foreach (
            Option option in (Option[])
                [_images, _near, _accept, _locality, _prepared, _ledger, _against, _port, _bind, _iKnow, _work, _open]
        )
            Add(option);
    }

    protected override int Run(ParseResult parsed, Terminal terminal, CancellationToken cancellation)
    {
        IPAddress address = IPAddress.Loopback;
        if (parsed.GetValue(_bind) is string bind && !IPAddress.TryParse(bind, out address!))
            throw new BadInputException($"--bind is {bind}, but must be an address such as 127.0.0.1.");
        if (!IPAddress.IsLoopback(address) && !parsed.GetValue(_iKnow))
            throw new BadInputException(
                $"--bind {address} lets everybody on the network who has the token see and change what is shown, "
                    + "without encryption. Pass --i-know if that is meant, or leave --bind out."
            );
        using ModelFile file = _model.Load(parsed, terminal);
        LabelSet labels = ModelLabels.Of(file, _model.LabelFile(parsed));
        if (!LiveModel.Serves(file))
            throw new BadInputException(
                $"The classifier of {file.Path} does not read [CLS] alone, and the studio shows no other models yet: "
                    + "'retouch check', 'edit' and 'repair' take it."
            );
        string? ledger = parsed.GetValue(_ledger);
        string author = ledger is null ? Environment.UserName : LedgerOptions.GitAuthor(ledger) ?? Environment.UserName;
        if (ledger is not null)
        {
            if (File.Exists(ledger))
                Ledger.Open(ledger).RequireModel(file.Model, file.Path);
            else
                Ledger.Begin(ledger, file.Model, author, "Begun in the studio", DateTimeOffset.UtcNow);
        }
        using ModelFile? against = parsed.GetValue(_against) is string other
            ? _model.Load(other, parsed, terminal)
            : null;
        if (against is not null && against.Model.Config.Classes != file.Model.Config.Classes)
            throw new BadInputException(
                $"{against.Path} has {against.Model.Config.Classes} classes and {file.Path} "
                    + $"{file.Model.Config.Classes}; --against compares models of the same classes."
            );
        StudioOptions options = new()
        {
            Model = file,
            Labels = labels,
            LabelFile = _model.LabelFile(parsed),
            Accepted = parsed.GetValue(_accept),
            Images = [.. parsed.GetRequiredValue(_images), .. parsed.GetValue(_near) ?? []],
            Locality = parsed.GetValue(_locality) is string folder ? ImageFolder.Open(folder) : null,
            Classes = ClassFolders.Of(parsed.GetValue(_accept), labels),
            Ledger = ledger,
            Author = author,
            Against = against,
            Files = new()
            {
                Prepared = parsed.GetValue(_prepared) ?? [],
                Cache = PreparationCache.OfUser(),
                MadeFor = new() { Model = _model.Arguments(parsed) },
            },
            WorkFolder = parsed.GetValue(_work) ?? UsualWorkFolder(),
            Address = address,
            Port = parsed.GetValue(_port),
        };
        return Serve(options, terminal, parsed.GetValue(_open), cancellation);
    }

    /// <summary>Where what is kept between runs lies by default.</summary>
    public static string UsualWorkFolder() =>
        Path.Combine(PreparationCache.OfUser()?.Folder ?? Path.Combine(Path.GetTempPath(), "retouch"), "studio");

    /// <summary>Serves until it is interrupted.</summary>
    public static int Serve(StudioOptions options, Terminal terminal, bool open, CancellationToken cancellation)
    {
        StudioServer server = StudioServer.StartAsync(options, cancellation).GetAwaiter().GetResult();
        try
        {
            terminal.Object(new ServeJson(server.Entry.ToString()), JsonOutput.Default.ServeJson);
            terminal.Line($"studio: {server.Entry}");
            terminal.Line("Ctrl-C ends it; what it has read and its jobs are kept.");
            if (open)
                Browser.Open(terminal, server.Entry.ToString());
            cancellation.WaitHandle.WaitOne();
            return App.Ok;
        }
        finally
        {
            server.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }
    }
}
