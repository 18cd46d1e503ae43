using Retouch.Benchmarks;

namespace Retouch.Reports;

/// <summary>A run as a report reads it. Immutable.</summary>
/// <param name="Name">The name of its folder, without the folders above.</param>
/// <param name="Manifest">What the run is.</param>
/// <param name="Rows">Its rows; those of an interrupted run are not all there.</param>
public sealed record ReportRun(string Name, BenchManifest Manifest, IReadOnlyList<BenchRow> Rows)
{
    /// <summary>The comparisons of masks that lie in its folder.</summary>
    public IReadOnlyList<MaskComparison> Masks { get; init; } = [];

    /// <summary>The side effects that lie in its folder; null where none were measured.</summary>
    public SideEffects? SideEffects { get; init; }

    /// <summary>Reads a run's folder.</summary>
    /// <exception cref="BadInputException">
    /// It is no run's folder, has no rows, or holds shards that nobody has merged; the message says which.
    /// </exception>
    public static ReportRun Read(string folder)
    {
        if (!Directory.Exists(folder))
            throw BadInput.Missing(folder, $"There is no folder {folder}: check the path.");
        string path = Path.Combine(folder, Shard.Whole.FileName);
        if (!File.Exists(path) && Directory.EnumerateFiles(folder, "rows-*-of-*.jsonl").Any())
            throw BadInput.Missing(folder, $"{folder} holds the shards of a run.", Remedy.Merge(folder));
        BenchManifest manifest = BenchFolder.ReadManifest(folder);
        IReadOnlyList<BenchRow> rows = BenchRowFile.Read(path);
        if (rows.Count == 0)
            throw BadInput.Missing(path, $"{path} has no rows yet.", Remedy.ResumeRun);
        if (rows.FirstOrDefault(r => r.Run != manifest.Run) is { } other)
            throw BadInput.Damaged(
                path,
                $"{path} holds rows of the run {other.Run}, but the manifest beside it is of {manifest.Run}; the "
                    + "folder was changed."
            );
        return new ReportRun(
            Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder))),
            manifest,
            rows
        )
        {
            Masks = MaskFile.Read(folder),
            SideEffects = SideEffectFile.Read(folder) is { } effects && effects.Run == manifest.Run ? effects : null,
        };
    }
}
