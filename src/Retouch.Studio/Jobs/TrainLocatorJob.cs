using System.Globalization;
using Retouch.Data;
using Retouch.Locating;
using Retouch.Studio.World;
using Retouch.Suffix;
using Retouch.UseCases;

namespace Retouch.Studio.Jobs;

/// <summary>
/// Trains a hypernetwork to say where the model is best edited, on the ordinary images, as published.
/// </summary>
/// <param name="world">The model and the images.</param>
sealed class TrainLocatorJob(StudioWorld world) : IJobKind
{
    const int BatchesBetween = 5;

    /// <summary>Its name.</summary>
    public const string Kind = "train-locator";

    public string Name => Kind;

    /// <summary>What a job is asked for.</summary>
    /// <param name="targets">How many targets it learns from.</param>
    public static Dictionary<string, string> Request(int targets) =>
        new() { ["targets"] = targets.ToString(CultureInfo.InvariantCulture) };

    public (string Result, string? Output) Run(
        IReadOnlyDictionary<string, string> request,
        string folder,
        IUseCaseEvents events,
        CancellationToken cancellation
    )
    {
        string file = Path.Combine(folder, "locator.safetensors");
        string checkpoint = LocatorResult.CheckpointOf(file);
        LocatorTrainingSettings settings = new();
        int batches = Math.Max(int.Parse(request["targets"], CultureInfo.InvariantCulture) / settings.Batch, 1);
        SplitVit split = new(world.Options.Model.Model, EditSpace.Default(world.Options.Model.Model.Config));
        LocatorTraining.RequireRoom(split.Space, settings);
        using TargetBankFiller filler = new(
            split,
            ImageFolders.Open([world.RequireLocality("A locator").Root]),
            world.Options.Model.Preprocessing,
            new TargetMaskSettings { Batch = settings.Batch }
        );
        string data = $"samples {filler.Manifest.Identity()}";
        using LocatorTraining training = File.Exists(checkpoint)
            ? LocatorCheckpoint.Load(checkpoint, data, settings)
            : LocatorTraining.Start(split.Space, settings);
        events.Progress(
            "training the locator",
            batches,
            report =>
            {
                new LocatorTrainer(
                    split.Model,
                    training,
                    BatchesBetween,
                    t => LocatorCheckpoint.Save(t, data, checkpoint),
                    new Told<TrainingProgress>(p => report(p.Batches, null))
                ).Online(filler, batches, cancellation: cancellation);
                return 0;
            }
        );
        LocatorResult result = LocatorResult.Write(
            training,
            data,
            filler.Manifest,
            batches * settings.Batch,
            file,
            half: false,
            overwrite: true
        );
        return (
            string.Create(
                CultureInfo.InvariantCulture,
                $"{batches * settings.Batch} targets, cross-entropy before they are learned {result.HeldOutLoss:0.0000}"
            ) + "; comparisons from now on use it, and 'retouch edit' takes the file by --locator-file",
            file
        );
    }
}
