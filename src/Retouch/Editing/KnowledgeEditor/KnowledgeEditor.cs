using Retouch.Locating;
using Retouch.Suffix;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Editing;

/// <summary>KnowledgeEditor (KE): a hypernetwork gates and shifts the gradient of one example, in one step.</summary>
/// <remarks>
/// De Cao, Aziz, Titov, "Editing Factual Knowledge in Language Models", EMNLP 2021. A hypernetwork reads the
/// example, its old and its new answer and gives each matrix vectors α, β, γ, δ and a number η, which change it by
/// σ(η)·(σ̂(α)γᵀ ⊙ ∇W + σ̂(β)δᵀ), σ̂ being the softmax (section 3.2, equations 5 and 6). Meta-trained
/// (<see cref="KnowledgeEditorTraining"/>); where the paper constrains the divergence on other inputs by a Lagrange
/// multiplier, it is a term of the loss with MEND's weights here, so that the two are trained alike. Open for
/// ViTs: the hypernetwork reads the final [CLS] feature and the classifier's rows of the right and the predicted
/// class; the gradient is divided by its root mean square and the softmaxes multiplied by their length, so
/// that training begins as gradient descent; the six matrices.
/// </remarks>
public sealed class KnowledgeEditor : IEditor
{
    readonly Preparation _learned;
    readonly KnowledgeEditorSettings _settings;

    /// <summary>Creates the editor.</summary>
    /// <param name="learned">What <see cref="KnowledgeEditorTraining"/> prepared; not owned.</param>
    /// <param name="settings">Null for the defaults.</param>
    /// <exception cref="BadInputException">A setting is out of range.</exception>
    public KnowledgeEditor(Preparation learned, KnowledgeEditorSettings? settings = null)
    {
        (_learned, _settings) = (learned, settings ?? new());
        _settings.Validate();
    }

    /// <summary>The method.</summary>
    public static Method Definition { get; } =
        new Method<KnowledgeEditorSettings>(
            "ke",
            "a hypernetwork gates and shifts the gradient",
            "De Cao, Aziz, Titov, Editing Factual Knowledge in Language Models, EMNLP 2021",
            (settings, resources) => new KnowledgeEditor(resources.Preparation(KnowledgeEditorTraining.Kind), settings)
        )
        {
            OneClass = "its network reads the gradient of one class",
            ShortName = "KE",
            NewPreparation = () => new KnowledgeEditorTraining(),
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
        _learned.Require(KnowledgeEditorTraining.Kind, split);
        using DisposeScope whole = NewDisposeScope();
        KnowledgeEditorTransform transform = KnowledgeEditorTransform.Load(_learned, split);
        return GradientTransform.Edit(
            transform,
            _learned,
            split,
            failures,
            Name,
            () => KnowledgeEditorSettings.Table.Describe(_settings),
            _settings.Scale,
            cancellation
        );
    }
}
