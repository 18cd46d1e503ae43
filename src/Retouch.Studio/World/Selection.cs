namespace Retouch.Studio.World;

/// <summary>The images that are selected, with the way back. One for all pages. Safe for several threads.</summary>
public sealed class Selection
{
    const int MostSteps = 100;

    readonly Lock _gate = new();

    // A step is what it changed: taking it back changes the same again.
    readonly LinkedList<int[]> _undo = new();
    readonly HashSet<int> _ids = [];

    /// <summary>Told when it changes, on any thread.</summary>
    public event Action? Changed;

    /// <summary>Another number after every change.</summary>
    public int Version { get; private set; }

    /// <summary>The images' numbers, in order.</summary>
    public IReadOnlyList<int> Ids
    {
        get
        {
            lock (_gate)
                return [.. _ids.Order()];
        }
    }

    /// <summary>How many there are.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
                return _ids.Count;
        }
    }

    /// <summary>Whether an image is selected.</summary>
    public bool Has(int id)
    {
        lock (_gate)
            return _ids.Contains(id);
    }

    /// <summary>A bit for each image, the lowest of a byte first: 1 where it is selected.</summary>
    /// <param name="images">How many images there are.</param>
    public byte[] Bits(int images)
    {
        byte[] bits = new byte[(images + 7) / 8];
        lock (_gate)
            foreach (int id in _ids.Where(i => i < images))
                bits[id / 8] |= (byte)(1 << (id % 8));
        return bits;
    }

    /// <summary>Selects an image, or no longer.</summary>
    public void Toggle(int id) => Change(_ => [id]);

    /// <summary>Selects these and no others.</summary>
    public void Set(IEnumerable<int> chosen) =>
        Change(ids =>
        {
            HashSet<int> all = [.. chosen];
            all.SymmetricExceptWith(ids);
            return all;
        });

    /// <summary>Selects these, too.</summary>
    public void Add(IEnumerable<int> chosen) => Change(ids => chosen.Where(i => !ids.Contains(i)).Distinct());

    /// <summary>Takes the last change back.</summary>
    /// <returns>Whether there was one.</returns>
    public bool Undo()
    {
        lock (_gate)
        {
            if (_undo.Last is not { } last)
                return false;
            _undo.RemoveLast();
            _ids.SymmetricExceptWith(last.Value);
            Version++;
        }
        Changed?.Invoke();
        return true;
    }

    // What becomes selected of what is not, and the other way round.
    void Change(Func<HashSet<int>, IEnumerable<int>> what)
    {
        lock (_gate)
        {
            int[] changed = [.. what(_ids)];
            if (changed.Length == 0)
                return;
            _undo.AddLast(changed);
            if (_undo.Count > MostSteps)
                _undo.RemoveFirst();
            _ids.SymmetricExceptWith(changed);
            Version++;
        }
        Changed?.Invoke();
    }
}
