using System.Globalization;
using Retouch.Locating;
using Retouch.Suffix;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Editing;

/// <summary>
/// The second moment E[k·kᵀ] of the [CLS] keys of ordinary images (<c>blocks.N [H,H]</c>) of each FFN of the edit
/// space: what <see cref="XEdit"/> keeps its change away from. A key is what fc2 reads.
/// </summary>
/// <param name="most">How many images at most, at least 1; published at least 1 000.</param>
sealed class ClassKeys(int most = 1000) : IPreparation
{
    /// <summary>The preparation's name.</summary>
    public const string Kind = "class-keys";

    /// <inheritdoc/>
    public string Name => Kind;

    /// <inheritdoc/>
    public Preparation Prepare(
        SplitVit split,
        PreparationImages images,
        string? checkpoint = null,
        IProgress<PreparationProgress>? progress = null,
        CancellationToken cancellation = default
    )
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        split.Model.Config.RequireClassToken("What is prepared here");
        Dictionary<string, string> settings = InputStatistics.Describe(images, most);
        EditMatrix[] matrices = [.. split.Space.InOrder.Where(m => m.Kind == FfnMatrix.Fc2)];
        MatrixProbe probe = new(split.Space);
        AutogradSuffix suffix = new(split, visit: probe.Visit);
        using MomentSums gathered = MomentSums.Gather(
            Name,
            settings,
            split,
            images,
            most,
            (sums, state) =>
            {
                suffix.Logits(state);
                foreach (EditMatrix matrix in matrices)
                    sums.Add(Moment(matrix.Block), probe.Inputs[matrix.Index].select(1, 0));
            },
            checkpoint,
            progress,
            cancellation
        );
        settings["images"] = gathered.Images.ToString(CultureInfo.InvariantCulture);
        return new Preparation(
            Name,
            split,
            settings,
            matrices.ToDictionary(m => Moment(m.Block), m => gathered.Moment(Moment(m.Block)).to(ScalarType.Float32))
        );
    }

    /// <summary>
    /// The projection <c>[H,H]</c> onto the eigenvectors of a block's moment whose eigenvalue is below a bound. It
    /// belongs to the preparation.
    /// </summary>
    /// <param name="keys">What was prepared.</param>
    /// <param name="block">The block.</param>
    /// <param name="hidden">Hidden units of its FFN, H.</param>
    /// <param name="bound">What the eigenvalue has to be below.</param>
    /// <exception cref="BadInputException">No eigenvalue is, or the preparation is damaged.</exception>
    public static Tensor Projection(Preparation keys, int block, long hidden, double bound)
    {
        Tensor moment = keys.Shaped(Moment(block), hidden, hidden);
        return keys.Derived(
            $"{Moment(block)} below {SettingCheck.Text(bound)}",
            () =>
                NullSpace.Projection(moment, energies => energies.ge(Held(bound)).logical_not())
                ?? throw BadInput.OutOfRange(
                    null,
                    $"No direction of block {block}'s keys has less energy than {SettingCheck.Text(bound)}; use a "
                        + "larger null space."
                )
        );
    }

    static string Moment(int block) => $"blocks.{block}";
}
