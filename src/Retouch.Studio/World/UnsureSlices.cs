using Retouch.UseCases;

namespace Retouch.Studio.World;

/// <summary>
/// Images that the model is unsure of in the same way, found once all are read. Safe for several threads.
/// </summary>
/// <param name="world">The model and the images.</param>
public sealed class UnsureSlices(StudioWorld world) : IDisposable
{
    readonly CancellationTokenSource _stop = new();
    readonly Lock _gate = new();
    Task? _work;

    /// <summary>Told when they are found, on any thread.</summary>
    public event Action? Changed;

    /// <summary>What was found, with images' numbers; null until then.</summary>
    public SliceReport? Found { get; private set; }

    /// <summary>Begins to look for them, once.</summary>
    public void Start()
    {
        lock (_gate)
            _work ??= Task.Run(LookAsync);
    }

    async Task LookAsync()
    {
        try
        {
            await world.Opened.WaitAsync(_stop.Token).ConfigureAwait(false);
            if (world.Live is not { } live)
                return;
            IReadOnlyList<(LiveImages Images, int[] Ids)> chunks = world.Chunks;
            int[] ids = [.. chunks.SelectMany(c => c.Ids)];
            SliceReport report = new SliceUseCase(live).Run([.. chunks.Select(c => c.Images)], new(), _stop.Token);
            Found = report with
            {
                Slices = [.. report.Slices.Select(s => s with { Images = [.. s.Images.Select(i => ids[i])] })],
            };
            Changed?.Invoke();
        }
        catch (OperationCanceledException) { }
    }

    /// <summary>Stops, and waits until nothing uses the images.</summary>
    public void Dispose()
    {
        _stop.Cancel();
        _work?.ContinueWith(_ => { }, TaskScheduler.Default).Wait();
        _stop.Dispose();
    }
}
