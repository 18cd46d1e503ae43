using System.CommandLine;
using System.Diagnostics;
using Retouch.Data;
using Retouch.Formats;
using Retouch.Images;
using Retouch.Pretraining;
using Retouch.Vit;
using TorchSharp;

namespace Retouch.Cli.Verbs;

/// <summary><c>pretrain</c>: trains a ViT from nothing on a folder of images.</summary>
sealed class PretrainVerb : Verb
{
    readonly Option<string> _images = new("--images")
    {
        Description = "The folder of images, one subfolder a class.",
        Required = true,
        HelpName = "DIR",
    };
    readonly Option<string> _out = new("--out")
    {
        Description = "The model to write, a safetensors file under timm's names.",
        Required = true,
        HelpName = "FILE",
    };
    readonly Option<string?> _config = new("--config")
    {
        Description =
            "Architecture and training as a JSON object, such as {\"width\": 64, \"epochs\": 60}; what it leaves out "
            + "is as in docs/letters.md.",
        HelpName = "FILE",
    };
    readonly Option<string?> _family = new("--family")
    {
        Description =
            $"The family: {string.Join(", ", PretrainingFamilies.Names)}; by default that of the settings, else vit.",
        HelpName = "NAME",
    };
    readonly Option<string?> _labels = new("--labels")
    {
        Description =
            "The names of the classes, in the order of their indices; by default the subfolders' names in their order.",
        HelpName = "FILE",
    };
    readonly Option<string?> _heldOut = new("--held-out")
    {
        Description = "A folder of other images of the classes, to measure on at the end and now and then.",
        HelpName = "DIR",
    };
    readonly OrientationOption _orientation;
    readonly Option<int> _keepEvery = new("--keep-every")
    {
        Description = "Epochs between two checkpoints, which --resume goes on from.",
        DefaultValueFactory = _ => 5,
        HelpName = "N",
    };
    readonly Option<bool> _half = new("--half") { Description = "Store float16: half the size." };
    readonly Option<bool> _resume = new("--resume")
    {
        Description = "Go on from the checkpoint beside --out, where there is one.",
    };
    readonly Option<bool> _overwrite = new("--overwrite") { Description = "Replace an existing model." };

    public PretrainVerb()
        : base("pretrain", "Train a small ViT from nothing on a folder of images.", reports: true)
    {
        Require<int>(_keepEvery, n => n >= 1, "a whole number of at least 1");
        foreach (
            Option option in (Option[])
                [_images, _out, _config, _family, _labels, _heldOut, _keepEvery, _half, _resume, _overwrite]
        )
            Add(option);
        _orientation = new OrientationOption(this);
    }

    protected override int Run(ParseResult parsed, Terminal terminal, CancellationToken cancellation)
    {
        string output = parsed.GetRequiredValue(_out);
        bool half = parsed.GetValue(_half);
        OutputName.RequireModel(output);
        string checkpoint = Checkpoint(output);
        // What a training wrote that was killed before it could say so is its own.
        bool resume = parsed.GetValue(_resume) && File.Exists(checkpoint);
        bool finished = resume && PretrainingCheckpoint.IsFinished(checkpoint);
        bool overwrite = parsed.GetValue(_overwrite) || finished;
        AtomicFile.CheckWritable(output, overwrite);
        using WriterLock writer = WriterLock.Take(output, Name);
        PretrainingSettings settings = parsed.GetValue(_config) is string config
            ? PretrainingSettings.Load(config)
            : new PretrainingSettings();
        if (parsed.GetValue(_family) is string family)
            settings = settings with { Family = family };
        settings.Validate();
        ImageFolder folder = ImageFolder.Open(parsed.GetRequiredValue(_images));
        LabelSet? named = parsed.GetValue(_labels) is string file ? LabelSet.Load(file) : null;
        IReadOnlyList<string> names = named is null
            ? LabelledImages.ClassNames(folder)
            : [.. Enumerable.Range(0, named.Count).Select(i => named[i].Name)];
        Func<string, int> classOf = ClassOf(named, names);
        Preprocessing preprocessing = Preprocessing.Inception(settings.ImageSize, 1) with
        {
            Orientation = _orientation.Given(parsed) ?? ImageOrientation.Stored,
        };
        LabelledImages images = LabelledImages.Open(folder, classOf, preprocessing);
        ImageFolder? others = parsed.GetValue(_heldOut) is string other ? ImageFolder.Open(other) : null;
        LabelledImages? heldOut = others is null ? null : LabelledImages.Open(others, classOf, preprocessing);
        terminal.Warnings([.. folder.LeftOut, .. others?.LeftOut ?? []]);

        string turned = preprocessing.Orientation == ImageOrientation.Exif ? " turned" : "";
        string data = ImageFolders.Open([folder.Root]).Hash() + turned + " " + string.Join('|', names);
        using PretrainingRun run = Begin(parsed, terminal, settings, names.Count, images.Count, data);
        terminal.Note(
            $"{run.Size} parameters, {images.Count} images of {names.Count} classes, {settings.Epochs} epochs of "
                + $"{run.StepsPerEpoch(images)} steps"
        );
        double seconds = Train(parsed, terminal, run, images, heldOut, data, cancellation);

        PretrainingCheckpoint.Save(run, data, checkpoint, finished: true);
        double? accuracy;
        try
        {
            accuracy = heldOut?.Count > 0 ? run.Accuracy(heldOut, Cores(parsed), cancellation) : null;
        }
        catch (OperationCanceledException e)
        {
            throw new OperationCanceledException(Kept(run, checkpoint), e, cancellation);
        }
        using (DisposeScope scope = torch.NewDisposeScope())
        {
            ModelFile.Create(
                output,
                run.Tensors(half),
                run.Config.Traits,
                preprocessing,
                new Dictionary<string, string>
                {
                    ["classes"] = string.Join('\n', names),
                    ["training"] = settings.ToJson(),
                    ["trainingImages"] = data.Split(' ')[0],
                },
                half,
                overwrite
            );
        }
        AtomicFile.Delete(checkpoint);
        terminal.Line(
            $"{output}: {run.Size} parameters, {run.Steps} steps in {seconds:0} s"
                + (accuracy is double share ? $"; {100 * share:0.00} % of {heldOut!.Count} held-out images right" : "")
        );
        terminal.Object(
            new PretrainJson(output, run.Size, names.Count, images.Count, run.Steps, seconds, accuracy, heldOut?.Count),
            JsonOutput.Default.PretrainJson
        );
        return App.Ok;
    }

