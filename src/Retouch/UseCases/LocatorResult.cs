using Retouch.Benchmarks;
using Retouch.Formats;
using Retouch.Locating;

namespace Retouch.UseCases;

/// <summary>A locator that was trained and written. Immutable.</summary>
/// <param name="Batches">The batches after which its weights are.</param>
/// <param name="HeldOutLoss">Binary cross-entropy on held-out targets.</param>
/// <param name="MeanMaskLoss">The same of the targets' mean mask; null where it was not measured.</param>
public sealed record LocatorResult(int Batches, double HeldOutLoss, double? MeanMaskLoss)
{
    /// <summary>Where a training keeps what it has, until its locator is written.</summary>
    /// <param name="output">The locator's file.</param>
    public static string CheckpointOf(string output) => output + ".checkpoint";

    /// <summary>The curves beside a locator.</summary>
    /// <param name="output">The locator's file.</param>
    public static IReadOnlyList<string> CurvesOf(string output) => [output + ".csv", output + ".svg"];

    /// <summary>
    /// Writes the best weights of a training that is finished, and its curves beside them, and deletes its checkpoint.
    /// </summary>
    /// <param name="training">The training; not owned.</param>
    /// <param name="data">What it learned from, as its checkpoint says.</param>
    /// <param name="targets">What its targets were solved of.</param>
    /// <param name="count">The number of targets.</param>
    /// <param name="output">The file to write.</param>
    /// <param name="half">Whether weights are stored as float16.</param>
    /// <param name="overwrite">Whether an existing file may be replaced.</param>
    /// <exception cref="BadInputException">A file cannot be written.</exception>
    public static LocatorResult Write(
        LocatorTraining training,
        string data,
        TargetBankManifest targets,
        int count,
        string output,
        bool half,
        bool overwrite
    )
    {
        string checkpoint = CheckpointOf(output);
        bool best = training.Best is not null;
        TrainingPoint chosen = best
            ? training.Curve.First(p => p.HeldOutLoss == training.BestLoss)
            : training.Curve[^1];
        LocatorResult result = new(chosen.Batches, best ? training.BestLoss : chosen.Loss, chosen.MeanMaskLoss);
        LocatorCheckpoint.Save(training, data, checkpoint, finished: true);
        TrainingCurves.Write(training.Curve, output);
        HypernetworkFile.Save(
            training.Best ?? training.Network,
            new LocatorProvenance
            {
                Targets = targets,
                Count = count,
                Training = training.Settings.Describe(),
                Batches = result.Batches,
                HeldOutLoss = result.HeldOutLoss,
                MeanMaskLoss = result.MeanMaskLoss,
            },
            output,
            half,
            overwrite
        );
        AtomicFile.Delete(checkpoint);
        return result;
    }
}
