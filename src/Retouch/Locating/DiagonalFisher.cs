using Retouch.Suffix;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Retouch.Locating;

/// <summary>
/// What ordinary images need of a model's editable weights: the diagonal of the Fisher information (Kirkpatrick
/// et al., "Overcoming catastrophic forgetting", PNAS 2017), the mean square of the gradient of the
/// log-likelihood of a label that the model itself draws. A small change δ of a weight costs its predictions
/// about ½·F·δ² in KL divergence. No labels are needed. Owns its tensors.
/// </summary>
public sealed class DiagonalFisher : IDisposable
{
    readonly Tensor[] _values;

    DiagonalFisher(EditSpace space, Tensor[] values) => (Space, _values) = (space, values);

    /// <summary>The space whose weights they are.</summary>
    public EditSpace Space { get; }

    /// <summary>For each matrix <c>[H,D]</c> (of fc2 transposed); they belong to this object.</summary>
    public IReadOnlyList<Tensor> Values => _values;

    /// <summary>Measures it on images; the caller disposes the result.</summary>
    /// <param name="split">The model.</param>
    /// <param name="states">The images' prefixes, a few at a time; disposed here.</param>
    /// <param name="seed">The seed of the drawn labels.</param>
    /// <exception cref="ArgumentException">There are no images.</exception>
    public static DiagonalFisher Measure(SplitVit split, IEnumerable<PrefixState> states, int seed = 0)
    {
        Random random = new(seed);
        EditSpace space = split.Space;
        Tensor[] sums = [.. Enumerable.Range(0, space.Matrices).Select(_ => zeros([space.Hidden, space.Width]))];
        int images = 0;
        foreach (PrefixState state in states)
        {
            using (state)
            {
                using DisposeScope scope = NewDisposeScope();
                using EditSession session = new(
                    split,
                    state,
                    [.. Enumerable.Repeat(UnitSelection.All(space), state.Images)]
                );
                Tensor probabilities = softmax(session.Logits(), 1); // [B,C]
                Tensor[] gradients = session.Gradients(
                    probabilities - one_hot(DrawnClasses.Of(probabilities, random), probabilities.shape[1])
                );
                for (int m = 0; m < sums.Length; m++)
                    sums[m].Plus_(gradients[m].Squared().sum([0]).cpu());
                images += state.Images;
            }
        }
        if (images == 0)
            throw new ArgumentException("No images were given.", nameof(states));
        foreach (Tensor sum in sums)
            sum.div_(Held(images)).DetachFromDisposeScope();
        return new DiagonalFisher(space, sums);
    }

    /// <summary>Frees the tensors.</summary>
    public void Dispose()
    {
        foreach (Tensor value in _values)
            value.Dispose();
    }
}
