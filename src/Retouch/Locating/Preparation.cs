using System.Globalization;
using Retouch.Formats;
using Retouch.Patches;
using Retouch.Suffix;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Locating;

/// <summary>
/// What a method learnt from ordinary images before its first edit: tensors, and which model, edit space and
/// settings they belong to. On disk a safetensors file. Owns its tensors; they never change.
/// </summary>
public sealed class Preparation : IDisposable
{
    const string Format = "retouch-preparation";
    const string Version = "1";

    readonly Dictionary<string, Tensor> _derived = [];

    /// <summary>Creates a preparation, taking ownership of the tensors.</summary>
    /// <param name="kind">What it is, <see cref="IPreparation.Name"/>.</param>
    /// <param name="split">The model that it was made with.</param>
    /// <param name="settings">Everything that it depends on beside the model.</param>
    /// <param name="tensors">The tensors by name.</param>
    public Preparation(
        string kind,
        SplitVit split,
        IReadOnlyDictionary<string, string> settings,
        IReadOnlyDictionary<string, Tensor> tensors
    )
        : this(kind, split.Model.Fingerprint, Describe(split.Space), settings, tensors) { }

    /// <summary>The file that it was read from, or null if it was made here.</summary>
    string? Path { get; init; }

    Preparation(
        string kind,
        string model,
        string space,
        IReadOnlyDictionary<string, string> settings,
        IReadOnlyDictionary<string, Tensor> tensors
    )
    {
        (Kind, ModelFingerprint, Space, Settings) = (kind, model, space, settings);
        Tensors = tensors.ToDictionary(t => t.Key, t => t.Value.DetachFromDisposeScope());
    }

    /// <summary>What it is, <see cref="IPreparation.Name"/>.</summary>
    public string Kind { get; }

    /// <summary>The fingerprint of the model that it was made with.</summary>
    public string ModelFingerprint { get; }

    /// <summary>The edit space that it was made with, as text.</summary>
    public string Space { get; }

    /// <summary>Everything that it depends on beside the model.</summary>
    public IReadOnlyDictionary<string, string> Settings { get; }

    /// <summary>Which images it was learned from; null where its file does not say.</summary>
    internal PreparationOrigin? Origin { get; private set; }

    /// <summary>The same preparation, which says which images it was learned from.</summary>
    internal Preparation From(PreparationImages images)
    {
        Origin = PreparationOrigin.Of(images);
        return this;
    }

    /// <summary>
    /// Why images are not those that it was learned from, as a clause; null where they are, and where its file does not
    /// say.
    /// </summary>
    /// <param name="images">The images.</param>
    public string? Difference(PreparationImages images) => Origin?.Difference(images);

    /// <summary>The tensors by name. They belong to the preparation.</summary>
    public IReadOnlyDictionary<string, Tensor> Tensors { get; }

    /// <summary>One of <see cref="Tensors"/>.</summary>
    /// <exception cref="BadInputException">There is none of this name; the file is damaged.</exception>
    public Tensor this[string name] =>
        Tensors.TryGetValue(name, out Tensor? tensor)
            ? tensor
            : throw BadInput.Damaged(
                Path ?? Kind,
                $"The preparation '{Kind}' lacks its tensor {name}.",
                Remedy.MakeAgain(Artifact.Preparation, Kind)
            );

    /// <summary>One of <see cref="Tensors"/>, of the shape that a method needs.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="shape">Its sizes; −1 for any of at least 1.</param>
    /// <exception cref="BadInputException">
    /// There is none of this name, or it is of another shape; the message says which.
    /// </exception>
    internal Tensor Shaped(string name, params long[] shape)
    {
        Tensor tensor = this[name];
        return
            tensor.is_floating_point()
            && tensor.dim() == shape.Length
            && tensor.shape.Zip(shape).All(s => s.Second < 0 ? s.First > 0 : s.First == s.Second)
            ? tensor
            : throw BadInput.Mismatch(
                Path ?? Kind,
                $"{Path ?? $"The preparation '{Kind}'"} holds {name} as {tensor.dtype} "
                    + $"{UserText.Shape(tensor.shape)}, where this model needs floating-point numbers "
                    + $"{UserText.Shape(shape).Replace("-1", "n", StringComparison.Ordinal)}.",
                Remedy.MakeAgain(Artifact.Preparation, Kind)
            );
    }

    /// <summary>
    /// What follows from the tensors at some cost, computed on first use. It belongs to the preparation.
    /// </summary>
    /// <param name="name">What tells it from others.</param>
    /// <param name="compute">Computes it.</param>
    internal Tensor Derived(string name, Func<Tensor> compute)
    {
        lock (_derived)
        {
            if (!_derived.TryGetValue(name, out Tensor? tensor))
                _derived[name] = tensor = compute().DetachFromDisposeScope();
            return tensor;
        }
    }

    /// <summary>Whether it was made for this model and edit space.</summary>
    public bool Fits(SplitVit split) => Label.Fits(split.Model, split.Space);

    PreparationLabel Label => new(Kind, ModelFingerprint, Space);

    /// <summary>Checks that this is what a method needs for a model.</summary>
    /// <exception cref="BadInputException">It is another kind, or was made for another model or edit space.</exception>
    public void Require(string kind, SplitVit split)
    {
        if (kind != Kind)
        {
            throw BadInput.Mismatch(
                kind,
                $"This method needs the preparation '{kind}', but was given '{Kind}'.",
                Command(split).MakePreparation(kind)
            );
        }
        Require(split);
    }

