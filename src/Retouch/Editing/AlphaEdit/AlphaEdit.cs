using Retouch.Locating;
using Retouch.Suffix;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Editing;

/// <summary>
/// Null-space constrained editing: an fc2 learns new values in directions that ordinary keys do not use.
/// </summary>
/// <remarks>
/// Fang et al., "AlphaEdit: Null-Space Constrained Knowledge Editing for Language Models", ICLR 2025. P projects
/// onto the null space of the preserved keys K₀ (equations 6 to 8: the eigenvectors of K₀K₀ᵀ with the least
/// eigenvalues), and the change of a single edit is Δ = R·K₁ᵀ·P·(K₁K₁ᵀP + λI)⁻¹ (equation 14 without previous
/// edits), here in the equal form R·(K₁ᵀPK₁ + λI)⁻¹·K₁ᵀP, which inverts as many rows as there are images.
/// R is what the values of the keys K₁ lack (<see cref="WantedValue"/>). Open for ViTs: the keys K₁ are the
/// images' [CLS] keys; one block is edited, not several in turn; what counts as a zero eigenvalue is a share
/// of the keys' energy, since no ViT's keys have the paper's absolute scale, and λ is relative for the same
/// reason.
/// </remarks>
public sealed class AlphaEdit : IEditor
{
    readonly Preparation _keys;
    readonly AlphaEditSettings _settings;

    /// <summary>Creates the editor.</summary>
    /// <param name="keys">What <see cref="KeyStatistics"/> prepared; not owned.</param>
    /// <param name="settings">Null for the defaults.</param>
    /// <exception cref="BadInputException">A setting is out of range.</exception>
    public AlphaEdit(Preparation keys, AlphaEditSettings? settings = null)
    {
        (_keys, _settings) = (keys, settings ?? new());
        _settings.Validate();
    }

    /// <summary>The method.</summary>
    public static Method Definition { get; } =
        new Method<AlphaEditSettings>(
            "alphaedit",
            "a change of one fc2 in directions that ordinary keys do not use",
            "Fang et al., AlphaEdit: Null-Space Constrained Knowledge Editing for Language Models, ICLR 2025",
            (settings, resources) => new AlphaEdit(resources.Preparation(KeyStatistics.Kind), settings)
        )
        {
            OneClass = "it puts one value to one key",
            ShortName = "AlphaEdit",
            NewPreparation = () => new KeyStatistics(),
        };

    /// <inheritdoc/>
    public string Name => Definition.Name;

    /// <inheritdoc/>
    public IReadOnlyList<EditResult> Edit(
        SplitVit split,
        IReadOnlyList<Failure> failures,
        IProgress<EditProgress>? progress = null,
        CancellationToken cancellation = default
    )
    {
        _keys.Require(KeyStatistics.Kind, split);
        int block = Edits.BlockOrLast(split, _settings.Block);
        using DisposeScope scope = NewDisposeScope();
        Tensor projection = Projection(
            KeyStatistics.Moment(_keys, block, split.Space.Hidden, _settings.ClassShare),
            _settings.NullEnergy
        );
        return Edits.OneByOne(
            failures,
            failure =>
            {
                using DisposeScope each = NewDisposeScope();
                WantedValue wanted = WantedValue.Find(
                    split,
                    failure,
                    block,
                    shared: false,
                    _settings.Value,
                    progress,
                    cancellation
                );
                Tensor projected = mm(wanted.Keys, projection.to(wanted.Keys.device)); // K₁ᵀP [S,H]
                Tensor gram = mm(projected, wanted.Keys.t()); // K₁ᵀPK₁ [S,S]
                gram = gram.Plus(
                    eye(gram.shape[0], device: gram.device) * (gram.diagonal().mean() * Held(_settings.Regularization))
                );
                TensorDelta delta = new(
                    split.Space,
                    new Dictionary<string, TensorChange>
                    {
                        [VitNames.Block(block, "mlp.fc2.weight")] = TensorChange.AddProduct(
                            linalg.solve(gram, wanted.Changes).t(),
                            projected
                        ),
                    }
                );
                return Edits.Result(
                    split,
                    failure,
                    delta,
                    Name,
                    AlphaEditSettings.Table.Describe(_settings with { Block = block }),
                    0,
                    wanted.Steps,
                    wanted.Losses
                );
            },
            cancellation
        );
    }

    /// <summary>
    /// The projection <c>[H,H]</c> onto the directions of least energy that together hold at most a share of it; the
    /// caller disposes it.
    /// </summary>
    internal static Tensor Projection(Tensor moment, double nullEnergy) =>
        NullSpace.Projection(
            moment,
            energies =>
            {
                Tensor positive = energies.clamp_min(Held(0));
                return (positive.cumsum(0) / positive.sum()).le(Held(nullEnergy + 1e-12));
            }
        )
        ?? throw BadInput.OutOfRange(
            null,
            $"No direction of the keys holds less than {nullEnergy} of their energy; use a "
                + "larger share for the null space."
        );
}
