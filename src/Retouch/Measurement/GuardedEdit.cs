using Retouch.Editing;

namespace Retouch.Measurement;

/// <summary>
/// The most general edit that keeps to bounds: of its locality, of what it breaks among near images, or of both.
/// Settings are tried from the most general down, until an edit keeps to them; then the interval to the one before it,
/// which did not, is halved a few times (geometrically). Owns the edit.
/// </summary>
public sealed class GuardedEdit : IDisposable
{
    bool _taken;

    GuardedEdit(IReadOnlyList<GuardPoint> curve, double? setting, EditResult? edit, GuardMeasurement? measured) =>
        (Curve, Setting, Edit, Measured) = (curve, setting, edit, measured);

    /// <summary>Every edit that was tried, the most general first.</summary>
    public IReadOnlyList<GuardPoint> Curve { get; }

    /// <summary>The setting of the edit that was chosen, or null if none keeps to the bounds.</summary>
    public double? Setting { get; }

    /// <summary>That edit; it belongs to this object.</summary>
    public EditResult? Edit { get; }

    /// <summary>What that edit changed among the images that are guarded.</summary>
    public GuardMeasurement? Measured { get; }

    /// <summary>What that edit changed among other images; null where there are none.</summary>
    public LocalityMeasurement? Locality => Measured?.Locality;

    /// <summary>Searches; the caller disposes the result.</summary>
    /// <param name="edit">Makes the edit under a setting; results are disposed here.</param>
    /// <param name="measure">Measures what an edit changed.</param>
    /// <param name="bounds">What it must leave as it is.</param>
    /// <param name="settings">Settings to try, above 0, decreasing: the most general first.</param>
    /// <param name="halvings">
    /// How often to halve the interval between the last edit that did not keep to them and the first that did.
    /// </param>
    /// <param name="progress">Told each edit that was tried, or null to ignore.</param>
    /// <param name="cancellation">Stops between edits.</param>
    /// <exception cref="BadInputException">A bound is out of range.</exception>
    /// <exception cref="ArgumentException">There is no setting, or they do not decrease.</exception>
    /// <exception cref="OperationCanceledException">The work was cancelled.</exception>
    public static GuardedEdit Search(
        Func<double, EditResult> edit,
        Func<EditResult, GuardMeasurement> measure,
        GuardBounds bounds,
        IReadOnlyList<double> settings,
        int halvings = 2,
        IProgress<GuardPoint>? progress = null,
        CancellationToken cancellation = default
    )
    {
        bounds.Validate();
        if (settings.Count == 0 || settings[^1] <= 0 || settings.Zip(settings.Skip(1)).Any(s => s.First <= s.Second))
            throw new ArgumentException("Settings above 0 are needed, the largest first.", nameof(settings));
        List<GuardPoint> curve = [];
        (double Setting, EditResult Edit, GuardMeasurement Measured)? best = null;
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
                best?.Measured
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
                GuardMeasurement measured = measure(result);
                GuardPoint point = new(setting, result.Success, measured.Locality?.Rate, result.Steps)
                {
                    Near = measured.Near,
                };
                curve.Add(point);
                progress?.Report(point);
                keeps = result.Success && bounds.AreKept(measured);
                if (keeps)
                {
                    best?.Edit.Dispose();
                    best = (setting, result, measured);
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

    /// <summary>Gives the edit away: whoever calls it disposes it.</summary>
    internal EditResult? Take()
    {
        _taken = true;
        return Edit;
    }

    /// <summary>Frees the edit, unless it was given away.</summary>
    public void Dispose()
    {
        if (!_taken)
            Edit?.Dispose();
    }
}
