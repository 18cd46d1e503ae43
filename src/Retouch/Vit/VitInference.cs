namespace Retouch.Vit;

/// <summary>Reads an architecture from the shapes of its tensors, and checks them against it.</summary>
sealed class VitInference
{
    const int LongestSide = 4096; // tokens along one side of an image
    const string RelativeTable = "attn.relative_position_bias_table";

    // The published ViTs whose heads are wider than 64 channels: H, g, G and so400m.
    static readonly Dictionary<int, int> HeadsOfWidth = new()
    {
        [1280] = 16,
        [1408] = 16,
        [1664] = 16,
        [1152] = 16,
    };

    readonly IReadOnlyDictionary<string, long[]> _shapes;
    readonly VitTraits _traits;
    readonly Func<string, string> _spelled;
    readonly string[][] _blocks; // the ends of each block's names

    VitInference(IReadOnlyDictionary<string, long[]> shapes, VitTraits traits, Func<string, string> spelled)
    {
        (_shapes, _traits, _spelled) = (shapes, traits, spelled);
        _blocks = Blocks(shapes.Keys);
    }

    /// <summary>The architecture of canonical shapes.</summary>
    /// <param name="shapes">Canonical name to shape.</param>
    /// <param name="traits">What no shape shows; null for what is usual.</param>
    /// <param name="spelled">From a canonical name to the file's, for messages.</param>
    /// <exception cref="BadInputException">A tensor is missing, misshapen or unknown; the message names it.</exception>
    public static VitConfig Infer(
        IReadOnlyDictionary<string, long[]> shapes,
        VitTraits? traits,
        Func<string, string> spelled
    )
    {
        ForeignTensors.Refuse(shapes.Keys);
        VitInference inference = new(shapes, traits ?? new(), spelled);
        VitConfig config = inference.Architecture();
        inference.Check(config);
        return config;
    }

    /// <summary>How many blocks names are of: those that have at least half as many as the fullest.</summary>
    public static int Depth(IEnumerable<string> names) => Blocks(names).Length;

    VitConfig Architecture()
    {
        long[] patch = Shape(VitNames.PatchWeight, 4);
        int first = Size(patch[0], _spelled(VitNames.PatchWeight));
        int patchSize = Size(patch[2], _spelled(VitNames.PatchWeight));
        if (patch[1] != 3 || patch[2] != patch[3])
            throw BadInput.Unsupported(
                null,
                $"{_spelled(VitNames.PatchWeight)} is {Text(patch)}; Retouch edits ViTs with "
                    + "square patches of 3 channels."
            );
        if (_blocks.Length == 0)
            throw Missing(VitNames.Block(0, "norm1.weight"));
        bool classToken = Has(VitNames.ClassToken);
        bool after = HasModule("fc_norm.");
        int registers = Has(VitNames.Registers)
            ? Size(Shape(VitNames.Registers, 3)[1], _spelled(VitNames.Registers))
            : 0;
        int prefix = registers + (classToken ? 1 : 0);
        bool pools = HasModule(VitNames.Pool(""));
        VitPooling pooling = Pooling(classToken, after, pools);
        RelativePositions relative = Relative();
        bool windowed = AnyBlock("merge.") || (relative == RelativePositions.EachBlock && prefix == 0);
        (int grid, int inFront) = Grid(windowed, relative, prefix, patchSize);
        if ((long)grid * patchSize > int.MaxValue)
            throw BadInput.OutOfRange(
                null,
                $"{grid} patches of {patchSize} pixels along a side are no image that could be meant."
            );
        VitStages stages = windowed ? Stages(grid) : VitStages.None;
        int width = stages.Count > 0 ? stages[^1].Width : first;
        int heads = stages.Count > 0 ? stages[^1].Heads : Heads(width, relative);
        if (_traits.NormEpsilon is double epsilon && epsilon is not (> 0 and < 1))
            throw BadInput.OutOfRange(null, $"A norm's epsilon of {epsilon} is not between 0 and 1.");
        int last = _blocks.Length - 1;
        int hidden = Size(Shape(VitNames.Block(last, "mlp.fc2.weight"), 2)[1], Spelled(last, "mlp.fc2.weight"));
        VitRope rope = _traits.Rope ?? VitRope.None;
        VitConfig config = new()
        {
            ImageSize = grid * patchSize,
            PatchSize = patchSize,
            Width = width,
            Depth = _blocks.Length,
            Heads = heads,
            MlpWidth = hidden,
            Classes = Size(Shape(VitNames.HeadWeight, 2)[0], _spelled(VitNames.HeadWeight)),
            QkvBias = AnyBlock("attn.qkv.bias"),
            NormEpsilon = _traits.NormEpsilon ?? 1e-6,
            ClassToken = classToken,
            Registers = registers,
            Positions = Has(VitNames.Positions),
            PrefixPositions = inFront == prefix || inFront > 0,
            RegisterPositions = inFront == prefix || inFront == 0,
            PatchBias = Has(VitNames.PatchBias),
            PreNorm = HasModule("norm_pre."),
            LayerScale = AnyBlock("ls1.") || AnyBlock("ls2."),
            Activation = Activation(pools),
            Pooling = pooling,
            NormAfterPooling = after,
            LastNorm = _traits.LastNorm != false && (HasModule("norm.") || !after),
            Stages = stages,
            PoolHeads = pools ? PoolHeads(width, heads) : 0,
            PoolMlpWidth = pools
                ? Size(Shape(VitNames.Pool("mlp.fc1.weight"), 2)[0], _spelled(VitNames.Pool("mlp.fc1.weight")))
                : 0,
            Projection = Has(VitNames.Projection)
                ? Size(Shape(VitNames.Projection, 2)[0], _spelled(VitNames.Projection))
                : 0,
            Cosine = _traits.Cosine ?? false,
            Block = new VitBlockForm
            {
                PostNorm = _traits.PostNorm ?? false,
                QueryKeyNorm = AnyBlock("attn.q_norm.") || AnyBlock("attn.k_norm."),
                MixedNorm = AnyBlock("attn.norm."),
                GatedFfn = AnyBlock("mlp.gate."),
                HiddenNorm = AnyBlock("mlp.norm."),
                RelativePositions = relative,
                Rope = rope.Kind == VitRopeKind.None ? null : rope,
            },
        };
        CheckRope(config);
        return config;
    }

