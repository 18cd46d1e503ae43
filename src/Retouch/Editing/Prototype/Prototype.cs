using Retouch.Locating;
using Retouch.Suffix;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Editing;

/// <summary>
/// The prototype rule, the simplest rival of <see cref="Gate"/>: every image that is like the failing one gets the
/// label.
/// </summary>
/// <remarks>
/// A nearest-prototype classifier (Snell, Swersky, Zemel, "Prototypical Networks for Few-shot Learning", NeurIPS 2017,
/// is its usual citation) with one prototype, the failing image at what the last FFN reads of [CLS], and a way to say
/// no: alike is what passes the edge that <see cref="Gate"/> has at the same leak, and all else stays with the model.
/// How much alike an image is does not matter, nor what else the model sees in it. As a change of weights it is a
/// <see cref="ReplacingUnit"/>, so that the rule is met but for images on the edge itself.
/// </remarks>
public sealed class Prototype : IEditor
{
    readonly Preparation _memory;
    readonly PrototypeSettings _settings;

    /// <summary>Creates the editor.</summary>
    /// <param name="memory">What <see cref="GateMemory"/> prepared; not owned.</param>
    /// <param name="settings">Null for the defaults.</param>
    /// <exception cref="BadInputException">A setting is out of range.</exception>
    public Prototype(Preparation memory, PrototypeSettings? settings = null)
    {
        (_memory, _settings) = (memory, settings ?? new());
        _settings.Validate();
    }

    /// <summary>The method.</summary>
    public static Method Definition { get; } =
        new Method<PrototypeSettings>(
            "prototype",
            "every image that is like the failing one gets the label",
            "Snell, Swersky, Zemel, Prototypical Networks for Few-shot Learning, NeurIPS 2017, with one prototype",
            (settings, resources) => new Prototype(resources.Preparation(GateMemory.Kind), settings)
        )
        {
            OneClass = "its unit stands for one class",
            Window = config => new EditSpace(config, config.Depth - 1, 1),
            NewPreparation = () => new GateMemory(),
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
        using DisposeScope scope = NewDisposeScope();
        OrdinaryTokens ordinary = GateMemory.Of(_memory, split, Name);
        return ReplacingUnit.Edit(
            split,
            failures,
            ordinary,
            (failure, queries) => Likeness.Key(queries.mean([0]), ordinary, failure.Label, _settings.Leak),
            _settings.Token,
            Name,
            PrototypeSettings.Table.Describe(_settings),
            progress,
            cancellation
        );
    }
}
