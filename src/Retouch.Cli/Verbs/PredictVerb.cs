using System.CommandLine;
using Retouch.Data;
using Retouch.Formats;
using Retouch.Images;
using Retouch.Suffix;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Cli.Verbs;

/// <summary><c>predict</c>: what a model says of images.</summary>
sealed class PredictVerb : Verb
{
    const int Chunk = 16;

    readonly ModelOptions _model;
    readonly Option<int> _top = new("--top")
    {
        Description = "Classes to show an image.",
        DefaultValueFactory = _ => 5,
        HelpName = "N",
    };
    readonly Argument<string[]> _images = new("IMAGE")
    {
        Description =
            "JPEG, PNG, WebP, BMP or GIF files, one of an archive by photos.zip!/tench/7.jpg; of a folder, an archive "
            + "or a list, all.",
        Arity = ArgumentArity.OneOrMore,
    };

    public PredictVerb()
        : base("predict", "Show what a model says of images.", reports: true)
    {
        _model = new ModelOptions(this);
        Require<int>(_top, top => top >= 1, "a whole number of at least 1");
        Add(_top);
        Add(_images);
    }

    protected override int Run(ParseResult parsed, Terminal terminal, CancellationToken cancellation)
    {
        int top = parsed.GetValue(_top);
        using ModelFile file = _model.Load(parsed, terminal);
        LabelSet labels = _model.Labels(parsed, file);
        ModelOptions.PrintPreprocessing(file, terminal);
        SplitVit split = new(file.Model);
        bool allGood = true;
        int asked = 0;
        (string Name, string Path)[] all = [.. parsed.GetRequiredValue(_images).SelectMany(Images)];
        foreach ((string Name, string Path)[] some in all.Chunk(VitCost.Of(file.Model.Config).ImagesTogether(Chunk)))
        {
            if (cancellation.IsCancellationRequested)
            {
                throw new OperationCanceledException(
                    $"interrupted after {asked} of {all.Length} images, whose answers are whole.",
                    new OperationCanceledException(cancellation),
                    cancellation
                );
            }
            using DisposeScope scope = NewDisposeScope();
            string[] paths = [.. some.Select(i => i.Path)];
            (Tensor pixels, IReadOnlyList<int> loaded, IReadOnlyList<(int Index, Problem Why)> failed) =
                ImageLoader.LoadAvailable(paths, file.Preprocessing);
            foreach ((_, Problem why) in failed)
                terminal.Error(RemedyText.Of(why));
            allGood &= failed.Count == 0;
            asked += paths.Length;
            if (loaded.Count == 0)
                continue;
            ModelOptions.PrintTurned([.. loaded.Select(i => paths[i])], file, terminal);
            using PrefixState state = split.Prefix(pixels);
            Tensor logits = split.Logits(state);
            for (int i = 0; i < loaded.Count; i++)
            {
                IReadOnlyList<PredictionJson> predictions = Predictions.Top(logits[i], top, labels);
                string name = some[loaded[i]].Name;
                terminal.Object(new PredictJson(name, predictions), JsonOutput.Default.PredictJson);
                terminal.Line(name);
                foreach (PredictionJson prediction in predictions)
                    terminal.Line($"  {Predictions.Text(prediction)}");
            }
        }
        return allGood ? App.Ok : App.BadInput;

        IEnumerable<(string Name, string Path)> Images(string path)
        {
            // Whose rows are to be found again.
            if (ImageFolder.IsList(path, out _))
                return ListedImages.In(path);
            if (!ImageFolder.IsAt(path))
                return [(path, path)];
            ImageFolder folder = ImageFolder.Open(path);
            terminal.Warnings(folder.LeftOut);
            return folder.Files.Select(folder.FullPath).Select(f => (f, f));
        }
    }
}
