using Retouch.Editing;

namespace Retouch.Measurement;

/// <summary>
/// The most general edit whose locality stays at or above a bound. Settings are tried from the most general down,
/// until an edit keeps to the bound; then the interval to the one before it, which did not, is halved a few times
/// (geometrically). Owns the edit.
/// </summary>
public sealed class GuardedEdit : IDisposable
{
    GuardedEdit(IReadOnlyList<GuardPoint> curve, double? setting, EditResult? edit, LocalityMeasurement? locality) =>
        (Curve, Setting, Edit, Locality) = (curve, setting, edit, locality);

    /// <summary>Every edit that was tried, the most general first.</summary>
    public IReadOnlyList<GuardPoint> Curve { get; }

    /// <summary>The setting of the edit that was chosen, or null if none keeps to the bound.</summary>
    public double? Setting { get; }

    /// <summary>That edit; it belongs to this object.</summary>
    public EditResult? Edit { get; }

    /// <summary>What that edit changed.</summary>
    public LocalityMeasurement? Locality { get; }

    /// <summary>Searches; the caller disposes the result.</summary>
    /// <param name="edit">Makes the edit under a setting; results are disposed here.</param>
    /// <param name="measure">Measures an edit's locality.</param>
    /// <param name="bound">The least locality rate, in (0,1].</param>
    /// <param name="settings">Settings to try, above 0, decreasing: the most general first.</param>
    /// <param name="halvings">
    /// How often to halve the interval between the last edit that did not keep to the bound and the first that did.
    /// </param>
    /// <param name="progress">Told each edit that was tried, or null to ignore.</param>
    /// <param name="cancellation">Stops between edits.</param>
    /// <exception cref="BadInputException">The bound is out of range.</exception>
    /// <exception cref="ArgumentException">There is no setting, or they do not decrease.</exception>
    /// <exception cref="OperationCanceledException">The work was cancelled.</exception>
    public static GuardedEdit Search(
        Func<double, EditResult> edit,
        Func<EditResult, LocalityMeasurement> measure,
        double bound,
        IReadOnlyList<double> settings,
        int halvings = 2,
        IProgress<GuardPoint>? progress = null,
        CancellationToken cancellation = default
    )
    {
        if (!(bound is > 0 and <= 1))
            throw BadInput.OutOfRange(null, $"The guarded locality is {bound}; it must be above 0 and at most 1.");
        if (settings.Count == 0 || settings[^1] <= 0 || settings.Zip(settings.Skip(1)).Any(s => s.First <= s.Second))
            throw new ArgumentException("Settings above 0 are needed, the largest first.", nameof(settings));
        List<GuardPoint> curve = [];
        (double Setting, EditResult Edit, LocalityMeasurement Locality)? best = null;
        try
        {
            double? refused = null;
            foreach (double setting in settings)
            {
                if (Keeps(setting))
                    break;
                refused = setting;
            }
            for (int i = 0; i < halvings && best is { Setting: var low } && refused is double high; i++)
            {
                double between = Math.Sqrt(low * high);
                if (!Keeps(between))
                    refused = between;
            }
            return new GuardedEdit(
                [.. curve.OrderByDescending(p => p.Setting)],
                best?.Setting,
                best?.Edit,
                best?.Locality
            );
        }
        catch
        {
            best?.Edit.Dispose();
            throw;
        }

        bool Keeps(double setting)
        {
            cancellation.ThrowIfCancellationRequested();
            EditResult result = edit(setting);
            bool keeps = false;
            try
            {
                LocalityMeasurement locality = measure(result);
                GuardPoint point = new(setting, result.Success, locality.Rate, result.Steps);
                curve.Add(point);
                progress?.Report(point);
                keeps = result.Success && locality.Rate >= bound;
                if (keeps)
                {
                    best?.Edit.Dispose();
                    best = (setting, result, locality);
                }
                return keeps;
            }
            finally
            {
                if (!keeps)
                    result.Dispose();
            }
        }
    }

    /// <summary>Frees the edit.</summary>
    public void Dispose() => Edit?.Dispose();
}
