using System.Globalization;
using Retouch.Locating;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Editing;

/// <summary>
/// The second moments C = E[x·xᵀ] of what each matrix of the edit space reads on ordinary images: of fc1 the
/// normed tokens <c>[D,D]</c>, of fc2 the activated hidden units <c>[H,H]</c>. A change Δ of a matrix moves its
/// output by Δ·x, on ordinary images by E‖Δ·x‖² = tr(Δ·C·Δᵀ) in the mean: what <see cref="Kfac"/> keeps small.
/// Kept as <see cref="PackedMoment"/>s, below 2 MB for ViT-Ti/16.
/// </summary>
/// <param name="onlyClass">Whether the [CLS] tokens alone count; all tokens otherwise.</param>
/// <param name="most">How many images at most, at least 1.</param>
public sealed class InputStatistics(bool onlyClass = false, int most = 300) : IPreparation
{
    /// <summary>The preparation's name over all tokens.</summary>
    public const string Kind = "inputs";

    /// <summary>Its name over [CLS] tokens alone.</summary>
    public const string ClassKind = "inputs-cls";

    /// <inheritdoc/>
    public string Name => onlyClass ? ClassKind : Kind;

    /// <inheritdoc/>
    public Preparation Prepare(SplitVit split, PreparationImages images, string? checkpoint = null, IProgress<PreparationProgress>? progress = null, CancellationToken cancellation = default)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        EditSpace space = split.Space;
        if (onlyClass)
            split.Model.Config.RequireClassToken("What is prepared here");
        Dictionary<string, string> settings = Describe(images, most);
        MomentSums? sums = null;
        Suffix suffix = new(split, visit: (point, block, value) =>
        {
            if (block <= space.LastBlock && point is SuffixPoint.FfnInput or SuffixPoint.Activation)
                sums!.Add(space.MatrixName(2 * (block - space.FirstBlock) + (point == SuffixPoint.Activation ? 1 : 0)), onlyClass ? value.select(1, 0) : value.reshape(-1, value.shape[2]));
            return value;
        });
        using MomentSums gathered = MomentSums.Gather(Name, settings, split, images, most, (s, state) =>
        {
            sums = s;
            suffix.Logits(state);
        }, checkpoint, progress, cancellation);
        return Packed(Name, split, settings, gathered);
    }

    internal static Dictionary<string, string> Describe(PreparationImages images, int most) => new()
    {
        ["most"] = most.ToString(CultureInfo.InvariantCulture),
        ["source"] = images.Folders.Hash(),
        ["preprocessing"] = images.Preprocessing.ToString(),
    };

    internal static Preparation Packed(string kind, SplitVit split, Dictionary<string, string> settings, MomentSums sums)
    {
        Dictionary<string, Tensor> packed = [];
        foreach (string name in Enumerable.Range(0, split.Space.Matrices).Select(split.Space.MatrixName))
            PackedMoment.Pack(packed, name, sums.Moment(name), sums.Mean(name));
        return new Preparation(kind, split, new Dictionary<string, string>(settings) { ["images"] = sums.Images.ToString(CultureInfo.InvariantCulture) }, packed);
    }
}
