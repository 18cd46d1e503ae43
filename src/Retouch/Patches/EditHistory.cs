using System.Runtime.CompilerServices;
using Retouch.Vit;

namespace Retouch.Patches;

/// <summary>What patches that were applied in this process have made of a model. Immutable.</summary>
/// <param name="Origin">The fingerprint of the unedited model: of the one that the first patch was applied to.</param>
/// <param name="RewrittenUnits">The hidden units of the last FFN that the patches rewrote or added.</param>
public sealed record EditHistory(string Origin, IReadOnlySet<int> RewrittenUnits)
{
    /// <summary>
    /// How many of the last hidden units of every FFN give nothing: room that patches which add units made beyond their
    /// need.
    /// </summary>
    public int SpareUnits { get; init; }

    /// <summary>Hidden units of an FFN of the unedited model; null where the model has as many.</summary>
    public int? Hidden { get; init; }

    /// <summary>
    /// The images that the patches corrected, as far as the patches remember them (<see cref="Patch.Tokens"/>): what
    /// the last FFN gets of each, and its class.
    /// </summary>
    internal IReadOnlyList<(float[] Token, int Label)> Corrected { get; init; } = [];

    // A model knows no edit, so that what is known of its edits lies beside it and lives as long as it does.
    static readonly ConditionalWeakTable<VitModel, EditHistory> s_histories = [];

    /// <summary>A model's history; of one that no patch was applied to, its own fingerprint and no units.</summary>
    /// <param name="model">The model.</param>
    public static EditHistory Of(VitModel model) =>
        s_histories.TryGetValue(model, out EditHistory? history)
            ? history
            : new EditHistory(model.Fingerprint, new HashSet<int>());

    /// <summary>Says what a model's history is; once a model.</summary>
    internal static void Remember(VitModel model, EditHistory history) => s_histories.Add(model, history);
}
