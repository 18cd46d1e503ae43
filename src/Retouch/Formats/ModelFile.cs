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

    // Kept open: at its path another model may lie by the time it is written back.
    readonly SafeTensorsFile? _rewritable;
    readonly VitTraits _known; // what files or hints state; the rest of the model's was assumed
    readonly bool _statedElsewhere;
    readonly int _ownSize;
    readonly OrderedDictionary<string, string> _metadata;

    ModelFile(
        ITensorSource source,
        VitModel model,
        NamingScheme scheme,
        string prefix,
        IReadOnlyDictionary<string, NamedTensor[]> names,
        int ownSize,
        VitTraits known,
        bool statedElsewhere
    )
    {
        (Path, Kind, Files, Model, Scheme, Prefix, _names) = (
            source.Path,
            source.Kind,
            source.Files,
            model,
            scheme,
            prefix,
            names
        );
        (_ownSize, _known, _statedElsewhere) = (ownSize, known, statedElsewhere);
        _metadata = new(source.Metadata);
        _rewritable = source as SafeTensorsFile;
        if (_rewritable is null)
            source.Dispose();
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>Every file that the model's tensors were read from, an index of several included.</summary>
    public IReadOnlyList<string> Files { get; }

    /// <summary>Its format in a word or two, such as "safetensors".</summary>
    public string Kind { get; }

    /// <summary>The model; it belongs to this object.</summary>
    public VitModel Model { get; }

    /// <summary>The texts that the file keeps beside its tensors; empty where its format has none.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _metadata;

    /// <summary>The naming scheme that the file follows.</summary>
    public NamingScheme Scheme { get; }

    /// <summary>
    /// What stands before every name of the scheme in the file, such as <c>state_dict.model.</c>; often nothing.
    /// </summary>
    public string Prefix { get; }

    /// <summary>How images are made into the model's pixels.</summary>
    public Preprocessing Preprocessing { get; private init; } = null!;

    /// <summary>
    /// Which file states the preprocessing: the model's own or one beside it, or null if none does and it is the usual
    /// one of the naming scheme.
    /// </summary>
    public string? PreprocessingSource { get; private init; }

    /// <summary>Whether a file states the preprocessing; otherwise it is the usual one of the naming scheme.</summary>
    public bool PreprocessingStated => PreprocessingSource is not null;

    /// <summary>The classes' names, where a file beside the model has them.</summary>
    public LabelSet? Labels { get; private init; }

    /// <summary>What states the classes' names: the model file or a file beside it, or null if none does.</summary>
    public string? LabelsSource { get; private init; }

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
    /// <param name="hints">What the file does not state, or null to add nothing.</param>
    /// <exception cref="BadInputException">
    /// The file cannot be read, is of another format, or its tensors are not those of a supported ViT; the
    /// message names the file and the tensor.
    /// </exception>
    public static ModelFile Load(string path, ModelHints? hints = null)
    {
        hints ??= new();
        ITensorSource source = TensorSource.Open(path);
        Dictionary<string, Tensor> tensors = [];
        try
        {
            (NamingScheme scheme, string prefix) =
                NamingSchemes.Recognize(source.Tensors.Keys, hints.Scheme)
                ?? throw UnknownModel.Explain(source, hints.Scheme);
            IEnumerable<string> under = source.Tensors.Keys.Where(n => n.StartsWith(prefix, StringComparison.Ordinal));
            ForeignTensors.Refuse(under, prefix.Length);
            IReadOnlyDictionary<string, NamedTensor[]> names = scheme.Map(source.Tensors.Keys, prefix);
            bool zeroShot = scheme.ZeroShot;
            if (
                !zeroShot
                && !names.ContainsKey(VitNames.HeadWeight)
                && names.ContainsKey(VitNames.Block(0, "norm1.weight"))
            )
                throw UnknownModel.WithoutClassifier(source, scheme, prefix, names);
            if (scheme.Required.FirstOrDefault(r => !names.ContainsKey(r)) is string lacking)
            {
                string spelled = scheme.Spelled(lacking, names, prefix);
                throw BadInput.Missing(spelled, $"The tensor {spelled} is missing.");
            }
            using ClassEmbeddings? embeddings = Embeddings(hints, scheme, source);
            foreach (NamedTensor name in names.Values.SelectMany(n => n))
            {
                if (!source.Tensors[name.InFile].DType.IsFloat())
                    throw BadInput.Mismatch(
                        null,
                        $"the tensor {name.InFile} is of type {source.Tensors[name.InFile].DType}; a model's weights "
                            + "are F64, F32, F16 or BF16."
                    );
            }
            Dictionary<string, long[]> shapes = names.ToDictionary(n => n.Key, n => CanonicalShape(source, n.Value));
            GatedFfns.Split(shapes);
            if (embeddings is not null)
            {
                shapes[VitNames.HeadWeight] = embeddings.Rows.shape;
                shapes[VitNames.HeadBias] = [embeddings.Rows.shape[0]];
            }
            ModelCard card = ModelCard.Beside(source.Path, ModelOutline.Of(shapes) with { Types = scheme.ModelTypes });
            int? shown = names
                .Values.SelectMany(n => n)
                .Select(n => n.Layout.HeadsOf(source.Tensors[n.InFile].Shape))
                .FirstOrDefault(h => h is not null);
            VitTraits known = hints
                .Traits.Or(ModelMetadata.Traits(source.Metadata))
                .Or(card.Traits)
                .Or(new VitTraits { Heads = shown })
                .Or(
                    scheme.Certain.Pooling != VitPooling.ClassToken || names.ContainsKey(VitNames.ClassToken)
                        ? scheme.Certain
                        : scheme.Certain with
                        {
                            Pooling = null,
                        }
                )
                .Or(new VitTraits { ImageSize = StatedSize(hints, card, source.Metadata) });
            VitTraits traits = known.Or(scheme.Traits).Or(TimmFamilyNames.Usual(names));
            string Spelled(string canonical) => scheme.Spelled(GatedFfns.Stored(canonical), names, prefix);
            // Shapes are checked before anything large is read.
            VitConfig config = VitInference.Infer(shapes, traits, Spelled);
            if (hints.ImageSize is null && card.ImageSize is int made && made != config.ImageSize)
                throw BadInput.Mismatch(
                    "config.json",
                    $"config.json beside it says that the model takes images of {made} pixels, "
                        + $"but its positions ({Spelled(VitNames.Positions)}) are for {config.ImageSize}.",
                    Remedy.AnyOf(
                        Remedy.Option(Parameter.ImageSize, made.ToString(CultureInfo.InvariantCulture)),
                        Remedy.TakeAway
                    )
                );
            // Tensors may share their numbers, as tied weights do, and each is read for itself.
            long needed = shapes.Values.Sum(s => s.Aggregate((double)sizeof(float), (product, size) => product * size))
                is var bytes
                    and < long.MaxValue
                ? (long)bytes
                : long.MaxValue;
            ReadingBudget.Require(
                needed,
                source.Length,
                ReadingBudget.WeightGrowth,
                source.Path,
                $"{source.Path} holds a model whose weights"
            );
            RequireRoom(hints.ImageSize, config);
            ReadingTime time = new(source.Path, source.Length);
            foreach ((string canonical, NamedTensor[] parts) in names)
            {
                time.Check();
                tensors[canonical] = Read(source, parts);
            }
            GatedFfns.Split(tensors, shapes);
            if (embeddings is not null)
                (tensors[VitNames.HeadWeight], tensors[VitNames.HeadBias]) = Compared(embeddings, source, prefix);
            source.RequireUnchanged();
            int size = Resized(hints.ImageSize, config, tensors);
            (Preprocessing preprocessing, string? stated) =
                source.Metadata.TryGetValue("preprocessing", out string? json)
                    ? (Preprocessing.FromJson(json), "the model file")
                : card.Preprocessing is { } beside ? (beside, card.PreprocessingSource)
                : (scheme.Preprocessing(size), (string?)null);
            if (preprocessing.ImageSize != size && preprocessing.ImageSize != config.ImageSize)
                throw BadInput.Mismatch(
                    stated,
                    $"the preprocessing that {stated} states makes images of {preprocessing.ImageSize} pixels, but "
                        + $"the model takes {size}.",
                    Remedy.AnyOf(
                        Remedy.Option(
                            Parameter.ImageSize,
                            preprocessing.ImageSize.ToString(CultureInfo.InvariantCulture)
                        ),
                        Remedy.TakeAway
                    )
                );
            LabelSet? own = embeddings?.Labels ?? ModelMetadata.Labels(source.Metadata, config.Classes);
            bool statedElsewhere =
                hints.Traits != new VitTraits()
                || card.Traits != new VitTraits()
                || card.Preprocessing is not null
                || card.Labels is not null;
            bool square =
                hints.ImageSize is not null
                || stated is not null
                || card.ImageSize is not null
                || card.SquareImages
                || scheme.SquareImages;
            // timm's Swin has head.fc.
            bool ownClassifier =
                zeroShot
                || config.Stages.Count > 0
                || scheme.IsOwn(VitNames.HeadWeight, names[VitNames.HeadWeight][0].InFile, prefix);
            string[] notes = [.. card.Notes, .. Remarks(config, known, source, Spelled, ownClassifier)];
            string? constant = ConstantClassifier(tensors, Spelled);
            return new ModelFile(
                source,
                new VitModel(tensors, traits, Spelled),
                scheme,
                prefix,
                names,
                config.ImageSize,
                known,
                statedElsewhere
            )
            {
                Preprocessing = preprocessing with
                {
                    ImageSize = size,
                    Orientation = hints.Orientation ?? preprocessing.Orientation,
                },
                PreprocessingSource = stated,
                Labels = own ?? card.Labels,
                LabelsSource =
                    own is not null && own == embeddings?.Labels ? "the file of class embeddings"
                    : own is not null ? "the model file"
                    : card.Labels is not null ? "config.json beside it"
                    : null,
                Assumptions = [.. Assumed(known, config, square ? null : size)],
                Notes = constant is null ? notes : [.. notes, constant],
            };
        }
        catch (Exception failure)
        {
            source.Dispose();
            foreach (Tensor tensor in tensors.Values)
                tensor.Dispose();
            if (failure is not BadInputException e)
                throw;
            throw e.AtUnlessNamed(source.Path);
        }
    }

    /// <summary>
    /// Writes the model file again with other values in some tensors. A safetensors file keeps its names, order, types
    /// and metadata, all other bytes untouched, so that whatever loads the original loads it too; a model from another
    /// format becomes a safetensors file under the same scheme's names. What hints or files beside the model said of it
    /// (heads, activation, epsilon, pooling, preprocessing, class names) is added to the metadata, since it would be
    /// missing where the new file lies.
    /// </summary>
    /// <param name="output">The file to write, atomically.</param>
    /// <param name="replacements">New float32 values by canonical name; they stay the caller's.</param>
    /// <param name="overwrite">Whether an existing file may be replaced.</param>
    /// <exception cref="BadInputException">
    /// The file cannot be written, its name says that it is something else, or the model's file was written to since it
    /// was loaded; nothing has changed on the disk.
    /// </exception>
    public void WriteWith(string output, IReadOnlyDictionary<string, Tensor> replacements, bool overwrite) =>
        WriteWith(output, replacements, new Dictionary<string, string?>(), overwrite);

    /// <summary>The same with other texts beside the tensors.</summary>
    /// <param name="output">The file to write, atomically.</param>
    /// <param name="replacements">New float32 values by canonical name; they stay the caller's.</param>
    /// <param name="texts">What the metadata are to say by key; null takes a key out.</param>
    /// <param name="overwrite">Whether an existing file may be replaced.</param>
    /// <exception cref="BadInputException">As above.</exception>
    public void WriteWith(
        string output,
        IReadOnlyDictionary<string, Tensor> replacements,
        IReadOnlyDictionary<string, string?> texts,
        bool overwrite
    )
    {
        if (_rewritable is null && !output.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase))
            throw BadInput.Unsupported(
                output,
                $"{Path} is {Kind}, which Retouch reads but does not write.",
                Remedy.OutputEnding(".safetensors")
            );
        OutputName.RequireModel(output);
        if (!Scheme.Writable)
            throw BadInput.Unsupported(
                Path,
                $"{Path} has the names of {Scheme.Name}, under which Retouch writes no file.",
                Remedy.Export("timm", "transformers", "torchvision")
            );
        foreach (string name in replacements.Keys.Where(n => !_names.ContainsKey(GatedFfns.Stored(n))))
            throw BadInput.Unsupported(
                Path,
                $"{Path} has no place for {name}: its classifier is made of class embeddings, which an edit leaves "
                    + "alone where it is to be stored."
            );
        using DisposeScope scope = NewDisposeScope();
        bool reshapes = replacements.Any(r => !r.Value.shape.SequenceEqual(Model.Tensors[r.Key].shape));
        replacements = GatedFfns.Packed(replacements, Model);
        IReadOnlyDictionary<string, Tensor> tensors = GatedFfns.Packed(Model.Tensors, Model);
        if (_rewritable is null)
        {
            SafeTensorsWriter.Write(
                output,
                tensors
                    .Where(t => _names.ContainsKey(t.Key))
                    .SelectMany(t =>
                        TensorParts
                            .Apart(_names[t.Key], replacements.GetValueOrDefault(t.Key, t.Value))
                            .Select(p => (Bare(p.Name), p.Tensor))
                    ),
                WithTexts(Stated(Preprocessing), texts),
                overwrite
            );
            return;
        }
        Dictionary<string, string?> stated = [];
        if (_statedElsewhere || StrangersCards(output).Count > 0)
        {
            foreach ((string key, string value) in Stated(Preprocessing with { ImageSize = _ownSize }))
                stated[key] = value;
            if (_rewritable.Metadata.ContainsKey("format"))
                stated.Remove("format");
        }
        foreach ((string key, string? value) in texts)
            stated[key] = value;
        if (reshapes)
        {
            WriteReshaped(output, replacements, stated, overwrite);
            return;
        }
        // Positions that were interpolated are not the file's; there its time of change must do.
        Dictionary<string, Tensor> loaded = tensors
            .Where(t =>
                _names.ContainsKey(t.Key) && (t.Key != VitNames.Positions || _ownSize == Model.Config.ImageSize)
            )
            .SelectMany(t => TensorParts.Apart(_names[t.Key], t.Value))
            .ToDictionary(p => p.Name, p => p.Tensor, StringComparer.Ordinal);
        SafeTensorsWriter.Rewrite(
            _rewritable,
            output,
            replacements
                .SelectMany(r => TensorParts.Apart(_names[r.Key], r.Value))
                .ToDictionary(p => p.Name, p => p.Tensor),
            stated,
            overwrite,
            (name, stored) => !loaded.TryGetValue(name, out Tensor? before) || IsSame(stored, before)
        );
    }

    // A model of other shapes: all tensors again, each of the type that it has in the file.
    void WriteReshaped(
        string output,
        IReadOnlyDictionary<string, Tensor> replacements,
        IReadOnlyDictionary<string, string?> texts,
        bool overwrite
    )
    {
        Dictionary<string, Tensor> values = replacements
            .SelectMany(r => TensorParts.Apart(_names[r.Key], r.Value))
            .ToDictionary(p => p.Name, p => p.Tensor, StringComparer.Ordinal);
        Dictionary<string, string> metadata = WithTexts(new Dictionary<string, string>(_rewritable!.Metadata), texts);
        SafeTensorsWriter.Write(
            output,
            _rewritable.Tensors.Values.Select(e =>
                (
                    e.Name,
                    values.TryGetValue(e.Name, out Tensor? value)
                        ? value.to(e.DType.ToScalarType())
                        : _rewritable.Read(e.Name)
                )
            ),
            metadata,
            overwrite
        );
    }

    /// <summary>
    /// All tensors of the file as its library has them, those that it keeps beside the model included: without what a
    /// training script put before or within their names, of the types that they have in the file, and with a model's
    /// values. New tensors, in the caller's dispose scope.
    /// </summary>
    /// <param name="model">This model, or an edited one.</param>
    /// <exception cref="BadInputException">
    /// A value does not fit its type, or the file was written to since it was loaded.
    /// </exception>
    internal IEnumerable<(string Name, Tensor Tensor)> AsTheLibraryHasThem(VitModel model)
    {
        IReadOnlyDictionary<string, Tensor> before = GatedFfns.Packed(Model.Tensors, Model);
        IReadOnlyDictionary<string, Tensor> after = GatedFfns.Packed(model.Tensors, model);
        bool resized = _ownSize != Model.Config.ImageSize;
        if (_rewritable is null)
            return after
                .Where(t => _names.ContainsKey(t.Key))
                .SelectMany(t => TensorParts.Apart(_names[t.Key], t.Value))
                .Select(p => (LibraryName(p.Name), p.Tensor));
        Dictionary<string, Tensor> changed = after
            .Where(t =>
                _names.ContainsKey(t.Key)
                && (!before[t.Key].Equals(t.Value) || (resized && t.Key == VitNames.Positions))
            )
            .SelectMany(t => TensorParts.Apart(_names[t.Key], t.Value))
            .ToDictionary(p => p.Name, p => p.Tensor, StringComparer.Ordinal);
        _rewritable.RequireUnchanged();
        return _rewritable
            .Tensors.Values.Where(e => e.Name.StartsWith(Prefix, StringComparison.Ordinal))
            .Select(e =>
                (
                    LibraryName(e.Name),
                    changed.TryGetValue(e.Name, out Tensor? value) ? Narrowed(value, e) : _rewritable.Read(e.Name)
                )
            );
    }

    /// <summary>The side of the images that the file's own positions are for, in pixels.</summary>
    internal int OwnSize => _ownSize;

    static Tensor Narrowed(Tensor values, TensorEntry entry)
    {
        Tensor stored = values.to(entry.DType.ToScalarType());
        return stored.isinf().logical_and(values.isfinite()).any().item<bool>()
            ? throw BadInput.TooLarge(
                entry.Name,
                $"The edited values of {entry.Name} are too large for {entry.DType}, the type that the file stores them "
                    + "in."
            )
            : stored;
    }

    // A user's own classifier stands where the library has its.
    string LibraryName(string inFile)
    {
        string? head = ((string[])[VitNames.HeadWeight, VitNames.HeadBias]).FirstOrDefault(h =>
            _names.TryGetValue(h, out NamedTensor[]? names) && names[0].InFile == inFile
        );
        return head is not null && !Scheme.IsOwn(head, inFile, Prefix)
            ? Scheme.InFile(head)[0].InFile
            : Wrappers.TakenOff(Bare(inFile));
    }

    /// <summary>
    /// The configs that lie where a file is to be written but not beside this model: whoever loads it there would take
    /// them for its own.
    /// </summary>
    public IReadOnlyList<string> StrangersCards(string output)
    {
        string there = System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(output))!;
        string here = System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(Path))!;
        return FileIdentity.Same(there, here)
            ? []
            : [.. ModelCard.Files.Select(f => System.IO.Path.Combine(there, f)).Where(File.Exists)];
    }

    /// <summary>
    /// The model with other values in some tensors, as they are stored when it is written: rounded to the file's
    /// types. The caller disposes it.
    /// </summary>
    /// <param name="replacements">New float32 values by canonical name; they stay the caller's.</param>
    public VitModel With(IReadOnlyDictionary<string, Tensor> replacements)
    {
        using DisposeScope scope = NewDisposeScope();
        return new VitModel(
            Model.Tensors.ToDictionary(
                t => t.Key,
                t => replacements.TryGetValue(t.Key, out Tensor? other) ? AsStored(t.Key, other) : t.Value.alias()
            ),
            Model.Config.Traits
        );
    }

    /// <summary>Writes a new model file under timm's names, stating what they do not show.</summary>
    /// <param name="output">The file to write, atomically.</param>
    /// <param name="tensors">The model's tensors by canonical name; they stay the caller's.</param>
    /// <param name="traits">What the tensors do not show.</param>
    /// <param name="preprocessing">How images are made into its pixels.</param>
    /// <param name="metadata">Texts to keep besides.</param>
    /// <param name="half">Whether to store float16.</param>
    /// <param name="overwrite">Whether an existing file may be replaced.</param>
    /// <exception cref="BadInputException">The tensors are no ViT's, or the file cannot be written.</exception>
    public static void Create(
        string output,
        IReadOnlyDictionary<string, Tensor> tensors,
        VitTraits traits,
        Preprocessing preprocessing,
        IReadOnlyDictionary<string, string> metadata,
        bool half,
        bool overwrite
    )
    {
        VitConfig config = VitConfig.Infer(tensors.ToDictionary(t => t.Key, t => t.Value.shape), traits);
        Dictionary<string, string> texts = new(metadata)
        {
            ["num_heads"] = config.Heads.ToString(CultureInfo.InvariantCulture),
            ["preprocessing"] = preprocessing.ToJson(),
        };
        // Of a plain ViT all else is usual.
        if (!config.IsPlain)
        {
            foreach ((string key, string text) in ModelMetadata.Of(config, preprocessing).Where(t => t.Key != "format"))
                texts.TryAdd(key, text);
        }
        using TorchSharp.DisposeScope scope = NewDisposeScope();
        SafeTensorsWriter.Write(
            output,
            tensors.Select(t =>
                (
                    config.Block.GatedFfn ? GatedFfns.Apart(t.Key) : t.Key,
                    half ? t.Value.to(ScalarType.Float16) : t.Value
                )
            ),
            new SortedDictionary<string, string>(texts, StringComparer.Ordinal),
            overwrite
        );
    }

    /// <summary>Frees the model.</summary>
    public void Dispose()
    {
        Model.Dispose();
        _rewritable?.Dispose();
    }

    // What was assumed is not stated: whoever opens the result should be told, too.
    Dictionary<string, string> Stated(Preprocessing preprocessing) =>
        ModelMetadata.Of(Model.Config, preprocessing, Labels, _known);

    static Dictionary<string, string> WithTexts(
        Dictionary<string, string> stated,
        IReadOnlyDictionary<string, string?> texts
    )
    {
        foreach ((string key, string? value) in texts)
        {
            if (value is null)
                stated.Remove(key);
            else
                stated[key] = value;
        }
        return stated;
    }

    // A name may lack wrappers that the prefix has.
    string Bare(string inFile) =>
        inFile.StartsWith(Prefix, StringComparison.Ordinal) ? inFile[Prefix.Length..] : inFile;

    /// <summary>
    /// Whether all of a tensor that the file stores is in the float32 values that were read of it.
    /// </summary>
    internal bool HoldsAll(string canonical) =>
        _rewritable is null
        || !_names.TryGetValue(GatedFfns.Stored(canonical), out NamedTensor[]? names)
        || names.All(n => _rewritable.Tensors[n.InFile].DType != TensorDType.F64);

    /// <summary>Values as the file would store them, in the caller's dispose scope.</summary>
    internal Tensor AsStored(string canonical, Tensor values)
    {
        if (_rewritable is null || !_names.TryGetValue(GatedFfns.Stored(canonical), out NamedTensor[]? names))
            return values.alias();
        using DisposeScope scope = NewDisposeScope();
        // Of gates and values either is a half of what is stored, or apart from the other.
        if (GatedFfns.IsHalf(canonical, Model))
            names = [names[0] with { Part = null }];
        Tensor[] parts =
        [
            .. TensorParts
                .Apart(names, values)
                .Zip(names)
                .Select(p =>
                    p.Second.Layout.ToCanonical(
                        p.First.Tensor.to(_rewritable.Tensors[p.First.Name].DType.ToScalarType()).to(ScalarType.Float32)
                    )
                ),
        ];
        Tensor stored = TensorParts.Joined(names, parts);
        // What the type cannot hold is refused by the writer, with a better word than a model could give.
        return (stored.isfinite().all().item<bool>() ? stored : values).alias().MoveToOuterDisposeScope();
    }

    static bool IsSame(Tensor stored, Tensor before)
    {
        using Tensor wide = stored.to(ScalarType.Float32);
        return wide.Equals(before);
    }

    static Tensor Read(ITensorSource source, NamedTensor[] parts)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor[] read = [.. parts.Select(p => p.Layout.ToCanonical(source.ReadFloat(p.InFile)))];
        return TensorParts.Joined(parts, read).MoveToOuterDisposeScope();
    }

    static long[] CanonicalShape(ITensorSource source, NamedTensor[] parts)
    {
        long[][] shapes =
        [
            .. parts.Select(p =>
                p.Layout.Canonical(source.Tensors[p.InFile].Shape)
                ?? throw BadInput.Mismatch(
                    null,
                    $"the tensor {p.InFile} is {UserText.Shape(source.Tensors[p.InFile].Shape)}, which is not how "
                        + "this naming scheme lays it out."
                )
            ),
        ];
        return TensorParts.Shape(parts, shapes)
            ?? throw BadInput.Mismatch(
                null,
                (parts[0].Of == 3 ? "the query, key and value projections " : "the gates and values ")
                    + $"{string.Join(", ", parts.Select(p => p.InFile))} are of different shapes."
            );
    }

    // What a model with class embeddings in the place of a classifier compares images with, or null for others.
    static ClassEmbeddings? Embeddings(ModelHints hints, NamingScheme scheme, ITensorSource source)
    {
        if (scheme.ZeroShot && hints.ClassEmbeddings is null)
            throw BadInput.Missing(
                source.Path,
                $"{source.Path} has no classifier: under the names of {scheme.Name} it compares images with embeddings "
                    + "of the classes' texts, and there are none.",
                Remedy.Option(Parameter.ClassEmbeddings)
            );
        if (!scheme.ZeroShot && hints.ClassEmbeddings is string needless)
            throw BadInput.Mismatch(
                needless,
                $"{source.Path} has a classifier of its own under the names of {scheme.Name}; class embeddings "
                    + $"({needless}) would change nothing.",
                Remedy.LeaveOut(Parameter.ClassEmbeddings)
            );
        return hints.ClassEmbeddings is string path ? ClassEmbeddings.Load(path) : null;
    }

    // A classifier whose logits are cosines times the model's temperature.
    static (Tensor Weight, Tensor Bias) Compared(ClassEmbeddings embeddings, ITensorSource source, string prefix)
    {
        using DisposeScope scope = NewDisposeScope();
        double scale = Math.Exp(
            Single("logit_scale") ?? throw BadInput.Missing(null, "The tensor logit_scale is missing.")
        );
        double bias = Single("logit_bias") ?? 0;
        if (!double.IsFinite(scale) || !double.IsFinite(bias))
            throw BadInput.Damaged(null, "The tensors logit_scale and logit_bias give no temperature.");
        Tensor rows = Readouts.OfLengthOne(embeddings.Rows) * Held(scale);
        return (
            rows.MoveToOuterDisposeScope(),
            HeldCalls.Filled([rows.shape[0]], Held(bias), ScalarType.Float32).MoveToOuterDisposeScope()
        );

        double? Single(string name)
        {
            string full = source.Tensors.ContainsKey(prefix + name) ? prefix + name : name;
            if (!source.Tensors.TryGetValue(full, out TensorEntry? entry))
                return null;
            if (entry.Shape.Aggregate(1L, (product, size) => product * size) != 1)
                throw BadInput.Mismatch(null, $"{full} is {UserText.Shape(entry.Shape)}; one number was expected.");
            return source.ReadFloat(full).flatten()[0].Number();
        }
    }

    // The side of a model's images where no tensor shows it.
    static int? StatedSize(ModelHints hints, ModelCard card, IReadOnlyDictionary<string, string> metadata) =>
        hints.ImageSize
        ?? card.ImageSize
        ?? card.Preprocessing?.ImageSize
        ?? (metadata.TryGetValue("preprocessing", out string? json) ? Preprocessing.FromJson(json).ImageSize : null);

    /// <summary>Refuses a size whose images no pass could take, before the positions of theirs are made.</summary>
    static void RequireRoom(int? wanted, VitConfig config)
    {
        VitConfig resized = config with { ImageSize = Math.Max(wanted ?? 0, config.ImageSize) };
        // A size that tensors show costs hardly more than they do, unless pairs of patches have biases.
        bool shown = resized.ImageSize == config.ImageSize && config.Traits.ImageSize is null;
        if (shown && config.Block.RelativePositions == RelativePositions.None)
            return;
        VitCost cost = VitCost.Of(resized);
        // The positions, and their copies while they are made.
        double positions = 3.0 * sizeof(float) * resized.Grid * resized.Grid * config.Width;
        MemoryNeed.Require(
            cost.Bytes + positions,
            $"An image size of {resized.ImageSize} makes {(long)resized.Grid * resized.Grid} patches of an image. One "
                + $"image, which takes {cost}, and the positions",
            shown ? null : Remedy.Smaller(Parameter.ImageSize)
        );
    }

    static int Resized(int? wanted, VitConfig config, Dictionary<string, Tensor> tensors)
    {
        if (wanted is not int size || size == config.ImageSize)
            return config.ImageSize;
        if (size < config.PatchSize || size > 8192 || size % config.PatchSize != 0)
            throw BadInput.OutOfRange(
                null,
                $"An image size of {size} is not a multiple of the model's patches of "
                    + $"{config.PatchSize} pixels, up to 8192."
            );
        if (
            config.Block.RelativePositions != RelativePositions.None
            || !tensors.TryGetValue(VitNames.Positions, out Tensor? old)
        )
            throw BadInput.Unsupported(
                null,
                $"The model has relative positions, for images of {config.ImageSize} pixels; Retouch does not "
                    + "interpolate them to another size."
            );
        tensors[VitNames.Positions] = PositionGrid.Resize(
            old,
            config.PositionsInFront,
            config.Grid,
            size / config.PatchSize
        );
        old.Dispose();
        return size;
    }

    static IEnumerable<Assumption> Assumed(VitTraits known, VitConfig config, int? square)
    {
        if (known.ImageSize is null && config.Traits.ImageSize is int side && square is null)
            square = side;
        if (known.Heads is null && !config.ShowsHeads)
        {
            string heads = config.Heads.ToString(CultureInfo.InvariantCulture);
            yield return new($"{heads} attention heads", "heads", heads);
        }
        string activation = ModelActivations.NameOf(config.Activation);
        string epsilon = config.NormEpsilon.ToString("0.###e-0", CultureInfo.InvariantCulture);
        if (known.Activation is null)
            yield return new(
                $"the activation {activation}{(config.Block.GatedFfn ? " of gates" : "")}",
                "activation",
                activation
            );
        if (known.NormEpsilon is null)
            yield return new($"a norm epsilon of {epsilon}", "norm-epsilon", epsilon);
        if (known.Pooling is null && config is not { Pooling: VitPooling.TwoHeads or VitPooling.Attention })
        {
            string read = ModelPoolings.Words(config.Pooling);
            yield return new($"a classifier that reads {read}", "pooling", ModelPoolings.NameOf(config.Pooling));
        }
        if (known.Rope is null && config.Block.Rope is VitRope rope)
            yield return new("rotary positions", "rope", ModelRopes.NameOf(rope));
        if (square?.ToString(CultureInfo.InvariantCulture) is string pixels)
            yield return new($"square images of {pixels} pixels", "image-size", pixels);
    }

    static IEnumerable<string> Remarks(
        VitConfig config,
        VitTraits known,
        ITensorSource source,
        Func<string, string> spelled,
        bool ownClassifier
    )
    {
        // Swin has such a norm, too.
        if (config is { PreNorm: true, Block.GatedFfn: false, Stages.Count: 0 } && known.Activation is null)
            yield return $"{spelled(VitNames.PreNormWeight)} is a CLIP tower's; no file says "
                + "whether its activation is gelu, which was taken, or OpenAI's quick-gelu";
        if (!config.PatchBias && (!config.PreNorm || config.Stages.Count > 0))
            yield return $"there is no {spelled(VitNames.PatchBias)}, which the libraries' models have where no norm "
                + "follows at once; it was taken for zeros";
        if (!ownClassifier)
            yield return $"{spelled(VitNames.HeadWeight)} stands within a module of its own; what else that module has "
                + "holds no weights and was taken for dropout";
        if (
            source.Tensors.Keys.FirstOrDefault(n => n.EndsWith("pooler.dense.weight", StringComparison.Ordinal))
            is string pooler
        )
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
        string alike = bias.All(b => b == bias[0])
            ? "gives all classes the same probability"
            : "ranks the classes " + "alike";
        return $"every row of {spelled(VitNames.HeadWeight)} is the "
            + $"same{(first.All(v => v == 0) ? ", all zeros" : "")}: the model {alike} for every image; was its "
            + "classifier trained?";

        float[] Row(long index) => [.. weight.select(0, index).data<float>()];
    }
}