    VitActivation Activation(bool pools)
    {
        bool gated = AnyBlock("mlp.gate.");
        VitActivation activation = _traits.Activation ?? (gated ? VitActivation.Silu : VitActivation.Gelu);
        if (activation == VitActivation.Silu && !gated)
            throw BadInput.Mismatch(
                null,
                "SiLU is stated as the activation, but the model has no gates; Retouch knows it of those alone.",
                Remedy.Option(Parameter.Activation)
            );
        // timm's classes differ in whether the pool's own network has the activation of the gates.
        if (gated && pools)
            throw BadInput.Unsupported(
                null,
                $"{_spelled(VitNames.Pool("latent"))} stands beside gated feed-forward networks, and no file can say "
                    + "which activation the pool's own network has then; this architecture is not supported."
            );
        return activation;
    }

    VitPooling Pooling(bool classToken, bool after, bool pools)
    {
        VitPooling usual =
            pools ? VitPooling.Attention
            : HasModule("head_dist.") ? VitPooling.TwoHeads
            : classToken && !after ? VitPooling.ClassToken
            : VitPooling.Average;
        VitPooling pooling = _traits.Pooling ?? usual;
        // timm calls it token, too.
        if (usual == VitPooling.TwoHeads && pooling == VitPooling.ClassToken)
            pooling = usual;
        bool readsClass =
            pooling
            is VitPooling.ClassToken
                or VitPooling.ClassAndAverage
                or VitPooling.ClassAndAverageOfOthers
                or VitPooling.TwoHeads;
        if (readsClass && !classToken)
            throw Missing(VitNames.ClassToken);
        if (pooling == VitPooling.TwoHeads && !Has(VitNames.Registers))
            throw Missing(VitNames.Registers);
        return pooling;
    }

    RelativePositions Relative() =>
        (AnyBlock(RelativeTable), Has(VitNames.SharedRelativeTable)) switch
        {
            (true, true) => RelativePositions.EachBlockAndShared,
            (true, false) => RelativePositions.EachBlock,
            (false, true) => RelativePositions.Shared,
            _ => RelativePositions.None,
        };

    bool HasPositions(RelativePositions relative) => Has(VitNames.Positions) || relative != RelativePositions.None;

