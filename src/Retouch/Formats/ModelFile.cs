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

    /// <summary>What no file states and was taken as usual; each can be stated in <see cref="ModelHints"/>.</summary>
    public IReadOnlyList<Assumption> Assumptions { get; private init; } = [];

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
        (NamingScheme scheme, string prefix) = NamingSchemes.Recognize(source.Tensors.Keys, hints.Scheme)
            ?? throw UnknownModel.Explain(source, hints.Scheme);
        Dictionary<string, Tensor> tensors = [];
        try
        {
            IEnumerable<string> under = source.Tensors.Keys.Where(n => n.StartsWith(prefix, StringComparison.Ordinal));
            ForeignTensors.Refuse(under, prefix.Length);
            IReadOnlyDictionary<string, NamedTensor[]> names = scheme.Map(source.Tensors.Keys, prefix);
            if (!names.ContainsKey(VitNames.HeadWeight) && names.ContainsKey(VitNames.Block(0, "norm1.weight")))
                throw UnknownModel.WithoutClassifier(source, scheme, prefix, names);
            foreach (NamedTensor name in names.Values.SelectMany(n => n))
            {
                if (!source.Tensors[name.InFile].DType.IsFloat())
                    throw new BadInputException($"the tensor {name.InFile} is of type {source.Tensors[name.InFile].DType}; a model's weights are F64, F32, F16 or BF16.");
            }
            Dictionary<string, long[]> shapes = names.ToDictionary(n => n.Key, n => CanonicalShape(source, n.Value));
            ModelCard card = ModelCard.Beside(source.Path, ModelOutline.Of(shapes));
            int? shown = names.Values.SelectMany(n => n).Select(n => n.Layout.HeadsOf(source.Tensors[n.InFile].Shape)).FirstOrDefault(h => h is not null);
            VitTraits known = hints.Traits.Or(ModelMetadata.Traits(source.Metadata)).Or(card.Traits)
                .Or(new VitTraits { Heads = shown })
                .Or(names.ContainsKey(VitNames.ClassToken) ? scheme.Certain : scheme.Certain with { Pooling = null });
            VitTraits traits = known.Or(scheme.Traits);
            string Spelled(string canonical) => scheme.Spelled(canonical, names, prefix);
            // Shapes are checked before anything large is read.
            VitConfig config = VitConfig.Infer(shapes, traits, Spelled);
            if (hints.ImageSize is null && card.ImageSize is int made && made != config.ImageSize)
                throw new BadInputException($"config.json beside it says that the model takes images of {made} pixels, "
                    + $"but its positions ({Spelled(VitNames.Positions)}) are for {config.ImageSize}; ask for an "
                    + $"--image-size of {made}, or take that file away.");
            foreach ((string canonical, NamedTensor[] parts) in names)
                tensors[canonical] = Read(source, parts);
            int size = Resized(hints.ImageSize, config, tensors);
            (Preprocessing preprocessing, string? stated) = source.Metadata.TryGetValue("preprocessing", out string? json) ? (Preprocessing.FromJson(json), "the model file")
                : card.Preprocessing is { } beside ? (beside, card.PreprocessingSource)
                : (scheme.Preprocessing(size), (string?)null);
            if (preprocessing.ImageSize != size && preprocessing.ImageSize != config.ImageSize)
                throw new BadInputException($"the preprocessing that {stated} states makes images of {preprocessing.ImageSize} pixels, but the model takes {size}; ask for an --image-size of {preprocessing.ImageSize}, or take that file away.");
            bool square = hints.ImageSize is not null || stated is not null || card.ImageSize is not null
                || card.SquareImages || scheme.SquareImages;
            bool ownClassifier = scheme.IsOwn(VitNames.HeadWeight, names[VitNames.HeadWeight][0].InFile, prefix);
            string[] notes = [.. card.Notes, .. Remarks(config, known, source, Spelled, ownClassifier)];
            string? constant = ConstantClassifier(tensors, Spelled);
            return new ModelFile(source, new VitModel(tensors, traits, Spelled), scheme, prefix, names)
            {
                Preprocessing = preprocessing with { ImageSize = size },
                PreprocessingSource = stated,
                Labels = card.Labels,
                Assumptions = [.. Assumed(known, config, square ? null : size)],
                Notes = constant is null ? notes : [.. notes, constant],
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
        SafeTensorsWriter.Write(output, Model.Tensors.SelectMany(t => Parts(_names[t.Key], replacements.GetValueOrDefault(t.Key, t.Value)).Select(p => (Bare(p.Name), p.Tensor))),
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

    // A name may lack wrappers that the prefix has.
    string Bare(string inFile) =>
        inFile.StartsWith(Prefix, StringComparison.Ordinal) ? inFile[Prefix.Length..] : inFile;

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

    static IEnumerable<Assumption> Assumed(VitTraits known, VitConfig config, int? square)
    {
        if (known.Heads is null)
        {
            string heads = config.Heads.ToString(CultureInfo.InvariantCulture);
            yield return new($"{heads} attention heads", "heads", heads);
        }
        string activation = ModelActivations.NameOf(config.Activation);
        string epsilon = config.NormEpsilon.ToString("0.###e-0", CultureInfo.InvariantCulture);
        if (known.Activation is null)
            yield return new($"the activation {activation}", "activation", activation);
        if (known.NormEpsilon is null)
            yield return new($"a norm epsilon of {epsilon}", "norm-epsilon", epsilon);
        if (known.Pooling is null)
        {
            string read = config.Pooling == VitPooling.ClassToken ? "[CLS]" : "the average of the patches";
            yield return new($"a classifier that reads {read}", "pooling", ModelPoolings.NameOf(config.Pooling));
        }
        if (square?.ToString(CultureInfo.InvariantCulture) is string side)
            yield return new($"square images of {side} pixels", "image-size", side);
    }

    static IEnumerable<string> Remarks(
        VitConfig config, VitTraits known, ITensorSource source, Func<string, string> spelled, bool ownClassifier)
    {
        if (config.PreNorm && known.Activation is null)
            yield return $"{spelled(VitNames.PreNormWeight)} is a CLIP tower's; no file says "
                + "whether its activation is gelu, which was taken, or OpenAI's quick-gelu (--activation)";
        if (!ownClassifier)
            yield return $"{spelled(VitNames.HeadWeight)} stands within a module of its own; what else that module has "
                + "holds no weights and was taken for dropout";
        if (source.Tensors.Keys.FirstOrDefault(n => n.EndsWith("pooler.dense.weight", StringComparison.Ordinal))
            is string pooler)
            yield return $"{pooler} was passed over, as transformers' classifiers do; "
                + "a classifier of one's own that reads what the pooler makes gives other answers";
    }

    /// <summary>What to say of a classifier whose answer is the same for every image; null of all others.</summary>
    static string? ConstantClassifier(Dictionary<string, Tensor> tensors, Func<string, string> spelled)
    {
        Tensor weight = tensors[VitNames.HeadWeight];
        if (weight.shape[0] < 2)
            return null;
        using DisposeScope scope = NewDisposeScope();
        float[] first = Row(0);
        for (long i = 1; i < weight.shape[0]; i++)
        {
            if (!Row(i).AsSpan().SequenceEqual(first))
                return null;
        }
        float[] bias = [.. tensors[VitNames.HeadBias].data<float>()];
        string alike = bias.All(b => b == bias[0]) ? "gives all classes the same probability" : "ranks the classes "
            + "alike";
        return $"every row of {spelled(VitNames.HeadWeight)} is the "
            + $"same{(first.All(v => v == 0) ? ", all zeros" : "")}: the model {alike} for every image; was its "
            + "classifier trained?";

        float[] Row(long index) => [.. weight.select(0, index).data<float>()];
    }
}
