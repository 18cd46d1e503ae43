using System.Globalization;
using Retouch.Images;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Formats;

/// <summary>A model read from a file, and what is needed to use it and to write it back. Owns the model.</summary>
public sealed class ModelFile : IDisposable
{
    readonly IReadOnlyDictionary<string, NamedTensor[]> _names; // canonical → the file's
    readonly bool _rewritable;

    ModelFile(ITensorSource source, VitModel model, NamingScheme scheme, string prefix, IReadOnlyDictionary<string, NamedTensor[]> names)
    {
        (Path, Kind, Model, Scheme, Prefix, _names) = (source.Path, source.Kind, model, scheme, prefix, names);
        _rewritable = source is SafeTensorsFile;
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>Its format in a word or two, such as "safetensors".</summary>
    public string Kind { get; }

    /// <summary>The model; it belongs to this object.</summary>
    public VitModel Model { get; }

    /// <summary>The naming scheme that the file follows.</summary>
    public NamingScheme Scheme { get; }

    /// <summary>What stands before every name of the scheme in the file, such as <c>state_dict.model.</c>; often nothing.</summary>
    public string Prefix { get; }

    /// <summary>How images are made into the model's pixels.</summary>
    public Preprocessing Preprocessing { get; private init; } = null!;

    /// <summary>Which file states the preprocessing: the model's own or one beside it; null where none does and it is the usual one of the naming scheme.</summary>
    public string? PreprocessingSource { get; private init; }

    /// <summary>Whether a file states the preprocessing; otherwise it is the usual one of the naming scheme.</summary>
    public bool PreprocessingStated => PreprocessingSource is not null;

    /// <summary>The classes' names, where a file beside the model has them.</summary>
    public LabelSet? Labels { get; private init; }

    /// <summary>What a user should know of how the files were understood.</summary>
    public IReadOnlyList<string> Notes { get; private init; } = [];

    /// <summary>
    /// Reads a model under any known naming scheme: safetensors, alone or with the index of several files; PyTorch's
    /// .pth, .pt and .bin, of which nothing is run; AugReg's .npz; or a folder with one of them. What timm's and
    /// transformers' config.json and preprocessor_config.json beside it say is used. float16, bfloat16 and float64
    /// become float32.
    /// </summary>
    /// <param name="path">The file or folder.</param>
    /// <param name="hints">What the file does not say; null for nothing.</param>
    /// <exception cref="BadInputException">
    /// The file cannot be read, is of another format, or its tensors are not those of a supported ViT; the
    /// message names the file and the tensor.
    /// </exception>
    public static ModelFile Load(string path, ModelHints? hints = null)
    {
        hints ??= new();
        using ITensorSource source = TensorSource.Open(path);
        (NamingScheme scheme, string prefix) = NamingSchemes.Recognize(source.Tensors.Keys, hints.Scheme) ?? throw NoScheme(source, hints.Scheme);
        Dictionary<string, Tensor> tensors = [];
        try
        {
            IReadOnlyDictionary<string, NamedTensor[]> names = scheme.Map(source.Tensors.Keys, prefix);
            ForeignTensors.Refuse(names.Values.SelectMany(n => n).Select(n => n.InFile));
            foreach (NamedTensor name in names.Values.SelectMany(n => n))
            {
                if (!source.Tensors[name.InFile].DType.IsFloat())
                    throw new BadInputException($"the tensor {name.InFile} is of type {source.Tensors[name.InFile].DType}; a model's weights are F64, F32, F16 or BF16.");
            }
            Dictionary<string, long[]> shapes = names.ToDictionary(n => n.Key, n => CanonicalShape(source, n.Value));
            ModelCard card = ModelCard.Beside(source.Path, shapes.GetValueOrDefault(VitNames.HeadWeight));
            int? shown = names.Values.SelectMany(n => n).Select(n => n.Layout.HeadsOf(source.Tensors[n.InFile].Shape)).FirstOrDefault(h => h is not null);
            VitTraits traits = hints.Traits.Or(ModelMetadata.Traits(source.Metadata)).Or(card.Traits).Or(new VitTraits { Heads = shown }).Or(scheme.Traits);
            // Shapes are checked before anything large is read.
            VitConfig config = VitConfig.Infer(shapes, traits);
            // Tensors may share their numbers, as tied weights do, and each is read for itself.
            long needed = shapes.Values.Sum(s => s.Aggregate((double)sizeof(float), (product, size) => product * size)) is var bytes and < long.MaxValue ? (long)bytes : long.MaxValue;
            ReadingBudget.Require(needed, source.Length, ReadingBudget.WeightGrowth, $"{source.Path} holds a model whose weights");
            RequireRoom(hints.ImageSize, config);
            ReadingTime time = new(source.Path, source.Length);
            foreach ((string canonical, NamedTensor[] parts) in names)
            {
                time.Check();
                tensors[canonical] = Read(source, parts);
            }
            int size = Resized(hints.ImageSize, config, tensors);
            (Preprocessing preprocessing, string? stated) = source.Metadata.TryGetValue("preprocessing", out string? json) ? (Preprocessing.FromJson(json), "the model file")
                : card.Preprocessing is { } beside ? (beside, card.PreprocessingSource)
                : (scheme.Preprocessing(size), (string?)null);
            if (preprocessing.ImageSize != size && preprocessing.ImageSize != config.ImageSize)
                throw new BadInputException($"the preprocessing that {stated} states makes images of {preprocessing.ImageSize} pixels, but the model takes {size}; ask for an --image-size of {preprocessing.ImageSize}, or take that file away.");
            return new ModelFile(source, new VitModel(tensors, traits), scheme, prefix, names)
            {
                Preprocessing = preprocessing with { ImageSize = size },
                PreprocessingSource = stated,
                Labels = card.Labels,
                Notes = config.PreNorm && traits.Activation is null
                    ? [.. card.Notes, $"{VitNames.PreNormWeight} is a CLIP tower's; no file says whether its activation is gelu, which was taken, or OpenAI's quick-gelu (--activation)"]
                    : card.Notes,
            };
        }
        catch (BadInputException e)
        {
            foreach (Tensor tensor in tensors.Values)
                tensor.Dispose();
            throw e.Message.StartsWith(source.Path, StringComparison.Ordinal) ? e : new BadInputException($"{source.Path}: {e.Message}", e);
        }
    }

    /// <summary>
    /// Writes the model file again with other values in some tensors. A safetensors file keeps its names, order, types
    /// and metadata, all other bytes untouched, so that whatever loads the original loads it too; a model from another
    /// format becomes a safetensors file under the same scheme's names.
    /// </summary>
    /// <param name="output">The file to write, atomically.</param>
    /// <param name="replacements">New float32 values by canonical name; they stay the caller's.</param>
    /// <param name="overwrite">Whether an existing file may be replaced.</param>
    /// <exception cref="BadInputException">The file cannot be written; nothing has changed on the disk.</exception>
    public void WriteWith(string output, IReadOnlyDictionary<string, Tensor> replacements, bool overwrite)
    {
        using DisposeScope scope = NewDisposeScope();
        if (_rewritable)
        {
            using SafeTensorsFile file = SafeTensorsFile.Open(Path);
            SafeTensorsWriter.Rewrite(file, output, replacements.SelectMany(r => Parts(_names[r.Key], r.Value)).ToDictionary(p => p.Name, p => p.Tensor), null, overwrite);
            return;
        }
        if (!output.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase))
            throw new BadInputException($"{Path} is {Kind}, which Retouch reads but does not write; give --out a name that ends in .safetensors.");
        if (!Scheme.Writable)
            throw new BadInputException($"{Path} has the names of {Scheme.Name}, under which Retouch writes no file; use 'retouch export --patch … --format timm' (or transformers, torchvision).");
        SafeTensorsWriter.Write(output, Model.Tensors.SelectMany(t => Parts(_names[t.Key], replacements.GetValueOrDefault(t.Key, t.Value)).Select(p => (p.Name[Prefix.Length..], p.Tensor))),
            ModelMetadata.Of(Model.Config, Preprocessing), overwrite);
    }

