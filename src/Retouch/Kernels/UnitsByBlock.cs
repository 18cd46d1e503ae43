namespace Retouch.Kernels;

/// <summary>The units that edits have of their own, block by block. Owns them.</summary>
sealed class UnitsByBlock<T>(int blocks) : IDisposable
    where T : unmanaged, IElement<T>
{
    readonly OwnUnits<T>?[] _own = new OwnUnits<T>?[blocks];

    /// <summary>Of the model.</summary>
    public int Blocks => _own.Length;

    /// <summary>Of an edit in one FFN at most, up to a multiple of 16.</summary>
    public int Most => _own.Max(o => o?.Padded ?? 0);

    /// <summary>Those in one block's FFN; null where all units are the model's.</summary>
    public OwnUnits<T>? this[int block] => _own[block];

    /// <summary>Gives a block other ones, and frees those that it had.</summary>
    public void Set(int block, OwnUnits<T> own)
    {
        _own[block]?.Dispose();
        _own[block] = own;
    }

    /// <summary>Whether any of the model's units count in a block's FFN.</summary>
    public bool HasFrozen(int block) => _own[block] is not { Frozen: null };

    /// <summary>Whether edits have units of their own in it.</summary>
    public bool HasOwn(int block) => _own[block] is { Count: > 0 };

    /// <summary>Frees all of them.</summary>
    public void Dispose()
    {
        foreach (OwnUnits<T> own in _own.OfType<OwnUnits<T>>())
            own.Dispose();
    }
}
