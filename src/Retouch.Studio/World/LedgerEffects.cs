using Retouch.Patches;
using Retouch.UseCases;

namespace Retouch.Studio.World;

/// <summary>
/// Which accepted patch corrected or broke which image: each asked about upon those before it, and again when the
/// ledger has changed. Safe for several threads.
/// </summary>
/// <param name="world">The model and the images.</param>
public sealed class LedgerEffects(StudioWorld world) : IDisposable
{
    readonly CancellationTokenSource _stop = new();
    readonly Lock _gate = new();
    Task _work = Task.CompletedTask;
    (string State, int Chunks)? _known;
    (DateTime Written, long Bytes, int Chunks)? _seen;

    /// <summary>Told when they are known, on any thread.</summary>
    public event Action? Changed;

    /// <summary>The entries whose patches are in, in the order of the ledger; as far as it is known.</summary>
    public IReadOnlyList<EntryEffect> Entries { get; private set; } = [];

    /// <summary>The images that are right now and were wrong without patches.</summary>
    public IReadOnlySet<int> Corrected { get; private set; } = new HashSet<int>();

    /// <summary>The images that are wrong now and were right without patches.</summary>
    public IReadOnlySet<int> Broken { get; private set; } = new HashSet<int>();

    /// <summary>Why it cannot be known; null where it can.</summary>
    public string? Problem { get; private set; }

    /// <summary>Looks whether the ledger has changed, and asks then.</summary>
    public void Look()
    {
        if (world.Options.Ledger is not string path || world.Doing is not null)
            return;
        FileInfo file = new(path);
        (DateTime, long, int)? now = file.Exists ? (file.LastWriteTimeUtc, file.Length, world.Chunks.Count) : null;
        lock (_gate)
        {
            if (_seen == now || !_work.IsCompleted || _stop.IsCancellationRequested)
                return;
            _seen = now;
            _work = Task.Run(Ask);
        }
    }

    /// <summary>Waits until nothing is being asked.</summary>
    public Task Finished => _work;

    void Ask()
    {
        try
        {
            string path = world.Options.Ledger!;
            if (world.Live is not { } live || !File.Exists(path))
                return;
            Ledger ledger = Ledger.Open(path);
            IReadOnlyList<(LiveImages Images, int[] Ids)> chunks = world.Chunks;
            if (_known == (ledger.State.Digest, chunks.Count))
                return;
            Ask(live, ledger, chunks);
            (_known, Problem) = ((ledger.State.Digest, chunks.Count), null);
            Changed?.Invoke();
        }
        catch (OperationCanceledException) { }
        catch (BadInputException e)
        {
            if (Problem == e.Message)
                return;
            Problem = e.Message;
            Changed?.Invoke();
        }
    }

    void Ask(LiveModel live, Ledger ledger, IReadOnlyList<(LiveImages Images, int[] Ids)> chunks)
    {
        IReadOnlyList<LoadedPatch> patches = ledger.Load(ledger.State);
        try
        {
            IReadOnlyList<int>?[] accepted = Accepted(patches);
            bool?[] unedited = Right(i => i.Answers);
            bool?[] before = unedited;
            List<EntryEffect> entries = [];
            foreach ((int i, LedgerEntry entry) in ledger.State.Added.Index())
            {
                using LiveState state = live.With([.. patches.Take(i + 1)], leavePatches: true);
                bool?[] now = Right(state.Answers);
                entries.Add(
                    new EntryEffect(entry.Number, entry.Reason, Turned(before, now, true), Turned(before, now, false))
                );
                before = now;
            }
            (Entries, Corrected, Broken) = (entries, Turned(unedited, before, true), Turned(unedited, before, false));

            bool?[] Right(Func<LiveImages, IReadOnlyList<LiveAnswer>> answers)
            {
                bool?[] right = new bool?[world.Images.Count];
                foreach ((LiveImages images, int[] ids) in chunks)
                {
                    _stop.Token.ThrowIfCancellationRequested();
                    IReadOnlyList<LiveAnswer> said = answers(images);
                    for (int i = 0; i < ids.Length; i++)
                        right[ids[i]] = accepted[ids[i]]?.Contains(said[i].Class);
                }
                return right;
            }
        }
        finally
        {
            foreach (LoadedPatch patch in patches)
                patch.Dispose();
        }

        static HashSet<int> Turned(bool?[] before, bool?[] after, bool right) =>
            [.. Enumerable.Range(0, after.Length).Where(i => after[i] == right && before[i] == !right)];
    }

    // Where no folder says what an image is, whoever accepted its patch did.
    IReadOnlyList<int>?[] Accepted(IReadOnlyList<LoadedPatch> patches)
    {
        Dictionary<string, int> said = [];
        foreach (LoadedPatch patch in patches)
        {
            PatchProvenance made = patch.Patch.Provenance;
            string folder = Path.GetDirectoryName(Path.GetFullPath(patch.Path))!;
            foreach (PatchImage image in made.Images.Where(i => i.Path is not null))
                said[Path.GetFullPath(image.Path!, folder)] = image.Label ?? made.Label;
        }
        return
        [
            .. world.Images.Select(i =>
                i.Accepted ?? (said.TryGetValue(Path.GetFullPath(i.Path), out int label) ? [label] : null)
            ),
        ];
    }

    /// <summary>Stops, and waits until nothing uses the images.</summary>
    public void Dispose()
    {
        _stop.Cancel();
        _work.ContinueWith(_ => { }, TaskScheduler.Default).Wait();
        _stop.Dispose();
    }
}