    /// <summary>Writes a new model file under timm's names, stating its heads and preprocessing.</summary>
    /// <param name="output">The file to write, atomically.</param>
    /// <param name="tensors">The model's tensors by canonical name; they stay the caller's.</param>
    /// <param name="heads">The number of attention heads.</param>
    /// <param name="preprocessing">How images are made into its pixels.</param>
    /// <param name="metadata">Texts to keep besides.</param>
    /// <param name="half">Whether to store float16.</param>
    /// <param name="overwrite">Whether an existing file may be replaced.</param>
    /// <exception cref="BadInputException">The tensors are no ViT's, or the file cannot be written.</exception>
    public static void Create(
        string output, IReadOnlyDictionary<string, Tensor> tensors, int heads, Preprocessing preprocessing, IReadOnlyDictionary<string, string> metadata, bool half, bool overwrite)
    {
        VitConfig.Infer(tensors.ToDictionary(t => t.Key, t => t.Value.shape), new VitTraits { Heads = heads });
        Dictionary<string, string> texts = new(metadata)
        {
            ["num_heads"] = heads.ToString(CultureInfo.InvariantCulture),
            ["preprocessing"] = preprocessing.ToJson(),
        };
        using TorchSharp.DisposeScope scope = NewDisposeScope();
        SafeTensorsWriter.Write(output, tensors.Select(t => (t.Key, half ? t.Value.to(ScalarType.Float16) : t.Value)), new SortedDictionary<string, string>(texts, StringComparer.Ordinal), overwrite);
    }

