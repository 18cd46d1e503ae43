using System.Text.Json;
using Retouch.Images;
using Retouch.Vit;

namespace Retouch.Formats;

/// <summary>
/// What timm's or transformers' config.json and preprocessor_config.json beside a model say of it. Immutable.
/// </summary>
sealed record ModelCard
{
    const int LongestConfig = 64 << 20;
    const int MostNamed = 8;

    /// <summary>The names of the files that are looked for beside a model.</summary>
    public static IReadOnlyList<string> Files { get; } = ["config.json", "preprocessor_config.json"];

    /// <summary>What no tensor shows.</summary>
    public VitTraits Traits { get; init; } = new();

    /// <summary>The side of the images that the model was made for, in pixels, or null if it is not stated.</summary>
    public int? ImageSize { get; init; }

    /// <summary>Whether the model is known to see square images.</summary>
    public bool SquareImages { get; init; }

    /// <summary>The transform, or null if none is stated.</summary>
    public Preprocessing? Preprocessing { get; init; }

    /// <summary>The file that states it.</summary>
    public string? PreprocessingSource { get; init; }

    /// <summary>The classes' names, or null.</summary>
    public LabelSet? Labels { get; init; }

    /// <summary>What was passed over, and why.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>Reads the files beside a model.</summary>
    /// <param name="modelPath">The model's file.</param>
    /// <param name="model">What its tensors show, by which a config of another model is told.</param>
    /// <exception cref="BadInputException">A file states something that cannot be used.</exception>
    public static ModelCard Beside(string modelPath, ModelOutline model)
    {
        string folder = Path.GetDirectoryName(Path.GetFullPath(modelPath))!;
        string config = Path.Combine(folder, "config.json");
        string processor = Path.Combine(folder, "preprocessor_config.json");
        ModelCard card = new();
        bool foreign = false;
        if (File.Exists(config))
            (card, foreign) = Parse(config, root => card.WithConfig(root, model));
        if (!foreign && File.Exists(processor))
            (card, _) = Parse(processor, root => (ProcessorConfig.Read(card, root), false));
        return card;
    }

    /// <summary>Reads a config that is not yet beside a model.</summary>
    /// <param name="config">The config.</param>
    /// <param name="path">Where it is to lie, for messages.</param>
    /// <param name="model">As for <see cref="Beside"/>.</param>
    /// <exception cref="BadInputException">It states something that cannot be used.</exception>
    public static ModelCard Of(JsonElement config, string path, ModelOutline model) =>
        new ModelCard().WithConfig(new ConfigObject(config, path), model).Item1;

    /// <summary>The card with one more note.</summary>
    public ModelCard Noting(string note) => this with { Notes = [.. Notes, note] };

    /// <summary>The card with a note of settings that are not known.</summary>
    public ModelCard NotingUnknown(string path, IEnumerable<string> settings)
    {
        string[] named = [.. settings];
        string listed = string.Join(", ", named.Take(MostNamed).Select(UserText.Quote));
        string more = named.Length > MostNamed ? " and more" : "";
        return named.Length == 0
            ? this
            : Noting($"{path} states {listed}{more}, which Retouch does not know and passed over");
    }

    /// <summary>The card with a note that a config is another model's, or null if its numbers are this one's.</summary>
    /// <param name="stated">Settings, what they are, and the model's own.</param>
    public ModelCard? OfAnother(IEnumerable<(ConfigObject Place, string Setting, string What, int? Own)> stated)
    {
        foreach ((ConfigObject place, string setting, string what, int? own) in stated)
        {
            double? value = setting == "patch_size" ? place.Side(setting) : place.Number(setting);
            if (value is not null && own is not null && value != own)
                return Foreign($"{place.Path} is of a model of {what} {value}, not {own}, and was passed over");
        }
        return null;
    }

    /// <summary>The card with a note that a config is not of this model: what lies beside it is not read.</summary>
    public ModelCard Foreign(string note) => Noting(note) with { OtherModel = true };

    /// <summary>Whether the config is of another model.</summary>
    public bool OtherModel { get; private init; }

    static (ModelCard, bool) Parse(string path, Func<ConfigObject, (ModelCard, bool)> read)
    {
        ReadOnlyMemory<byte> json = InputFile.ReadJson(path, LongestConfig);
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            ConfigObject root = new(document.RootElement, path);
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? read(root)
                : throw root.Bad("it is no JSON object");
        }
        catch (JsonException e)
        {
            throw BadInput.Damaged(
                path,
                $"{path}, beside the model, is not valid JSON "
                    + $"({JsonPlace.Describe(e, json.Span)}); mend it or take it away.",
                cause: e
            );
        }
        // The document's word for an escaped half of a surrogate pair.
        catch (InvalidOperationException e)
        {
            throw BadInput.Damaged(
                path,
                $"{path}, beside the model, is not valid JSON: it holds a text that is not valid Unicode; mend it or "
                    + "take it away.",
                cause: e
            );
        }
    }

    (ModelCard, bool) WithConfig(ConfigObject root, ModelOutline model)
    {
        if (root.Has("model_cfg"))
            return (OpenClipConfig.Read(this, root, model), false);
        bool timm = root.Has("pretrained_cfg") || root.Has("architecture");
        if (!timm && !root.Has("model_type") && !root.Has("hidden_size"))
            return (Noting($"{root.Path} is neither timm's nor transformers' config and was passed over"), true);
        ModelCard card = timm ? TimmConfig.Read(this, root, model) : TransformersConfig.Read(this, root, model);
        if (!card.OtherModel && root.Text("problem_type") is string problem && problem != "single_label_classification")
            throw root.Bad($"its problem_type is {UserText.Quote(problem)}; Retouch reads one class an image");
        return (card, card.OtherModel);
    }
}
