using Retouch.Locating;
using Retouch.Suffix;

namespace Retouch.Editing;

/// <summary>Meta-trains <see cref="Mend"/>'s networks on unlabelled images.</summary>
/// <param name="settings">Null for the defaults.</param>
/// <param name="rank">The rank of the networks' layers, at least 1.</param>
sealed class MendTraining(MetaTrainingSettings? settings = null, int rank = 64) : IPreparation
{
    /// <summary>The preparation's name.</summary>
    public const string Kind = "mend";

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
        SettingCheck.Require("rank", rank, SettingRange.AtLeast(1));
        MetaTrainingSettings training = settings ?? new();
        return new MetaTrainer(
            Kind,
            training,
            new Dictionary<string, string> { ["rank"] = SettingCheck.Text(rank) },
            (s, gradients) => MendTransform.Create(s, gradients, rank, training.Seed)
        ).Run(split, images, checkpoint, progress, cancellation);
    }
}
