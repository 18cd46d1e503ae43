using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Locating;

/// <summary>Solved samples of consecutive numbers: what a hypernetwork learns from. Owns its tensors.</summary>
/// <param name="First">The number of the first sample.</param>
/// <param name="Features">
/// What the classifier reads of the spoilt images under the unedited model, <c>[N,R]</c>: of a plain ViT the [CLS]
/// features, R is D.
/// </param>
/// <param name="Originals">The same of their originals, whose predictions are wanted, <c>[N,R]</c>.</param>
/// <param name="Targets">Target masks in (0,1), <c>[N,matrices,H]</c>.</param>
/// <param name="Gradients">
/// What each unit's weights would be moved by if the spoilt image were to be corrected: the norm of the gradient
/// of the cross-entropy to the original's prediction, <c>[N,matrices,H]</c>.
/// </param>
/// <param name="Measures">The solver's divergence before, divergence after and mask density, <c>[N,3]</c>.</param>
public sealed record TargetSamples(
    long First,
    Tensor Features,
    Tensor Originals,
    Tensor Targets,
    Tensor Gradients,
    Tensor Measures
) : IDisposable
{
    /// <summary>The number of samples, N.</summary>
    public int Count => (int)Features.shape[0];

    /// <summary>Several runs of consecutive samples as one; the caller disposes it.</summary>
    internal static TargetSamples Join(IReadOnlyList<TargetSamples> parts)
    {
        return new TargetSamples(
            parts[0].First,
            Cat(p => p.Features),
            Cat(p => p.Originals),
            Cat(p => p.Targets),
            Cat(p => p.Gradients),
            Cat(p => p.Measures)
        );

        Tensor Cat(Func<TargetSamples, Tensor> of) => cat([.. parts.Select(of)], 0).DetachFromDisposeScope();
    }

    /// <summary>A copy of the first of them; the caller disposes it.</summary>
    internal TargetSamples Take(int count) => Each(of => of.narrow(0, 0, count).clone());

    /// <summary>
    /// Copies of those whose solver started at least this far from the wanted prediction; the caller disposes them.
    /// </summary>
    /// <param name="divergence">In KL divergence at the solver's temperature.</param>
    public TargetSamples AtLeast(double divergence)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor places = Measures.select(1, 0).ge(Held(divergence)).nonzero().squeeze(1);
        return Each(of => of.index_select(0, places));
    }

    /// <summary>Frees the tensors.</summary>
    public void Dispose()
    {
        Features.Dispose();
        Originals.Dispose();
        Targets.Dispose();
        Gradients.Dispose();
        Measures.Dispose();
    }

    TargetSamples Each(Func<Tensor, Tensor> some)
    {
        return new TargetSamples(First, Of(Features), Of(Originals), Of(Targets), Of(Gradients), Of(Measures));

        Tensor Of(Tensor of) => some(of).DetachFromDisposeScope();
    }
}