    /// <summary>Frees the model.</summary>
    public void Dispose() => Model.Dispose();

    /// <summary>A canonical tensor as the tensors of a file, in the caller's dispose scope; only for layouts that are written.</summary>
    internal static IEnumerable<(string Name, Tensor Tensor)> Parts(NamedTensor[] names, Tensor tensor) => names is [{ Part: null, InFile: string name }]
        ? [(name, tensor)]
        : names.Zip(tensor.chunk(names.Length), (n, part) => (n.InFile, part));

    static Tensor Read(ITensorSource source, NamedTensor[] parts)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor[] read = [.. parts.Select(p => p.Layout.ToCanonical(source.ReadFloat(p.InFile)))];
        return (read is [Tensor single] ? single : cat(read, 0)).MoveToOuterDisposeScope();
    }

    static long[] CanonicalShape(ITensorSource source, NamedTensor[] parts)
    {
        long[][] shapes = [.. parts.Select(p => p.Layout.Canonical(source.Tensors[p.InFile].Shape)
            ?? throw new BadInputException($"the tensor {p.InFile} is {UserText.Shape(source.Tensors[p.InFile].Shape)}, which is not how this naming scheme lays it out."))];
        if (shapes is [long[] single])
            return single;
        if (shapes.Any(s => s.Length == 0 || !s.AsSpan().SequenceEqual(shapes[0])))
            throw new BadInputException($"the query, key and value projections {string.Join(", ", parts.Select(p => p.InFile))} are of different shapes.");
        return [shapes.Sum(s => s[0]), .. shapes[0][1..]];
    }

    /// <summary>Refuses a size whose images no pass could take, before the positions of theirs are made.</summary>
    static void RequireRoom(int? wanted, VitConfig config)
    {
        if (wanted is not int size || size <= config.ImageSize)
            return;
        VitConfig resized = config with { ImageSize = size };
        VitCost cost = VitCost.Of(resized);
        // The positions, and their copies while they are made.
        double positions = 3.0 * sizeof(float) * resized.Grid * resized.Grid * config.Width;
        MemoryNeed.Require(cost.Bytes + positions, $"An image size of {size} makes {(long)resized.Grid * resized.Grid} patches of an image. One image, which takes {cost}, and the positions", "give a smaller --image-size");
    }

    static int Resized(int? wanted, VitConfig config, Dictionary<string, Tensor> tensors)
    {
        if (wanted is not int size || size == config.ImageSize)
            return config.ImageSize;
        if (size < config.PatchSize || size > 8192 || size % config.PatchSize != 0)
            throw new BadInputException($"An image size of {size} is not a multiple of the model's patches of {config.PatchSize} pixels, up to 8192.");
        Tensor old = tensors[VitNames.Positions];
        tensors[VitNames.Positions] = PositionGrid.Resize(old, config.PrefixPositions ? config.PrefixTokens : 0, config.Grid, size / config.PatchSize);
        old.Dispose();
        return size;
    }

    static BadInputException NoScheme(ITensorSource source, NamingScheme? forced) => new(forced is null
        ? $"{source.Path} holds no ViT under a known naming scheme: none of its {source.Tensors.Count.ToString(CultureInfo.InvariantCulture)} tensors is called {string.Join(", ", NamingSchemes.All.Select(s => $"{s.Marker} ({s.Name})"))}; its first is {UserText.Quote(source.Tensors.Keys.FirstOrDefault() ?? "")}."
        : $"{source.Path} holds no ViT under the names of {forced.Name}: no tensor is called {forced.Marker}.");
}
