using System.Globalization;
using Retouch.Images;
using Retouch.Vit;

namespace Retouch.Formats;

/// <summary>
/// What Retouch writes into a safetensors file's metadata, and reads from there, of what its tensors do not show.
/// </summary>
static class ModelMetadata
{
    const string Heads = "num_heads";
    const string Activation = "activation";
    const string Epsilon = "norm_epsilon";
    const string Pooling = "pooling";
    const string Names = "labels";
    const string PostNorm = "post_norm";
    const string Rope = "rope";
    const string ImageSize = "image_size";
    const string PoolHeads = "pool_heads";
    const string LastNorm = "last_norm";

    /// <summary>The texts for a model; "pt" is what transformers wants to find there.</summary>
    /// <param name="config">The model.</param>
    /// <param name="preprocessing">How images are made into its pixels.</param>
    /// <param name="labels">The classes' names; null or nameless for none.</param>
    /// <param name="stated">Which traits to state, or null for all.</param>
    /// <param name="withPreprocessing">Whether to state the preprocessing.</param>
    public static Dictionary<string, string> Of(
        VitConfig config,
        Preprocessing preprocessing,
        LabelSet? labels = null,
        VitTraits? stated = null,
        bool withPreprocessing = true
    )
    {
        Dictionary<string, string> texts = new() { ["format"] = "pt" };
        if (stated is null or { Heads: not null })
            texts[Heads] = config.Heads.ToString(CultureInfo.InvariantCulture);
        if (stated is null or { Activation: not null })
            texts[Activation] = ModelActivations.NameOf(config.Activation);
        if (stated is null or { NormEpsilon: not null })
            texts[Epsilon] = config.NormEpsilon.ToString("R", CultureInfo.InvariantCulture);
        if (stated is null or { Pooling: not null })
            texts[Pooling] = ModelPoolings.NameOf(config.Pooling);
        VitTraits own = config.Traits;
        if (own.PostNorm == true)
            texts[PostNorm] = "true";
        // Names of gates would be taken for EVA-02's.
        if (
            stated is null or { Rope: not null }
            && own.Rope is VitRope rope
            && (rope.Kind != VitRopeKind.None || config.Block.GatedFfn)
        )
            texts[Rope] = ModelRopes.NameOf(rope);
        if (stated is null or { ImageSize: not null } && own.ImageSize is int size)
            texts[ImageSize] = size.ToString(CultureInfo.InvariantCulture);
        if (own.PoolHeads is int pool && pool != config.Heads)
            texts[PoolHeads] = pool.ToString(CultureInfo.InvariantCulture);
        if (own.LastNorm == false)
            texts[LastNorm] = "false";
        if (withPreprocessing)
            texts["preprocessing"] = preprocessing.ToJson();
        if (labels is { HasNames: true })
            texts[Names] = labels.ToJson();
        return texts;
    }

    /// <summary>The traits that a file's metadata state.</summary>
    /// <exception cref="BadInputException">A text is none that could be meant.</exception>
    public static VitTraits Traits(IReadOnlyDictionary<string, string> metadata) =>
        new()
        {
            Heads = metadata.TryGetValue(Heads, out string? heads)
                ? int.TryParse(heads, CultureInfo.InvariantCulture, out int count)
                    ? count
                    : throw Bad(Heads, heads, "a number")
                : null,
            Activation = metadata.TryGetValue(Activation, out string? activation)
                ? ModelActivations.Parse(activation)
                : null,
            NormEpsilon = metadata.TryGetValue(Epsilon, out string? epsilon)
                ? double.TryParse(epsilon, CultureInfo.InvariantCulture, out double value)
                    ? value
                    : throw Bad(Epsilon, epsilon, "a number")
                : null,
            Pooling = metadata.TryGetValue(Pooling, out string? pooling) ? ModelPoolings.Parse(pooling) : null,
            PostNorm = metadata.TryGetValue(PostNorm, out string? post) ? post == "true" : null,
            Rope = metadata.TryGetValue(Rope, out string? rope) ? ModelRopes.Parse(rope) : null,
            ImageSize = Count(metadata, ImageSize),
            PoolHeads = Count(metadata, PoolHeads),
            LastNorm = metadata.TryGetValue(LastNorm, out string? last) ? last != "false" : null,
        };

    static int? Count(IReadOnlyDictionary<string, string> metadata, string key) =>
        !metadata.TryGetValue(key, out string? text) ? null
        : int.TryParse(text, CultureInfo.InvariantCulture, out int count) ? count
        : throw Bad(key, text, "a number");

    /// <summary>The classes' names that a file's metadata state, or null.</summary>
    /// <param name="metadata">The file's metadata.</param>
    /// <param name="classes">How many classes the model has.</param>
    /// <exception cref="BadInputException">The text is no list of names, or one of another number.</exception>
    public static LabelSet? Labels(IReadOnlyDictionary<string, string> metadata, int classes)
    {
        if (!metadata.TryGetValue(Names, out string? text))
            return null;
        LabelSet labels = LabelSet.FromJson(text, $"the text {UserText.Quote(Names)} in its metadata");
        return labels.Count == classes
            ? labels
            : throw BadInput.Mismatch(
                null,
                $"{Names} in its metadata name {labels.Count} classes, but the model has {classes}."
            );
    }

    static BadInputException Bad(string key, string text, string wanted) =>
        new($"{key} in its metadata is {UserText.Quote(text)}, not {wanted}.");
}