    (int Grid, int InFront) Grid(bool windowed, RelativePositions relative, int prefix, int patchSize)
    {
        if (windowed && Has(VitNames.Positions))
            throw BadInput.Unsupported(
                null,
                $"{_spelled(VitNames.Positions)} stands beside windows of attention; Retouch opens transformers of "
                    + "several stages without learned positions of patches."
            );
        if (!HasPositions(relative) && _traits.Rope is null or { Kind: VitRopeKind.None })
            throw BadInput.Missing(
                null,
                "Nothing shows where in the image patches are: there is none of "
                    + $"{_spelled(VitNames.Positions)}, {_spelled(VitNames.SharedRelativeTable)} and "
                    + $"{Spelled(0, RelativeTable)}, and no rotary positions are stated.",
                Remedy.Option(Parameter.Rope)
            );
        if (!Has(VitNames.Positions))
        {
            int shown = windowed || relative == RelativePositions.None ? 0 : GridOfTable(relative, prefix);
            if (shown > 0)
                return (shown, prefix);
            // No tensor shows it. Published transformers of several stages end in one window.
            int usual = windowed ? Window(_blocks.Length - 1) << (StageStarts().Length - 1) : 224 / patchSize;
            int side = _traits.ImageSize ?? (HasPositions(relative) || windowed ? usual * patchSize : 224);
            if (side < patchSize || side % patchSize != 0 || side / patchSize > LongestSide)
                throw BadInput.OutOfRange(
                    null,
                    $"An image size of {side} is not a multiple of the model's patches of {patchSize} pixels.",
                    Remedy.Option(Parameter.ImageSize)
                );
            return (side / patchSize, prefix);
        }
        long positions = Shape(VitNames.Positions, 3)[1];
        // Registers usually have no positions, in transformers [CLS] alone has one.
        bool both = Has(VitNames.Registers) && Has(VitNames.ClassToken);
        (int grid, int inFront) = (
            (int[])(
                both ? [0, prefix, 1]
                : Has(VitNames.Registers) ? [0, prefix]
                : [prefix, 0]
            )
        ).Select(f => (SquareRoot(positions - f), f)).FirstOrDefault(g => g.Item1 is >= 1 and <= LongestSide);
        if (grid == 0 && !Has(VitNames.ClassToken) && SquareRoot(positions - prefix - 1) > 0)
            throw Missing(VitNames.ClassToken);
        if (grid == 0)
            throw BadInput.OutOfRange(
                null,
                $"{_spelled(VitNames.Positions)} has {positions} positions; a square grid of "
                    + $"patches needs n·n, and {prefix} more where the tokens in front have positions, too."
            );
        return (grid, inFront);
    }

    // The table that all blocks share, else the first block's; null for none.
    string? TableOf(RelativePositions relative) =>
        relative switch
        {
            RelativePositions.None => null,
            RelativePositions.Shared => VitNames.SharedRelativeTable,
            _ => VitNames.Block(FirstBlockWith(RelativeTable), RelativeTable),
        };

    // Of (2n-1)² relative positions of patches and three of [CLS].
    int GridOfTable(RelativePositions relative, int prefix)
    {
        string table = TableOf(relative)!;
        long count = Shape(table, 2)[0];
        int side = SquareRoot(count - 3);
        if (prefix == 0 && !Has(VitNames.ClassToken) && side % 2 == 1)
            throw Missing(VitNames.ClassToken);
        if (prefix != 1 || side % 2 == 0 || side > 2 * LongestSide)
            throw BadInput.Unsupported(
                null,
                $"{_spelled(table)} has {count} relative positions; [CLS] and n·n patches have (2n-1)·(2n-1)+3."
            );
        int grid = (side + 1) / 2;
        RequirePairs((long)grid * grid, (long)grid * grid, table);
        return grid;
    }

    // Biases lie in one array, a pair of tokens each: a table of so many is small beside it.
    void RequirePairs(long tokens, long keys, string table)
    {
        if (tokens * keys > Array.MaxLength / 2)
            throw BadInput.TooLarge(
                _spelled(table),
                $"{_spelled(table)} is for {tokens} tokens of which each attends to {keys}, too many for biases of "
                    + "their pairs."
            );
    }

