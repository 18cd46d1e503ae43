using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Suffix;

/// <summary>
/// What an edit changes of any tensors after the cut: low-rank terms, shifted values, further hidden units.
/// Owns its tensors; its values never change.
/// </summary>
public sealed class TensorDelta : ModelDelta
{
    readonly SortedDictionary<string, TensorChange> _changes;

    /// <summary>Creates a delta, taking ownership of the changes.</summary>
    /// <param name="space">The space that says where the model is cut.</param>
    /// <param name="changes">
    /// By canonical name: tensors of the first editable block's FFN and its norm, of any later block, of the
    /// final norm and of the classifier. Hidden units are appended to <c>mlp.fc1.weight</c>,
    /// <c>mlp.fc1.bias</c> and <c>mlp.fc2.weight</c> alike.
    /// </param>
    /// <exception cref="ArgumentException">
    /// A tensor stands before the cut, or not all three of an FFN get as many hidden units.
    /// </exception>
    public TensorDelta(EditSpace space, IReadOnlyDictionary<string, TensorChange> changes)
    {
        foreach (string name in changes.Keys)
        {
            if (!IsAfterCut(space, name))
                throw new ArgumentException(
                    $"{name} is not a tensor after block {space.FirstBlock}'s attention.",
                    nameof(changes)
                );
        }
        foreach (
            string block in changes
                .Where(c => c.Value.Kind is TensorChangeKind.AppendRows or TensorChangeKind.AppendColumns)
                .Select(c => c.Key[..(c.Key.IndexOf(".mlp.", StringComparison.Ordinal) + 1)])
                .Distinct()
        )
        {
            long? rows = Appended(block, "mlp.fc1.weight", TensorChangeKind.AppendRows, 0);
            if (
                rows is null
                || rows != Appended(block, "mlp.fc1.bias", TensorChangeKind.AppendRows, 0)
                || rows != Appended(block, "mlp.fc2.weight", TensorChangeKind.AppendColumns, 1)
            )
                throw new ArgumentException(
                    $"Hidden units are appended to some tensors of {block.TrimEnd('.')} and not to others.",
                    nameof(changes)
                );
        }
        Space = space;
        _changes = new SortedDictionary<string, TensorChange>(changes.ToDictionary(), StringComparer.Ordinal);
        Names = [.. _changes.Keys];

        long? Appended(string block, string name, TensorChangeKind kind, int dimension) =>
            changes.TryGetValue(block + name, out TensorChange? change) && change.Kind == kind
                ? change.Tensors[0].shape[dimension]
                : null;
    }

    /// <inheritdoc/>
    public override EditSpace Space { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Names { get; }

    /// <summary>The changes by canonical name. They belong to the delta.</summary>
    public IReadOnlyDictionary<string, TensorChange> Changes => _changes;

    /// <inheritdoc/>
    public override long Parameters => _changes.Values.Sum(c => c.Parameters);

    /// <inheritdoc/>
    public override bool IsFinite
    {
        get
        {
            using DisposeScope scope = NewDisposeScope();
            return _changes.Values.SelectMany(c => c.Tensors).All(t => t.isfinite().all().item<bool>());
        }
    }

    /// <summary>
    /// Whether the edited tensors have other shapes than the model's: hidden units are added.
    /// </summary>
    public bool ChangesShapes =>
        _changes.Values.Any(c => c.Kind is TensorChangeKind.AppendRows or TensorChangeKind.AppendColumns);

    // The low-rank terms of keys: the block, and the left factor [H,r].
    IEnumerable<(int Block, Tensor Left)> KeyTerms =>
        _changes
            .Where(c =>
                c.Value.Kind == TensorChangeKind.AddProduct
                && c.Key.EndsWith(".mlp.fc1.weight", StringComparison.Ordinal)
            )
            // The FFN of attention pooling comes after all blocks.
            .Select(c => (VitNames.BlockOf(c.Key) ?? int.MaxValue, c.Value.Tensors[0]));

    /// <summary>
    /// The hidden units, by block, whose keys a low-rank term changes: of such a term's fc1 the rows that are not zero.
    /// </summary>
    internal IEnumerable<(int Block, int Unit)> RewrittenUnits =>
        KeyTerms.SelectMany(term =>
        {
            using DisposeScope scope = NewDisposeScope();
            (int block, Tensor factor) = term;
            return factor
                .ne(Held(0))
                .any(1)
                .nonzero()
                .flatten()
                .cpu()
                .data<long>()
                .Select(u => (block, (int)u))
                .ToArray();
        });

    /// <summary>
    /// The hidden units, by block, whose keys are replaced: a low-rank term of fc1 names each of them alone, in a
    /// column of its left factor that is zero but for it. Replaced twice, a unit has neither key.
    /// </summary>
    internal IEnumerable<(int Block, int Unit)> ReplacedUnits =>
        KeyTerms.SelectMany(term =>
        {
            using DisposeScope scope = NewDisposeScope();
            (int block, Tensor factor) = term;
            int rank = (int)factor.shape[1];
            float[] left = factor.cpu().contiguous().data<float>().ToArray(); // [H,r]
            return Enumerable
                .Range(0, rank)
                .Select(column =>
                    Enumerable
                        .Range(0, left.Length / rank)
                        .Where(unit => left[unit * rank + column] != 0)
                        .Take(2)
                        .ToArray()
                )
                .Where(units => units.Length == 1)
                .Select(units => (block, units[0]));
        });

    /// <inheritdoc/>
    public override Tensor Apply(string name, Tensor weight) => _changes[name].Apply(weight);

    internal override bool Fits(VitModel model) =>
        _changes.All(c => model.Tensors.TryGetValue(c.Key, out Tensor? weight) && c.Value.Fits(weight.shape));

    private protected override void Free()
    {
        foreach (TensorChange change in _changes.Values)
            change.Dispose();
    }

    static bool IsAfterCut(EditSpace space, string name) =>
        VitNames.IsAfterBlocks(name)
        || (
            VitNames.BlockOf(name) is int block
            && (
                block > space.FirstBlock
                || (
                    block == space.FirstBlock
                    && (
                        name.StartsWith(VitNames.Block(block, "mlp."), StringComparison.Ordinal)
                        || name.StartsWith(VitNames.Block(block, "norm2."), StringComparison.Ordinal)
                    )
                )
            )
        );
}
