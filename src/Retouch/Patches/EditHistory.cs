using System.Runtime.CompilerServices;
using Retouch.Vit;
using static TorchSharp.torch;

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

    /// <summary>What the patches' codebook entries have become, by unit.</summary>
    internal IReadOnlyDictionary<int, CodebookEntry> Codebook { get; init; } = new Dictionary<int, CodebookEntry>();

    /// <summary>The sum over the patches' keys (<see cref="Patch.Keys"/>), by matrix.</summary>
    internal IReadOnlyDictionary<string, KeySum> Keys { get; init; } = new Dictionary<string, KeySum>();

    /// <summary>A model's history; of one that no patch was applied to, its own fingerprint and no units.</summary>
    /// <param name="model">The model.</param>
    public static EditHistory Of(VitModel model) =>
        s_histories.TryGetValue(model, out EditHistory? history)
            ? history
            : new EditHistory(model.Fingerprint, new HashSet<int>());

    /// <summary>What it is after some patches.</summary>
    /// <param name="patches">The patches.</param>
    /// <param name="rewritten">The units of the last FFN that they rewrite.</param>
    internal EditHistory After(IReadOnlyList<Patch> patches, IEnumerable<int> rewritten)
    {
        Dictionary<int, CodebookEntry> codebook = new(Codebook);
        foreach (CodebookEntry entry in patches.SelectMany(p => p.Provenance.Codebook))
            codebook[entry.Unit] = entry;
        Dictionary<string, KeySum> keys = new(Keys);
        foreach ((string name, Tensor read) in patches.SelectMany(p => p.Keys))
            keys[name] = KeySum.Plus(keys.GetValueOrDefault(name), read);
        return this with
        {
            RewrittenUnits = RewrittenUnits.Concat(rewritten).ToHashSet(),
            Codebook = codebook,
            Keys = keys,
        };
    }

    /// <summary>Says what a model's history is; once a model.</summary>
    internal static void Remember(VitModel model, EditHistory history) => s_histories.Add(model, history);
}
