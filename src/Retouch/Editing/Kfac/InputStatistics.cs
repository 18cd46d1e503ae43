using System.Globalization;
using Retouch.Locating;
using Retouch.Suffix;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Retouch.Editing;

/// <summary>
/// What a change of each matrix of the edit space costs ordinary images, as second moments of the matrix's inputs:
/// C = E[‖g‖²·x·xᵀ] over all their tokens, x what the matrix reads (of fc1 the normed tokens <c>[D,D]</c>, of fc2
/// the activated hidden units <c>[H,H]</c>) and g the gradient at what it gives. Up to a factor tr(Δ·C·Δᵀ) is the
/// change's Fisher information, E[(gᵀ·Δ·x)²], where g has no preferred direction: what <see cref="Kfac"/> keeps
/// small. The gradient is that of the log-likelihood of classes which the model itself draws, so that no labels
/// are needed. Kept as <see cref="PackedMoment"/>s, below 2 MB for ViT-Ti/16. The same gradients give the Fisher
/// information of each hidden unit, <see cref="FisherStatistics.Tensor"/>, for <see cref="FisherLocator"/>.
/// </summary>
/// <param name="most">How many images at most, at least 1.</param>
/// <param name="draws">Classes drawn an image, at least 1: a pass back each, for less noise in ‖g‖².</param>
/// <param name="seed">The seed of the drawn classes.</param>
sealed class InputStatistics(int most = 300, int draws = 4, int seed = 0) : IPreparation
{
    const int Purpose = 12;

    /// <summary>The preparation's name.</summary>
    public const string Kind = "inputs";

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
        EditSpace space = split.Space;
        Dictionary<string, string> settings = Describe(images, most);
        SettingCheck.Require("number of drawn classes", draws, SettingRange.AtLeast(1));
        settings["weights"] = "squared output gradients";
        settings["draws"] = draws.ToString(CultureInfo.InvariantCulture);
        settings["seed"] = seed.ToString(CultureInfo.InvariantCulture);
        MatrixProbe probe = new(space);
        AutogradSuffix suffix = new(split, visit: probe.Visit);
        using MomentSums gathered = MomentSums.Gather(
            Name,
            settings,
            split,
            images,
            most,
            (sums, state) =>
            {
                Tensor likely = log_softmax(suffix.Logits(state), 1);
                Tensor probabilities = likely.exp();
                Tensor[] weights = new Tensor[space.Matrices];
                for (int draw = 0; draw < draws; draw++)
                {
                    Tensor classes = DrawnClasses
                        .Of(probabilities, StableRandom.For(seed, Purpose, (long)sums.Images * draws + draw))
                        .unsqueeze(1);
                    IList<Tensor> gradients = probe.Gradients(likely.gather(1, classes).sum(), again: draw < draws - 1);
                    for (int m = 0; m < weights.Length; m++)
                    {
                        Tensor square = gradients[m].Squared().sum(2, true) / Held(draws);
                        weights[m] = draw == 0 ? square : weights[m].Plus(square);
                        // Of an image, over all its tokens: rows of fc1, columns of fc2.
                        using Tensor gradient = bmm(gradients[m].transpose(1, 2), probe.Inputs[m]); // [B,out,in]
                        sums.AddToMean(
                            Unit(space.MatrixName(m)),
                            gradient.Squared().mean([space.Matrix(m).HasColumns ? 1 : 2])
                        );
                    }
                }
                for (int m = 0; m < space.Matrices; m++)
                {
                    Tensor weighted = probe.Inputs[m] * weights[m].sqrt();
                    sums.Add(space.MatrixName(m), weighted.reshape(-1, weighted.shape[2]));
                }
            },
            checkpoint,
            progress,
            cancellation
        );
        return Packed(
            Name,
            split,
            settings,
            gathered,
            new()
            {
                [FisherStatistics.Tensor] = stack([.. space.InOrder.Select(m => gathered.Mean(Unit(m.Name)))])
                    .to(ScalarType.Float32),
            }
        );
    }

    static string Unit(string matrix) => "units of " + matrix;

    internal static Dictionary<string, string> Describe(PreparationImages images, int most) =>
        new()
        {
            ["most"] = most.ToString(CultureInfo.InvariantCulture),
            ["source"] = images.Folders.Hash(),
            ["preprocessing"] = images.Preprocessing.ToString(),
        };

    internal static Preparation Packed(
        string kind,
        SplitVit split,
        Dictionary<string, string> settings,
        MomentSums sums,
        Dictionary<string, Tensor>? more = null
    )
    {
        Dictionary<string, Tensor> packed = more ?? [];
        foreach (string name in split.Space.InOrder.Select(m => m.Name))
            PackedMoment.Pack(packed, name, sums.Moment(name), sums.Mean(name));
        return new Preparation(
            kind,
            split,
            new Dictionary<string, string>(settings)
            {
                ["images"] = sums.Images.ToString(CultureInfo.InvariantCulture),
            },
            packed
        );
    }
}
