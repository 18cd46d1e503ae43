namespace Retouch.Studio.World;

/// <summary>The images that are selected, with the way back. One for all pages. Safe for several threads.</summary>
public sealed class Selection
{
    const int MostSteps = 100;

    readonly Lock _gate = new();
    readonly Stack<int[]> _undo = new();
    HashSet<int> _ids = [];

    /// <summary>Told when it changes, on any thread.</summary>
    public event Action? Changed;

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

    /// <summary>Selects an image, or no longer.</summary>
    public void Toggle(int id) => Change(ids => ids.Contains(id) ? [.. ids.Where(i => i != id)] : [.. ids, id]);

    /// <summary>Selects these and no others.</summary>
    public void Set(IEnumerable<int> chosen) => Change(_ => [.. chosen]);

    /// <summary>Selects these, too.</summary>
    public void Add(IEnumerable<int> chosen) => Change(ids => [.. ids, .. chosen]);

    /// <summary>Takes the last change back.</summary>
    /// <returns>Whether there was one.</returns>
    public bool Undo()
    {
        lock (_gate)
        {
            if (_undo.Count == 0)
                return false;
            _ids = [.. _undo.Pop()];
        }
        Changed?.Invoke();
        return true;
    }

    void Change(Func<HashSet<int>, HashSet<int>> how)
    {
        lock (_gate)
        {
            if (_undo.Count >= MostSteps)
            {
                int[][] kept = [.. _undo.Take(MostSteps / 2).Reverse()];
                _undo.Clear();
                foreach (int[] step in kept)
                    _undo.Push(step);
            }
            _undo.Push([.. _ids]);
            _ids = how([.. _ids]);
        }
        Changed?.Invoke();
    }
}
