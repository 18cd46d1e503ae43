using Retouch.Benchmarks;
using Retouch.Formats;
using Retouch.Suffix;

namespace Retouch.UseCases;

/// <summary>
/// A search for the blocks that are best edited: every window on every edit of a benchmark, one row an edit, from which
/// an interrupted search is resumed. Holds the search's folder until it is disposed.
/// </summary>
public sealed class LocationSession : IDisposable
{
    readonly LocationRequest _request;
    readonly RunFolder _folder;

    /// <summary>Takes the folder where there is one.</summary>
    /// <param name="request">What to search.</param>
    /// <exception cref="BadInputException">Another process writes the folder.</exception>
    public LocationSession(LocationRequest request)
    {
        _request = request;
        _folder = new RunFolder(request.Output, Shard.Whole, "search-location");
    }

    /// <summary>Runs it, or what is left of it.</summary>
    /// <param name="model">The unedited model; not owned.</param>
    /// <param name="events">Told what happens; null to ignore.</param>
    /// <param name="cancellation">Stops between steps; whole batches stay in the folder.</param>
    /// <returns>What came of it; null where the benchmark has no groups, so that nothing was written.</returns>
    /// <exception cref="BadInputException">
    /// A file cannot be read or does not fit the model, a setting is out of range, or the folder holds something else.
    /// </exception>
    /// <exception cref="OperationCanceledException">The work was cancelled; the message says what is kept.</exception>
    public LocationReport? Run(ModelFile model, IUseCaseEvents? events = null, CancellationToken cancellation = default)
    {
        events ??= NoEvents.Instance;
        Benchmark benchmark = _request.Benchmark.Read(model.Model);
        if (benchmark.Groups.Count == 0)
            return null;
        BenchmarkSource.SayShared(benchmark, events);
        LocationSearchSettings settings = _request.Settings;
        NearImages? near = _request.Benchmark.ListNear(ModelLabels.Of(model, _request.LabelFile), events);
        BenchPlan plan = LocationSearch.Plan(
            model.Model,
            benchmark,
            settings with
            {
                Blocks = Math.Min(settings.Blocks, model.Model.Config.Depth),
            },
            _request.Options with
            {
                Orientation = model.Preprocessing.Orientation,
                Near = near,
            }
        );
        _folder.Plan(plan, _request.Resume);
        Func<SplitVit, BenchData> load = _request.Benchmark.Loader(model, benchmark, near, cancellation);
        try
        {
            _folder.Begin(benchmark: null, _request.Resume);
            events.Note(ModelNotes.Preprocessing(model));
            events.Note(_folder.Description);
            IReadOnlyList<BenchRow> rows = _folder.Fill(
                events,
                (done, write) => LocationSearch.Run(model.Model, plan, load, done, write, cancellation)
            );
            BenchFolder.WriteSummary(_folder.Path, SettingSummary.Of(rows));
            LocationResult result = LocationResult.Of(rows);
            (string table, string figure) = result.Write(_folder.Path);
            return new LocationReport(result, _folder.RowFile, table, figure);
        }
        catch (OperationCanceledException e)
        {
            throw new RunInterruptedException(_folder.Interruption, e, cancellation);
        }
    }

    /// <summary>Lets others write to the folder.</summary>
    public void Dispose() => _folder.Dispose();
}