    /// <summary>Checks that this was made for a model, whatever it is.</summary>
    /// <exception cref="BadInputException">It was made for another model or edit space.</exception>
    internal void Require(SplitVit split)
    {
        if (Mismatch(split) is string mismatch)
            throw BadInput.Mismatch(Path ?? Kind, $"{mismatch}.", Command(split).MakePreparation(Kind));
    }

    /// <summary>Why this does not serve edits of a model, as a clause, or null if it does.</summary>
    internal string? Mismatch(SplitVit split)
    {
        // What is known of the unedited model serves the edits of a sequence, too.
        if (ModelFingerprint != EditHistory.Of(split.Model).Origin)
            return $"The preparation '{Kind}' was made for the model {ModelFingerprint}, but this model is "
                + $"{split.Model.Fingerprint}";
        // Hidden units that patches added give nothing to what was learned before.
        EditSpace space = split.Space;
        if (EditHistory.Of(split.Model).Hidden is int hidden)
            space = EditSpace.FromShape(space.FirstBlock, space.Blocks, hidden, space.Width, space.IsGated) ?? space;
        return Space == Describe(space)
            ? null
            : $"The preparation '{Kind}' was made for {Space}, but the edit is in {Describe(split.Space)}";
    }

    static MadeFor Command(SplitVit split) => new() { Blocks = split.Space.BlockRange };

    /// <summary>Writes the file, atomically.</summary>
    /// <exception cref="BadInputException">The file cannot be written; nothing has changed on the disk.</exception>
    public void Save(string path, bool overwrite)
    {
        Dictionary<string, string> metadata = new()
        {
            ["format"] = Format,
            ["version"] = Version,
            ["kind"] = Kind,
            ["model"] = ModelFingerprint,
            ["space"] = Space,
        };
        foreach ((string name, string value) in Settings)
            metadata["setting." + name] = value;
        Origin?.Write(metadata);
        SafeTensorsWriter.Write(path, Tensors.Select(t => (t.Key, t.Value)), metadata, overwrite);
    }

    /// <summary>Reads a file; the caller disposes the result.</summary>
    /// <exception cref="BadInputException">
    /// The file cannot be read or is no preparation; the message says why.
    /// </exception>
    public static Preparation Load(string path)
    {
        using SafeTensorsFile file = SafeTensorsFile.Open(path);
        (string kind, string model, string space) = ReadLabel(file, path);
        const string prefix = "setting.";
        using DisposeScope scope = NewDisposeScope();
        Dictionary<string, Tensor> tensors = file.Tensors.Keys.ToDictionary(n => n, file.Read);
        if (tensors.FirstOrDefault(t => !IsFinite(t.Value)) is { Key: string strange })
            throw BadInput.Damaged(
                path,
                $"{path} is a damaged preparation: its tensor {UserText.Quote(strange)} holds NaN or infinite values.",
                Remedy.MakeAgain(Artifact.Preparation, kind)
            );
        return new Preparation(
            kind,
            model,
            space,
            new SortedDictionary<string, string>(
                file.Metadata.Where(m => m.Key.StartsWith(prefix, StringComparison.Ordinal))
                    .ToDictionary(m => m.Key[prefix.Length..], m => m.Value),
                StringComparer.Ordinal
            ),
            tensors
        )
        {
            Path = path,
            Origin = PreparationOrigin.Read(file.Metadata),
        };
    }

    /// <summary>Reads of a file only what it is for.</summary>
    /// <exception cref="BadInputException">
    /// The file cannot be read or is no preparation; the message says why.
    /// </exception>
    internal static PreparationLabel ReadLabel(string path)
    {
        using SafeTensorsFile file = SafeTensorsFile.Open(path);
        return ReadLabel(file, path);
    }

    static PreparationLabel ReadLabel(SafeTensorsFile file, string path)
    {
        if (file.Metadata.GetValueOrDefault("format") != Format)
            throw BadInput.Mismatch(
                path,
                $"{path} is a safetensors file but not a preparation.",
                Remedy.GiveMade(Artifact.Preparation)
            );
        if (file.Metadata.GetValueOrDefault("version") != Version)
            throw BadInput.Unsupported(
                path,
                $"{path} is a preparation of version {file.Metadata.GetValueOrDefault("version")}; this Retouch reads "
                    + $"version {Version}."
            );
        return new PreparationLabel(Text("kind"), Text("model"), Text("space"));

        string Text(string key) =>
            file.Metadata.TryGetValue(key, out string? value)
                ? value
                : throw BadInput.Damaged(path, $"{path} is a damaged preparation: its metadata lack '{key}'.");
    }

    /// <summary>Frees the tensors.</summary>
    public void Dispose()
    {
        foreach (Tensor tensor in Tensors.Values.Concat(_derived.Values))
            tensor.Dispose();
    }

    static bool IsFinite(Tensor values)
    {
        using DisposeScope scope = NewDisposeScope();
        return values.isfinite().all().item<bool>();
    }

    /// <summary>An edit space as a preparation's file states it.</summary>
    internal static string Describe(EditSpace space) =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"blocks {space.FirstBlock} to {space.LastBlock} of width {space.Width} and {space.Hidden} units"
        );
}