    // A folder that no label file names stands for itself, even where its name is a number.
    static Func<string, int> ClassOf(LabelSet? labels, IReadOnlyList<string> names)
    {
        if (labels is not null)
        {
            ClassFolders folders = new(labels);
            return name => folders.Accepted(name)[0];
        }
        Dictionary<string, int> index = names.Select((name, i) => (name, i)).ToDictionary(n => n.name, n => n.i);
        return name =>
            index.TryGetValue(name, out int found)
                ? found
                : throw new BadInputException(
                    $"The folder {name} of the held-out images is no class of the images to learn."
                );
    }

    PretrainingRun Begin(
        ParseResult parsed,
        Terminal terminal,
        PretrainingSettings settings,
        int classes,
        int images,
        string data
    )
    {
        string checkpoint = Checkpoint(parsed.GetRequiredValue(_out));
        bool exists = File.Exists(checkpoint);
        if (exists && !parsed.GetValue(_resume) && !parsed.GetValue(_overwrite))
            throw new BadInputException(
                $"{checkpoint} is a training that was interrupted; pass --resume to go on, or "
                    + "--overwrite to start anew."
            );
        if (!exists || !parsed.GetValue(_resume))
        {
            VitConfig architecture = settings.Architecture(classes);
            // Weights, gradients and both moments of AdamW.
            double weights =
                4.0
                * sizeof(float)
                * architecture.Depth
                * architecture.Width
                * (4.0 * architecture.Width + 2.0 * architecture.MlpWidth);
            int together = Math.Min(Math.Min(settings.Batch, images), PretrainingRun.Piece * Cores(parsed));
            MemoryNeed.Require(
                weights + VitCost.TrainingBytes(architecture, together),
                "A training of these settings",
                Remedy.Smaller("imageSize", "depth", "width", "mlpWidth")
            );
            return new PretrainingRun(settings, classes);
        }
        PretrainingRun run = PretrainingCheckpoint.Load(checkpoint, data, settings, classes);
        terminal.Note($"going on from {checkpoint}, after {run.Steps} steps");
        return run;
    }

    double Train(
        ParseResult parsed,
        Terminal terminal,
        PretrainingRun run,
        LabelledImages images,
        LabelledImages? heldOut,
        string data,
        CancellationToken cancellation
    )
    {
        string checkpoint = Checkpoint(parsed.GetRequiredValue(_out));
        int perEpoch = run.StepsPerEpoch(images);
        int cores = Cores(parsed);
        int keepEvery = parsed.GetValue(_keepEvery);
        long total = (long)run.Settings.Epochs * perEpoch;
        long first = run.Steps;
        Stopwatch clock = Stopwatch.StartNew();
        double? accuracy = null;
        double mean = double.NaN;
        try
        {
            terminal.Live(update =>
            {
                while (run.Steps < total)
                {
                    double loss = run.Step(images, cores, cancellation);
                    mean = double.IsNaN(mean) ? loss : 0.98 * mean + 0.02 * loss;
                    if (run.Steps % ((long)keepEvery * perEpoch) == 0 && run.Steps < total)
                    {
                        PretrainingCheckpoint.Save(run, data, checkpoint);
                        accuracy = heldOut is null ? null : run.Accuracy(heldOut, cores, cancellation);
                    }
                    double perSecond = (run.Steps - first) / clock.Elapsed.TotalSeconds;
                    update(
                        new LiveView(
                            "training the model",
                            run.Steps,
                            total,
                            [
                                ("epoch", $"{(double)run.Steps / perEpoch:0.0} of {run.Settings.Epochs}"),
                                ("images a second", $"{perSecond * Math.Min(run.Settings.Batch, images.Count):0}"),
                                ("time left", $"{TimeSpan.FromSeconds((total - run.Steps) / perSecond):hh\\:mm\\:ss}"),
                                ("loss", $"{mean:0.000}"),
                                .. accuracy is double share
                                    ? [("held out", $"{100 * share:0.00} % right")]
                                    : Array.Empty<(string, string)>(),
                            ]
                        )
                    );
                }
                return true;
            });
        }
        catch (OperationCanceledException e)
        {
            PretrainingCheckpoint.Save(run, data, checkpoint);
            throw new OperationCanceledException(Kept(run, checkpoint), e, cancellation);
        }
        return clock.Elapsed.TotalSeconds;
    }

    int Cores(ParseResult parsed) => parsed.GetValue(Threads) ?? Environment.ProcessorCount;

    static string Kept(PretrainingRun run, string checkpoint) =>
        $"interrupted after {run.Steps} steps; {checkpoint} keeps them, and the same command with --resume goes on.";

    static string Checkpoint(string output) => output + ".checkpoint";
}