    int Heads(int width, RelativePositions relative)
    {
        string? shown = TableOf(relative);
        int? count = shown is null ? null : Size(Shape(shown, 2)[1], _spelled(shown));
        if (count is null && AnyBlock("attn.q_norm."))
        {
            string norm = VitNames.Block(FirstBlockWith("attn.q_norm."), "attn.q_norm.weight");
            int head = Size(Shape(norm, 1)[0], _spelled(norm));
            count = width % head == 0 ? width / head : null;
        }
        int? usual =
            count
            ?? (
                HeadsOfWidth.TryGetValue(width, out int published) ? published
                : width % 64 == 0 ? width / 64
                : null
            );
        if (_traits.Heads is null && usual is null)
            throw BadInput.Missing(
                null,
                $"The number of attention heads cannot be told from a width of {width} "
                    + "(published ViTs have width ÷ 64).",
                Remedy.Option(Parameter.Heads)
            );
        int heads = _traits.Heads ?? usual!.Value;
        if (heads < 1 || width % heads != 0)
            throw BadInput.OutOfRange(null, $"{heads} attention heads do not divide a width of {width}.");
        if (count is int told && told != heads)
            throw BadInput.Mismatch(
                null,
                $"{heads} attention heads are stated, but {_spelled(shown ?? VitNames.Block(0, "attn.q_norm.weight"))} "
                    + $"is of {told}."
            );
        return heads;
    }

    int PoolHeads(int width, int heads)
    {
        int pool = _traits.PoolHeads ?? heads;
        return pool >= 1 && width % pool == 0
            ? pool
            : throw BadInput.OutOfRange(null, $"{pool} heads of attention pooling do not divide a width of {width}.");
    }

    // The first block of each stage.
    int[] StageStarts() =>
        [
            0,
            .. Enumerable.Range(1, _blocks.Length - 1).Where(i => _blocks[i].Any(n => n.StartsWith("merge.", Ordinal))),
        ];

    int Window(int block)
    {
        string table = VitNames.Block(block, RelativeTable);
        int side = SquareRoot(Shape(table, 2)[0]);
        if (side == 0 && SquareRoot(Shape(table, 2)[0] - 3) % 2 == 1)
            throw Missing(VitNames.ClassToken);
        return side % 2 == 1
            ? (side + 1) / 2
            : throw BadInput.Unsupported(
                null,
                $"{_spelled(table)} has {Shape(table, 2)[0]} relative positions; those of windows of n·n tokens are "
                    + "(2n-1)·(2n-1)."
            );
    }

    VitStages Stages(int grid)
    {
        int[] starts = StageStarts();
        List<VitStage> stages = [];
        for (int s = 0; s < starts.Length; s++)
        {
            int first = starts[s];
            int end = s + 1 < starts.Length ? starts[s + 1] : _blocks.Length;
            string table = VitNames.Block(first, RelativeTable);
            int window = Window(first);
            int width = Size(Shape(VitNames.Block(first, "norm1.weight"), 1)[0], Spelled(first, "norm1.weight"));
            int hidden = Size(Shape(VitNames.Block(first, "mlp.fc2.weight"), 2)[1], Spelled(first, "mlp.fc2.weight"));
            int heads = Size(Shape(table, 2)[1], _spelled(table));
            if (width % heads != 0)
                throw BadInput.OutOfRange(
                    null,
                    $"{_spelled(table)} is of {heads} attention heads, which do not divide a width of {width}."
                );
            int side = grid >> s;
            if (side << s != grid || side == 0 || side % window != 0)
                throw BadInput.Unsupported(
                    null,
                    $"{_spelled(table)} is of windows of {window} by {window} tokens, which do not divide the stage's "
                        + $"{(double)grid / (1 << s):0.##} by {(double)grid / (1 << s):0.##} tokens; Retouch opens "
                        + "transformers of several stages whose windows do.",
                    Remedy.Option(Parameter.ImageSize)
                );
            RequirePairs((long)side * side, (long)window * window, table);
            stages.Add(new(end - first, width, heads, hidden, window));
        }
        return new VitStages(stages);
    }

