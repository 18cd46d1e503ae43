using Retouch.Locating;
using Retouch.Suffix;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Editing;

/// <summary>Low-rank adaptation of the attention's query and value projections.</summary>
/// <remarks>
/// Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", ICLR 2022, equation 3: W' = W + B·A with A
/// Gaussian and B zero at first, on the query and value projections (section 4.2), rank 4, the scale α/r fixed
/// at 1. Open for ViTs: the blocks. Here they are all whose attention comes after the cut, that is those after
/// the first editable one, so that the prefix is kept like every method's; and Adam as in the paper, with the
/// same stop as fine-tuning.
/// </remarks>
public sealed class Lora : IEditor
{
    const int Purpose = 0x10A; // of the random numbers

    readonly LoraSettings _settings;

    /// <summary>Creates the editor.</summary>
    /// <exception cref="BadInputException">A setting is out of range.</exception>
    public Lora(LoraSettings? settings = null)
    {
        _settings = settings ?? new();
        _settings.Validate();
    }

    /// <summary>The method.</summary>
    public static Method Definition { get; } =
        new Method<LoraSettings>(
            "lora",
            "low-rank changes of queries and values",
            "Hu et al., LoRA: Low-Rank Adaptation of Large Language Models, ICLR 2022",
            (settings, resources) => new Lora(settings with { Seed = resources.Seed })
        )
        {
            OneClass = null,
            ShortName = "LoRA",
        };

    /// <inheritdoc/>
    public string Name => Definition.Name;

    /// <inheritdoc/>
    public IReadOnlyList<EditResult> Edit(
        SplitVit split,
        IReadOnlyList<Failure> failures,
        IProgress<EditProgress>? progress = null,
        CancellationToken cancellation = default
    ) => Edits.OneByOne(failures, failure => Edit(split, failure, progress, cancellation), cancellation);

    EditResult Edit(SplitVit split, Failure failure, IProgress<EditProgress>? progress, CancellationToken cancellation)
    {
        (VitModel model, long width, int rank) = (split.Model, split.Space.Width, _settings.Rank);
        string[] names =
        [
            .. Enumerable
                .Range(split.Space.FirstBlock + 1, model.Config.Depth - split.Space.FirstBlock - 1)
                .Select(i => VitNames.Block(i, "attn.qkv.weight")),
        ];
        if (names.Length == 0)
            throw BadInput.OutOfRange(
                null,
                "LoRA adapts attention after the first editable block, and this space begins in the last; use an "
                    + "earlier one."
            );
        using DisposeScope scope = NewDisposeScope();
        using Generator generator = new((ulong)_settings.Seed, CPU);
        // Of each block A and B of the queries, then of the values.
        Tensor[] leaves = [.. names.SelectMany(_ => (Tensor[])[A(), B(), A(), B()])];
        int[]? some = null;
        (int steps, List<float> losses) = LeafDescent.Run(
            leaves,
            failure.EachLabel,
            () =>
            {
                AutogradSuffix suffix = new(
                    split,
                    names
                        .Select((n, i) => (n, i))
                        .ToDictionary(n => n.n, n => model.Tensors[n.n].Plus(mm(Left(n.i), Right(n.i))))
                );
                return (some is null ? suffix.Logits(failure.State) : Logits(suffix, some), null);
            },
            _settings.LearningRate,
            _settings.MaxSteps,
            _settings.StopLoss,
            null,
            progress,
            cancellation,
            taken: failure.State.Images > _settings.Batch ? step => some = Batch(failure.State.Images, step) : null
        );
        using IDisposable noGrad = no_grad();
        TensorDelta delta = new(
            split.Space,
            names.Select((n, i) => (n, i)).ToDictionary(n => n.n, n => TensorChange.AddProduct(Left(n.i), Right(n.i)))
        );
        return Edits.Result(
            split,
            failure,
            delta,
            Name,
            LoraSettings.Table.Describe(_settings),
            _settings.Seed,
            steps,
            losses
        );

        Tensor Logits(AutogradSuffix suffix, int[] images)
        {
            Tensor places = tensor([.. images.Select(i => (long)i)], device: failure.State.Residual.device);
            return suffix.Classify(
                suffix.ClassFeatures(
                    failure.State.Residual.index_select(0, places),
                    failure.State.Output.index_select(0, places)
                )
            );
        }

        Tensor A() =>
            (randn([rank, width], generator: generator) / Held(Math.Sqrt(width)))
                .to(failure.State.Residual.device)
                .requires_grad_();

        Tensor B() => zeros([width, rank], device: failure.State.Residual.device).requires_grad_();

        // The rows of qkv are those of the queries, the keys and the values: [3D,2r]·[2r,D].
        Tensor Left(int i)
        {
            Tensor query = leaves[4 * i + 1];
            Tensor value = leaves[4 * i + 3];
            Tensor none = zeros_like(query, requires_grad: false);
            return cat([cat([query, none], 1), cat([none, none], 1), cat([none, value], 1)], 0);
        }

        Tensor Right(int i) => cat([leaves[4 * i], leaves[4 * i + 2]], 0);
    }

    // All images in an order of its own, then all again in another.
    int[] Batch(int images, int step)
    {
        int batches = (images + _settings.Batch - 1) / _settings.Batch;
        int[] order = [.. Enumerable.Range(0, images)];
        StableRandom.For(_settings.Seed, Purpose, step / batches).Shuffle(order);
        return [.. order.Skip(step % batches * _settings.Batch).Take(_settings.Batch)];
    }
}
