using System.Collections;

namespace Retouch.Vit;

/// <summary>The stages of an architecture in order; none for a ViT. Immutable; equal where all stages are.</summary>
public sealed class VitStages(IEnumerable<VitStage> stages) : IReadOnlyList<VitStage>, IEquatable<VitStages>
{
    readonly VitStage[] _stages = [.. stages];

    /// <summary>A ViT's.</summary>
    public static VitStages None { get; } = new([]);

    /// <inheritdoc/>
    public int Count => _stages.Length;

    /// <inheritdoc/>
    public VitStage this[int index] => _stages[index];

    /// <inheritdoc/>
    public bool Equals(VitStages? other) => other is not null && _stages.AsSpan().SequenceEqual(other._stages);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as VitStages);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        HashCode hash = new();
        foreach (VitStage stage in _stages)
            hash.Add(stage);
        return hash.ToHashCode();
    }

    /// <inheritdoc/>
    public IEnumerator<VitStage> GetEnumerator() => ((IEnumerable<VitStage>)_stages).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
