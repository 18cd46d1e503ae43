using Retouch.Benchmarks;
using Retouch.Data;
using Retouch.Formats;
using Retouch.Reports;
using Retouch.Suffix;

namespace Retouch.UseCases;

/// <summary>Makes the edits that a report shows. Owns nothing.</summary>
/// <param name="file">The runs' model.</param>
/// <param name="images">Where the groups' images are.</param>
/// <param name="locality">Where the locality images are; null to show none.</param>
/// <param name="windows">The model cut for edits.</param>
/// <param name="events">Told how far it is.</param>
public sealed class ReportEdits(
    ModelFile file,
    ImageRoots images,
    ImageRoots? locality,
    EditWindows windows,
    IUseCaseEvents events
)
{
    /// <summary>
    /// Makes them again under one setting: the one that is named, or the best that can be made with what is at hand.
    /// </summary>
    /// <param name="comparison">What the report is of.</param>
    /// <param name="benchmarks">The runs' benchmarks.</param>
    /// <param name="count">How many edits.</param>
    /// <param name="wanted">The setting, as the report writes it; null for the best.</param>
    /// <param name="loaded">
    /// The only benchmark's images, by window, where they are loaded; null to load what the edits need.
    /// </param>
    /// <param name="cancellation">Stops between edits.</param>
    /// <exception cref="BadInputException">
    /// There is no such setting, what it needs is missing, or so is an image.
    /// </exception>
    /// <exception cref="OperationCanceledException">The work was cancelled.</exception>
    public IReadOnlyList<GalleryEdit> Make(
        BenchComparison comparison,
        IReadOnlyList<Benchmark> benchmarks,
        int count,
        string? wanted,
        Func<EditSpace, BenchData>? loaded,
        CancellationToken cancellation
    )
    {
        if (count == 0)
            return [];
        (IReadOnlyList<BenchRow> Rows, string Name)[] candidates =
        [
            .. comparison
                .BySetting()
                .Select(rows => (rows, BenchSetting.Describe(rows[0].Method, rows[0].Settings)))
                .Where(c => wanted is null || c.Item2 == wanted),
        ];
        if (wanted is not null && candidates.Length == 0)
            throw BadInput.Missing(
                wanted,
                $"No setting of these runs is called '{wanted}'; write it as the tables do, such as "
                    + "'"
                    + comparison
                        .BySetting()
                        .Select(r => BenchSetting.Describe(r[0].Method, r[0].Settings))
                        .FirstOrDefault()
                    + "'."
            );
        (IReadOnlyList<BenchRow> chosen, BenchSetting? setting) = candidates
            .Select(c =>
                (
                    c.Rows,
                    EditorRegistry.Recreate(
                        c.Rows[0].Method,
                        c.Rows[0].Settings,
                        windows.Resources(windows.Space(c.Rows[0].Settings))
                    )
                )
            )
            .FirstOrDefault(c => c.Item2 is not null);
        if (setting is null)
        {
            if (wanted is not null || loaded is null)
                throw BadInput.Missing(
                    wanted,
                    $"{(wanted is null ? "No setting of these runs" : "This setting")} can be made again: it needs "
                        + "the files that the run had.",
                    Remedy.Option(Parameter.TrainedFiles)
                );
            return [];
        }
        EditSpace space = windows.Space(setting.Settings);
        BenchRow[] rows = [.. Gallery.Choose(chosen, count)];
        List<(int Place, GalleryEdit Edit)> edits = [];
        events.Progress(
            "gallery",
            rows.Length,
            report =>
            {
                foreach (Benchmark benchmark in benchmarks)
                {
                    BenchRow[] own =
                    [
                        .. rows.Where(r =>
                            benchmark.Groups.Any(g => g.Name == r.Group)
                            && !edits.Any(e => ReferenceEquals(rows[e.Place], r))
                        ),
                    ];
                    if (own.Length == 0)
                        continue;
                    SplitVit split = windows.Split(space);
                    Benchmark part = loaded is null
                        ? Gallery.Restrict(locality is null ? benchmark with { Locality = [] } : benchmark, own)
                        : benchmark;
                    BenchData data =
                        loaded?.Invoke(space)
                        ?? BenchData.Load(
                            split,
                            part,
                            file.Preprocessing,
                            images,
                            locality,
                            cancellation: cancellation
                        );
                    try
                    {
                        IReadOnlyList<GalleryEdit> made = Gallery.Make(
                            split,
                            part,
                            data,
                            file.Preprocessing,
                            images,
                            locality,
                            setting,
                            own,
                            new Told<int>(done => report(edits.Count + done, null)),
                            cancellation
                        );
                        edits.AddRange(own.Zip(made, (row, edit) => (Array.IndexOf(rows, row), edit)));
                    }
                    finally
                    {
                        if (loaded is null)
                            data.Dispose();
                    }
                }
                return 0;
            }
        );
        if (rows.Index().FirstOrDefault(r => !edits.Any(e => e.Place == r.Index)) is { Item: { } missing })
            throw BadInput.Missing(
                missing.Group,
                $"None of the benchmarks has the group {missing.Group}.",
                Remedy.Option(Parameter.Benchmark)
            );
        return [.. edits.OrderBy(e => e.Place).Select(e => e.Edit)];
    }
}
