using Retouch.Benchmarks;

namespace Retouch.Reports;

/// <summary>A method under fixed settings within a subset.</summary>
/// <param name="Method">The method.</param>
/// <param name="Name">The method and its settings in a line.</param>
/// <param name="Summary">The means over its rows.</param>
/// <param name="Rows">Its rows.</param>
sealed record ReportSetting(ReportMethod Method, string Name, SettingSummary Summary, IReadOnlyList<BenchRow> Rows)
{
    /// <summary>The settings that differ among those of a method, in a few words.</summary>
    public string Short(IEnumerable<ReportSetting> siblings)
    {
        ReportSetting[] own = [.. siblings.Where(s => s.Method == Method)];
        string[] varying =
        [
            .. Summary
                .Settings.Keys.Where(k =>
                    own.Select(s => s.Summary.Settings.GetValueOrDefault(k)).Distinct().Count() > 1
                )
                .Order(StringComparer.Ordinal),
        ];
        return string.Join(", ", varying.Select(k => $"{k} {Summary.Settings[k]}"));
    }

    /// <summary>A setting's value as a number, or null if it has none.</summary>
    public double? Number(string knob) =>
        Summary.Settings.TryGetValue(knob, out string? text)
        && double.TryParse(
            text,
            System.Globalization.NumberStyles.Float,
            System.Globalization.CultureInfo.InvariantCulture,
            out double value
        )
        && double.IsFinite(value)
            ? value
            : null;
}
