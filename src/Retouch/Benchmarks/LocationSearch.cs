using System.Globalization;
using Retouch.Editing;
using Retouch.Suffix;
using Retouch.Vit;

namespace Retouch.Benchmarks;

/// <summary>
/// Searches where a model is best edited, as "Learning Where to Edit Vision Transformers" (NeurIPS 2024, section 3.2
/// and figure 2) did: every window of consecutive FFNs and of consecutive attention modules is fine-tuned whole,
/// without a mask, on each edit of a benchmark, and measured like any method.
/// </summary>
static class LocationSearch
{
    internal const string LayersKey = "layers";
    internal const string BlocksKey = "blocks";
    internal const string RateKey = "lr";

    /// <summary>The plan of a search: a setting for each window and step size.</summary>
    /// <param name="model">The unedited model.</param>
    /// <param name="benchmark">Its failures, with locality images.</param>
    /// <param name="settings">How to edit.</param>
    /// <param name="options">How much.</param>
    /// <exception cref="BadInputException">
    /// A setting is out of range, the benchmark is another model's or has no locality images, or the model is too
    /// small.
    /// </exception>
    public static BenchPlan Plan(
        VitModel model,
        Benchmark benchmark,
        LocationSearchSettings settings,
        BenchOptions options
    )
    {
        settings.Validate();
        benchmark.RequireModel(model);
        if (benchmark.Locality.Count == 0)
            throw BadInput.Missing(
                null,
                "The benchmark has no locality images, without which a location's damage cannot be seen.",
                Remedy.Make(Artifact.Benchmark, with: Parameter.Locality)
            );
        return new BenchPlan(
            benchmark,
            [
                .. EditWindow
                    .All(model.Config, settings.Blocks)
                    .SelectMany(w => settings.LearningRates.Select(r => Setting(w, r, settings.MaxSteps))),
            ],
            options
        );
    }

    /// <summary>
    /// Runs the edits of a search, cut by cut from the embedding upwards: a cut's images are loaded once.
    /// </summary>
    /// <param name="model">The unedited model.</param>
    /// <param name="plan">What <see cref="Plan"/> made.</param>
    /// <param name="load">Loads the plan's images for a cut; they are disposed here.</param>
    /// <param name="done">Rows that are there already: as many of the first edits are left out.</param>
    /// <param name="write">Takes the new rows of each batch, in order.</param>
    /// <param name="cancellation">
    /// Stops between steps; the rows of a batch that was not finished are not written.
    /// </param>
    /// <exception cref="OperationCanceledException">The work was cancelled.</exception>
    public static void Run(
        VitModel model,
        BenchPlan plan,
        Func<SplitVit, BenchData> load,
        int done,
        Action<IReadOnlyList<BenchRow>> write,
        CancellationToken cancellation = default
    )
    {
        SplitVit? split = null;
        BenchData? data = null;
        try
        {
            BenchRun.Run(plan, Cut, Shard.Whole, done, write, cancellation);
        }
        finally
        {
            data?.Dispose();
        }

        (SplitVit, BenchData) Cut(BenchSetting setting)
        {
            EditSpace space = ((WindowSetting)setting).Window.Space(model.Config);
            if (split?.Space != space)
            {
                data?.Dispose();
                data = null;
                split = new SplitVit(model, space);
                data = load(split);
            }
            return (split, data!);
        }
    }

    static WindowSetting Setting(EditWindow window, double rate, int steps)
    {
        IEditor editor =
            window.Layers == EditLayers.Ffn
                ? new FineTuning(
                    new()
                    {
                        LearningRate = rate,
                        MaxSteps = steps,
                        FirstStepPlain = false,
                    }
                )
                : new AttentionFineTuning(
                    window.FirstBlock,
                    window.Blocks,
                    new() { LearningRate = rate, MaxSteps = steps }
                );
        return new WindowSetting(
            window,
            editor,
            new SortedDictionary<string, string>(StringComparer.Ordinal)
            {
                [LayersKey] = window.Layers == EditLayers.Ffn ? "ffn" : "msa",
                [BlocksKey] = window.BlockRange,
                [RateKey] = rate.ToString("R", CultureInfo.InvariantCulture),
                ["steps"] = steps.ToString(CultureInfo.InvariantCulture),
            }
        );
    }

    sealed record WindowSetting(EditWindow Window, IEditor Editor, IReadOnlyDictionary<string, string> Settings)
        : BenchSetting(Editor, Settings);
}