    static void CheckRope(VitConfig config)
    {
        if (config.Block.Rope is not VitRope rope)
            return;
        if (config.Stages.Count > 0)
            throw BadInput.Unsupported(
                null,
                "Rotary positions are stated for a transformer of several stages, which Retouch opens without them.",
                Remedy.LeaveOut(Parameter.Rope)
            );
        if (config.HeadWidth % 4 != 0)
            throw BadInput.Unsupported(
                null,
                $"Rotary positions turn channels of a head by fours; heads of {config.HeadWidth} channels cannot be."
            );
        if (rope.Temperature is not (> 0 and < 1e9) || rope.ReferenceGrid is < 1 or > LongestSide)
            throw BadInput.OutOfRange(null, $"Rotary positions of a period of {rope.Temperature} cannot be meant.");
    }

    void Check(VitConfig config)
    {
        HashSet<string> expected = [.. config.Tensors().Select(t => t.Name)];
        // What does not belong says more of an architecture than what it lacks instead.
        foreach (string name in _shapes.Keys)
        {
            if (!expected.Contains(name))
                throw BadInput.Unsupported(
                    null,
                    $"The tensor {_spelled(name)} does not belong to a ViT as Retouch knows it; "
                        + "this architecture is not supported."
                );
        }
        foreach ((string name, long[] shape) in config.Tensors())
        {
            if (!_shapes.TryGetValue(name, out long[]? found))
                throw Missing(name);
            if (!found.AsSpan().SequenceEqual(shape))
                throw BadInput.Mismatch(
                    null,
                    $"{_spelled(name)} is {Text(found)}; {Text(shape)} was expected beside the "
                        + "model's other tensors."
                );
        }
    }

    const StringComparison Ordinal = StringComparison.Ordinal;

    bool Has(string name) => _shapes.ContainsKey(name);

    bool HasModule(string start) => _shapes.Keys.Any(n => n.StartsWith(start, Ordinal));

    bool AnyBlock(string start) => _blocks.Any(b => b.Any(n => n.StartsWith(start, Ordinal)));

    int FirstBlockWith(string start) => Array.FindIndex(_blocks, b => b.Any(n => n.StartsWith(start, Ordinal)));

    string Spelled(int block, string name) => _spelled(VitNames.Block(block, name));

    static string[][] Blocks(IEnumerable<string> names)
    {
        Dictionary<int, List<string>> blocks = [];
        foreach (string name in names)
        {
            if (VitNames.BlockOf(name) is not int block)
                continue;
            string end = name[VitNames.Block(block, "").Length..];
            (blocks.TryGetValue(block, out List<string>? ends) ? ends : blocks[block] = []).Add(end);
        }
        int most = blocks.Count == 0 ? 0 : blocks.Values.Max(b => b.Count);
        int depth = 0;
        while (blocks.TryGetValue(depth, out List<string>? ends) && 2 * ends.Count >= most)
            depth++;
        return [.. Enumerable.Range(0, depth).Select(i => blocks[i].ToArray())];
    }

    long[] Shape(string name, int rank)
    {
        long[] shape = _shapes.TryGetValue(name, out long[]? found) ? found : throw Missing(name);
        return shape.Length == rank
            ? shape
            : throw BadInput.Mismatch(
                null,
                $"{_spelled(name)} is {Text(shape)}; a tensor of {rank} dimensions was expected."
            );
    }

    static int SquareRoot(long value)
    {
        int root = (int)Math.Round(Math.Sqrt(Math.Max(value, 0)));
        return (long)root * root == value ? root : 0;
    }

    static int Size(long value, string name) =>
        value is > 0 and <= 1 << 20
            ? (int)value
            : throw BadInput.OutOfRange(name, $"{name} has a dimension of {value}.");

    BadInputException Missing(string canonical)
    {
        // Of a module that a model need not have, what is there may be what does not belong.
        string module = canonical.StartsWith(VitNames.Pool(""), Ordinal)
            ? VitNames.Pool("")
            : canonical[..(canonical.LastIndexOf('.') + 1)];
        string? beside = module.Length == 0 ? null : _shapes.Keys.FirstOrDefault(n => n.StartsWith(module, Ordinal));
        return BadInput.Missing(
            _spelled(canonical),
            $"The tensor {_spelled(canonical)} is missing."
                + (beside is null ? "" : $" There is {_spelled(beside)} without it.")
        );
    }

    static string Text(long[] shape) => $"[{string.Join(", ", shape)}]";
}
