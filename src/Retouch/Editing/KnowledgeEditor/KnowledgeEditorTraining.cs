using Retouch.Locating;
using Retouch.Suffix;

namespace Retouch.Editing;

/// <summary>Meta-trains <see cref="KnowledgeEditor"/>'s hypernetwork on unlabelled images.</summary>
/// <param name="settings">Null for the defaults.</param>
/// <param name="hidden">The width of its hidden layer, at least 1.</param>
sealed class KnowledgeEditorTraining(MetaTrainingSettings? settings = null, int hidden = 128) : IPreparation
{
    /// <summary>The preparation's name.</summary>
    public const string Kind = "ke";

    /// <inheritdoc/>
    public string Name => Kind;

    /// <inheritdoc/>
    public bool Trains => true;

    /// <inheritdoc/>
    public Preparation Prepare(
        SplitVit split,
        PreparationImages images,
        string? checkpoint = null,
        IProgress<PreparationProgress>? progress = null,
        CancellationToken cancellation = default
    )
    {
        SettingCheck.Require("hidden width", hidden, SettingRange.AtLeast(1));
        MetaTrainingSettings training = settings ?? new();
        return new MetaTrainer(
            Kind,
            training,
            new Dictionary<string, string> { ["hidden"] = SettingCheck.Text(hidden) },
            (s, _) => KnowledgeEditorTransform.Create(s, hidden, training.Seed)
        ).Run(split, images, checkpoint, progress, cancellation);
    }
}
