using System.Globalization;
using System.Text;
using Retouch.Formats;
using Retouch.Locating;
using Retouch.Plots;

namespace Retouch.Benchmarks;

/// <summary>A locator's training curves as a table and as a figure.</summary>
public static class TrainingCurves
{
    /// <summary>Writes <c>PATH.csv</c> and <c>PATH.svg</c>, each atomically.</summary>
    /// <param name="curve">The points.</param>
    /// <param name="path">The locator's path.</param>
    /// <exception cref="BadInputException">A file cannot be written.</exception>
    public static void Write(IReadOnlyList<TrainingPoint> curve, string path)
    {
        AtomicFile.Write(path + ".csv", overwrite: true, s => s.Write(Encoding.UTF8.GetBytes(Csv(curve))));
        Figure(curve).Save(path + ".svg", overwrite: true);
    }

    /// <summary>The curves as CSV with a header line.</summary>
    public static string Csv(IReadOnlyList<TrainingPoint> curve)
    {
        StringBuilder csv = new(
            "batches,lr,bce_training,bce_held_out,bce_mean_mask,kl_before,kl_after,density_targets,"
                + "density_hypernetwork,difference_targets,difference_hypernetwork\n"
        );
        foreach (TrainingPoint p in curve)
        {
            csv.AppendJoin(
                    ',',
                    (
                        (double?[])
                            [
                                p.Batches,
                                p.LearningRate,
                                p.Loss,
                                p.HeldOutLoss,
                                p.MeanMaskLoss,
                                p.Before,
                                p.After,
                                p.TargetDensity,
                                p.OutputDensity,
                                p.TargetDifference,
                                p.OutputDifference,
                            ]
                    ).Select(v => v?.ToString("R", CultureInfo.InvariantCulture) ?? "")
                )
                .Append('\n');
        }
        return csv.ToString();
    }

    /// <summary>The curves as a figure of four panels.</summary>
    public static SvgPlot Figure(IReadOnlyList<TrainingPoint> curve) =>
        new(
            "Training of the locator",
            [
                Panel(
                    curve,
                    "Binary cross-entropy",
                    ("training", p => p.Loss),
                    ("held out", p => p.HeldOutLoss),
                    ("mean target mask", p => p.MeanMaskLoss)
                ),
                Panel(
                    curve,
                    "Divergence from the original",
                    ("before the solver's edit", p => p.Before),
                    ("after", p => p.After)
                ),
                Panel(
                    curve,
                    "Density of masks",
                    ("targets", p => p.TargetDensity),
                    ("hypernetwork", p => p.OutputDensity)
                ),
                Panel(
                    curve,
                    "Difference between samples",
                    ("targets", p => p.TargetDifference),
                    ("hypernetwork", p => p.OutputDifference)
                ),
            ]
        )
        {
            Columns = 2,
            SharedLegend = false,
        };

    static XyPanel Panel(
        IReadOnlyList<TrainingPoint> curve,
        string title,
        params (string Name, Func<TrainingPoint, double?> Value)[] series
    ) =>
        new(
            title,
            new PlotAxis("batches"),
            new PlotAxis(),
            [
                .. series.Select(s => new PlotSeries(
                    s.Name,
                    [.. curve.Select(p => new PlotPoint(p.Batches, s.Value(p) ?? double.NaN))]
                )),
            ]
        );
}
