using Retouch.Data;
using Retouch.Editing;
using Retouch.Formats;
using Retouch.Images;
using Retouch.Locating;
using Retouch.Patches;
using Retouch.Suffix;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.UseCases;

/// <summary>
/// A model whose edits are tried while somebody watches: of every image it keeps only what the last FFN gets, so that
/// what an edit does to thousands is known in milliseconds. Nothing is written. Safe for several threads once it is
/// open.
/// </summary>
public sealed class LiveModel : IDisposable
{
    /// <summary>Into how many rows and columns of parts an image is cut.</summary>
    public const int Cells = 7;

    static readonly LivePlace s_alone = new("only this image", null);

    readonly SplitVit _split;
    readonly Preparation? _ordinary;
    readonly IEditor? _alone;

    LiveModel(ModelFile file, LabelSet labels, SplitVit split, Preparation? ordinary)
    {
        (File, Labels, _split, _ordinary) = (file, labels, split, ordinary);
        if (ordinary is null)
            return;
        _alone = new Remember(ordinary);
        double[] ways = [.. GateSettings.Generalities.Order()];
        Places = [s_alone, .. ways.Select((g, i) => new LivePlace(Name(i, ways.Length), g))];
    }

    /// <summary>The model; not owned.</summary>
    public ModelFile File { get; }

    /// <summary>The names of its classes.</summary>
    public LabelSet Labels { get; }

    /// <summary>The width of a token.</summary>
    public int Width => _split.Space.Width;

    /// <summary>
    /// Places from an edit of one image alone to the most general one; empty where the model cannot be edited so.
    /// </summary>
    public IReadOnlyList<LivePlace> Places { get; } = [];

    /// <summary>The ordinary images that edits keep as they are; null for none.</summary>
    internal Preparation? Ordinary => _ordinary;

    /// <summary>What edits are made on.</summary>
    internal SplitVit Split => _split;

    /// <summary>Whether what the last FFN gets of [CLS] says all that the classifier reads.</summary>
    /// <param name="file">The model.</param>
    public static bool Serves(ModelFile file) => file.Model.Config.ReadsClassAlone;

    /// <summary>Opens a model; the caller disposes it.</summary>
    /// <param name="file">The model; not owned.</param>
    /// <param name="labels">The names of its classes.</param>
    /// <param name="locality">Ordinary images, half of which teach what is not at hand; null for none.</param>
    /// <param name="files">What was prepared for the model.</param>
    /// <param name="events">Told how far it is; null to ignore.</param>
    /// <param name="cancellation">Stops between images.</param>
    /// <returns>The model, and the locality images that nothing was learned from.</returns>
    /// <exception cref="BadInputException">The classifier reads other tokens than [CLS].</exception>
    public static (LiveModel Model, ImageFolder? Measured) Open(
        ModelFile file,
        LabelSet labels,
        ImageFolder? locality,
        TrainedFiles files,
        IUseCaseEvents? events = null,
        CancellationToken cancellation = default
    )
    {
        events ??= NoEvents.Instance;
        VitConfig config = file.Model.Config;
        config.RequireClassToken("The studio");
        EditSpace space = new(config, config.Depth - 1, 1);
        SplitVit split = new(file.Model, space);
        using PreparedFiles prepared = new(files, split);
        if (prepared.ByKind.ContainsKey(GateMemory.Kind))
            return (new LiveModel(file, labels, split, prepared.GiveAway(GateMemory.Kind)), locality);
        if (locality is null)
            return (new LiveModel(file, labels, split, null), null);
        LocalityHalves halves = LocalityHalves.Of(locality);
        (Preparation learned, _) = LearnedStatistics.Learn(
            file,
            new GateMemory(),
            halves,
            files.Cache,
            space,
            events,
            cancellation
        );
        return (new LiveModel(file, labels, split, learned), halves.Measured);
    }

    /// <summary>Reads images; the caller disposes what was read.</summary>
    /// <param name="paths">The images' files.</param>
    /// <returns>The images, their places among the paths, and why others cannot be used.</returns>
    public (LiveImages Images, IReadOnlyList<int> Loaded, IReadOnlyList<(int Index, Problem Why)> Failed) Read(
        IReadOnlyList<string> paths
    )
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        (Tensor pixels, IReadOnlyList<int> loaded, IReadOnlyList<(int, Problem)> failed) = ImageLoader.LoadAvailable(
            paths,
            File.Preprocessing
        );
        if (loaded.Count == 0)
            return (LiveImages.Of([], Width, []), loaded, failed);
        using PrefixState state = _split.Prefix(pixels);
        Tensor tokens = GateRepair.Residuals(_split, state);
        return (new LiveImages(tokens.DetachFromDisposeScope(), Answers(tokens, null)), loaded, failed);
    }

    /// <summary>What the model says of images under an edit.</summary>
    /// <param name="images">The images.</param>
    /// <param name="change">What is changed of the last FFN; null for the unedited model.</param>
    public IReadOnlyList<LiveAnswer> Answers(LiveImages images, ModelDelta? change) => Answers(images.Tokens, change);

    /// <summary>The model with patches; the caller disposes it, and with it the patches.</summary>
    /// <param name="patches">The patches.</param>
    /// <param name="leavePatches">Whether the patches stay the caller's.</param>
    /// <exception cref="BadInputException">
    /// One belongs to another model, or changes what comes before the last FFN, which is all that is kept of images.
    /// </exception>
    public LiveState With(IReadOnlyList<LoadedPatch> patches, bool leavePatches = false)
    {
        int last = File.Model.Config.Depth - 1;
        if (patches.FirstOrDefault(p => p.Patch.Change.Space.FirstBlock != last) is LoadedPatch deeper)
            throw BadInput.Unsupported(
                deeper.Path,
                $"{deeper.Path} changes blocks before the last one, so that images have to be read anew: check "
                    + "compares such models."
            );
        return new LiveState(this, patches, leavePatches);
    }

    internal IReadOnlyList<LiveAnswer> Answers(LiveImages images, VitModel? edited) =>
        edited is null ? Answers(images.Tokens, null) : Answers(_split.Edited(edited), images.Tokens, null);

    /// <summary>The likeliest classes of each image, likeliest first.</summary>
    /// <param name="images">The images.</param>
    /// <param name="change">What is changed of the last FFN; null for the unedited model.</param>
    /// <param name="count">How many.</param>
    public IReadOnlyList<IReadOnlyList<ClassProbability>> Likeliest(LiveImages images, ModelDelta? change, int count)
    {
        List<IReadOnlyList<ClassProbability>> all = [];
        GateRepair.Ask(
            _split,
            images.Tokens,
            change,
            logits =>
                all.AddRange(
                    Enumerable.Range(0, (int)logits.shape[0]).Select(i => ClassProbability.Top(logits[i], count))
                )
        );
        return all;
    }

    /// <summary>The mean of what the model says of images, the likeliest classes first.</summary>
    /// <param name="tokens">What the last FFN gets of them, <c>[N,D]</c>.</param>
    /// <param name="count">How many classes.</param>
    internal IReadOnlyList<ClassProbability> MeanOf(Tensor tokens, int count)
    {
        double[]? sums = null;
        GateRepair.Ask(
            _split,
            tokens,
            null,
            logits =>
            {
                double[] some = special
                    .softmax(logits, 1)
                    .sum([0])
                    .to(ScalarType.Float64)
                    .cpu()
                    .data<double>()
                    .ToArray();
                sums = sums is null ? some : [.. sums.Zip(some, (a, b) => a + b)];
            }
        );
        return
        [
            .. (sums ?? [])
                .Select((sum, c) => new ClassProbability(c, (float)(sum / tokens.shape[0])))
                .OrderByDescending(p => p.Probability)
                .Take(count),
        ];
    }

    /// <summary>
    /// Which parts of an image an edit goes by: how much probability its class loses under the edit where a part is
    /// grey.
    /// </summary>
    /// <param name="path">The image's file.</param>
    /// <param name="edit">The edit.</param>
    /// <returns><see cref="Cells"/>² parts, row by row, each in [-1,1].</returns>
    /// <exception cref="BadInputException">The image has vanished.</exception>
    public float[] Parts(string path, LiveEdit edit)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        Tensor image = ImageLoader.LoadBatch([path], File.Preprocessing); // [1,3,S,S]
        long size = image.shape[3];
        Tensor mean = image.mean([2, 3], keepdim: true);
        List<Tensor> all = [image];
        for (int row = 0; row < Cells; row++)
        {
            for (int column = 0; column < Cells; column++)
            {
                Tensor covered = image.clone();
                (long top, long bottom) = (size * row / Cells, size * (row + 1) / Cells);
                (long left, long right) = (size * column / Cells, size * (column + 1) / Cells);
                covered.narrow(2, top, bottom - top).narrow(3, left, right - left).copy_(mean);
                all.Add(covered);
            }
        }
        using PrefixState state = _split.Prefix(cat([.. all], 0));
        Tensor likely = special
            .softmax(_split.Logits(state, edit.Patch.Change), 1)
            .select(1, edit.Patch.Provenance.Label)
            .cpu()
            .contiguous();
        float[] p = likely.data<float>().ToArray();
        return [.. p.Skip(1).Select(covered => p[0] - covered)];
    }

    /// <summary>Reads an image that edits are to be tried on; the caller disposes it.</summary>
    /// <param name="path">The image's file.</param>
    /// <exception cref="BadInputException">It cannot be read.</exception>
    public LiveSubject Subject(string path)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        PrefixState state = _split.Prefix(ImageLoader.LoadBatch([path], File.Preprocessing));
        try
        {
            Tensor tokens = GateRepair.Residuals(_split, state);
            return new LiveSubject(
                path,
                PatchOrigin.Image(path, ImageRoots.Hash(path), null),
                state,
                new LiveImages(tokens.DetachFromDisposeScope(), Answers(tokens, null))
            );
        }
        catch
        {
            state.Dispose();
            throw;
        }
    }

    /// <summary>An edit of one image at a place; the caller disposes it.</summary>
    /// <param name="subject">The image.</param>
    /// <param name="label">The class that it should have.</param>
    /// <param name="place">One of <see cref="Places"/>.</param>
    /// <param name="cancellation">Stops between steps.</param>
    /// <exception cref="InvalidOperationException">The model cannot be edited so.</exception>
    public LiveEdit Edit(LiveSubject subject, int label, LivePlace place, CancellationToken cancellation = default)
    {
        if (_ordinary is null)
            throw new InvalidOperationException("There is nothing to tell the image from.");
        using DisposeScope scope = NewDisposeScope();
        Failure failure = new(subject.State, label) { Images = [subject.Origin] };
        IEditor editor = place.Generality is double generality
            ? new Gate(_ordinary, new GateSettings().AtGenerality(generality))
            : _alone!;
        EditResult result = editor.Edit(_split, [failure], null, cancellation)[0];
        return new LiveEdit(place, result, Likeliest(subject.Image, result.Patch.Change, 5)[0]);
    }

    /// <summary>Which hidden units an edit goes by, those that carry most first.</summary>
    /// <param name="subject">The image.</param>
    /// <param name="edit">The edit.</param>
    public IReadOnlyList<LiveUnit> Units(LiveSubject subject, LiveEdit edit)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        ModelDelta change = edit.Patch.Change;
        VitModel model = _split.Model;
        string ffn = VitNames.Block(model.Config.Depth - 1, "mlp.");
        Tensor token = subject.Image.Tokens.to(model.Tensors[ffn + "fc1.weight"].device); // [1,D]
        Tensor read = Evidence.Read(model, token);
        long own = model.Tensors[ffn + "fc1.weight"].shape[0];
        (Tensor keys, Tensor biases, Tensor values) = (Now("fc1.weight"), Now("fc1.bias"), Now("fc2.weight"));
        long added = keys.shape[0] - own;
        Tensor before = cat(
            [Opened(model.Tensors[ffn + "fc1.weight"], model.Tensors[ffn + "fc1.bias"]), zeros([added])],
            0
        );
        Tensor valuesBefore = cat([model.Tensors[ffn + "fc2.weight"], zeros([values.shape[0], added])], 1);
        Tensor after = Opened(keys, biases);
        // What each unit gives the image's token more than it gave, [H,D].
        Tensor gives = (values * after - valuesBefore * before).t();
        long[] units = gives.abs().amax([1]).gt(Held(0)).nonzero().view(-1).data<long>().ToArray();
        Tensor whole = mv(values, after).Plus(Now("fc2.bias")).unsqueeze(0); // [1,D]
        Tensor some = cat([whole, whole - gives.index_select(0, tensor(units))], 0);
        Tensor outputs = token.Plus(VitModel.Scaled(some, model.Blocks[^1].Scale2));
        float[] p = special
            .softmax(model.Classify(model.Readout(outputs.unsqueeze(1))), 1)
            .select(1, edit.Patch.Provenance.Label)
            .cpu()
            .contiguous()
            .data<float>()
            .ToArray();
        float[] opened = after.cpu().data<float>().ToArray();
        float[] was = before.cpu().data<float>().ToArray();
        return
        [
            .. units
                .Select((u, i) => new LiveUnit((int)u, u >= own, was[u], opened[u], p[0] - p[i + 1]))
                .OrderByDescending(u => u.Carries)
                .ThenBy(u => u.Unit),
        ];

        Tensor Now(string name) =>
            change.Names.Contains(ffn + name)
                ? change.Apply(ffn + name, model.Tensors[ffn + name])
                : model.Tensors[ffn + name];

        Tensor Opened(Tensor key, Tensor bias) => model.Activate(nn.functional.linear(read, key, bias)).squeeze(0);
    }

    /// <summary>Writes an edit's patch.</summary>
    /// <param name="edit">The edit.</param>
    /// <param name="image">The edited image's file.</param>
    /// <param name="output">The patch to write.</param>
    /// <param name="locality">Other images that were measured, and how many kept their class; null for none.</param>
    /// <exception cref="BadInputException">The file exists or cannot be written.</exception>
    public void Write(LiveEdit edit, string image, string output, (int Images, int Kept)? locality)
    {
        PatchProvenance made = edit.Patch.Provenance;
        PatchProvenance provenance = PatchOrigin.Of(File, Labels, made) with
        {
            Images = [PatchOrigin.Image(image, ImageRoots.Hash(image), output)],
            Measurements = made.Measurements! with
            {
                LocalityRate = locality is (int n, int kept) ? (double)kept / n : null,
                LocalityImages = locality?.Images,
            },
        };
        PatchFile.Save(edit.Patch.With(provenance), output, overwrite: false);
    }

    /// <summary>Corrects several images by one patch, and writes it.</summary>
    /// <param name="wanted">The images that are to be corrected.</param>
    /// <param name="kept">Images that are to keep their class.</param>
    /// <param name="settings">How.</param>
    /// <param name="output">The patch to write; one that is there is replaced.</param>
    /// <param name="events">Told how far it is.</param>
    /// <param name="cancellation">Stops between steps; nothing is written then.</param>
    /// <exception cref="BadInputException">There is nothing to correct, or the file cannot be written.</exception>
    public LiveRepair Repair(
        IReadOnlyList<LiveRepair.Wish> wanted,
        IEnumerable<LiveRepair.Kept> kept,
        RepairSettings settings,
        string output,
        IUseCaseEvents events,
        CancellationToken cancellation
    )
    {
        if (wanted.Count == 0)
            throw BadInput.Missing(null, "There is nothing to correct: of none of these images the class is known.");
        using DisposeScope scope = NewDisposeScope();
        // By what holds them, so that rows are taken together.
        IGrouping<LiveImages, LiveRepair.Kept>[] near = [.. kept.GroupBy(k => k.Images)];
        Tensor tokens = stack([.. wanted.Select(w => w.Images.Tokens[w.Row])], 0);
        RepairInput input = new(
            new RepairImages(tokens, [.. wanted.Select(w => w.Label)], [.. wanted.Select(w => w.Accepted)]),
            near.Length == 0
                ? RepairInput.None(Width)
                : new RepairImages(
                    cat(
                        [.. near.Select(g => g.Key.Tokens.index_select(0, tensor([.. g.Select(k => (long)k.Row)])))],
                        0
                    ),
                    [.. near.SelectMany(g => g.Select(k => k.Class))]
                ),
            _ordinary
        );
        using RepairOutcome outcome = events.Progress(
            "repairing",
            2 * settings.Steps,
            report =>
            {
                int done = 0;
                Told<EditProgress> told = new(p => report(++done, null));
                return new GateRepair(settings).Repair(_split, input, 0, told, cancellation);
            }
        );
        int corrected = outcome.Corrected.Count(c => c);
        if (outcome.Change is null || corrected == 0)
            return new LiveRepair(wanted.Count, 0, outcome.SharedUnits, outcome.OwnUnits, null);
        int[] right = [.. Enumerable.Range(0, wanted.Count).Where(i => outcome.Corrected[i])];
        IReadOnlyList<int> said = GateRepair.Predict(_split, tokens, outcome.Change);
        new RepairPatch(
            File,
            Labels,
            settings,
            [.. right.Select(i => (wanted[i].Path, ImageRoots.Hash(wanted[i].Path), said[i]))]
        )
        {
            Tokens = tokens.index_select(0, tensor([.. right.Select(i => (long)i)])),
            Measurements = new() { Success = corrected == wanted.Count, Steps = outcome.Losses.Count },
        }.Write(outcome.Change, output, overwrite: true);
        return new LiveRepair(wanted.Count, corrected, outcome.SharedUnits, outcome.OwnUnits, output);
    }

    /// <summary>Frees what was learned of ordinary images.</summary>
    public void Dispose() => _ordinary?.Dispose();

    IReadOnlyList<LiveAnswer> Answers(Tensor tokens, ModelDelta? change) => Answers(_split, tokens, change);

    static List<LiveAnswer> Answers(SplitVit split, Tensor tokens, ModelDelta? change)
    {
        List<LiveAnswer> answers = [];
        GateRepair.Ask(split, tokens, change, logits => answers.AddRange(LiveAnswer.Of(logits)));
        return answers;
    }

    static string Name(int place, int places) =>
        place == places - 1 ? "everything like it"
        : place < places / 2 ? "very much like it"
        : "much like it";
}
