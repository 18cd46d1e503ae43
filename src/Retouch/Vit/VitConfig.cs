namespace Retouch.Vit;

/// <summary>
/// The architecture of a vision transformer (Dosovitskiy et al., "An Image is Worth 16x16 Words", ICLR 2021)
/// of the family that timm's VisionTransformer builds: pre-norm blocks, learned positions, and what its
/// members differ in. Immutable; read from a model's tensors by
/// <see cref="Infer(IReadOnlyDictionary{string, long[]}, VitTraits)"/>.
/// </summary>
public sealed record VitConfig
{
    // The published ViTs whose heads are wider than 64 channels: H, g, G and so400m.
    static readonly Dictionary<int, int> HeadsOfWidth = new()
    {
        [1280] = 16,
        [1408] = 16,
        [1664] = 16,
        [1152] = 16,
    };

    /// <summary>Height and width of the input in pixels.</summary>
    public required int ImageSize { get; init; }

    /// <summary>Height and width of a patch in pixels; divides <see cref="ImageSize"/>.</summary>
    public required int PatchSize { get; init; }

    /// <summary>Width of a token, D.</summary>
    public required int Width { get; init; }

    /// <summary>Number of transformer blocks.</summary>
    public required int Depth { get; init; }

    /// <summary>Number of attention heads; divides <see cref="Width"/>.</summary>
    public required int Heads { get; init; }

    /// <summary>Number of hidden units of a feed-forward network, H.</summary>
    public required int MlpWidth { get; init; }

    /// <summary>Number of classes, C.</summary>
    public required int Classes { get; init; }

    /// <summary>Whether the query, key and value projections have biases.</summary>
    public required bool QkvBias { get; init; }

    /// <summary>The constant that layer normalization adds to the variance.</summary>
    public double NormEpsilon { get; init; } = 1e-6;

    /// <summary>Whether a [CLS] token stands before the others.</summary>
    public bool ClassToken { get; init; } = true;

    /// <summary>
    /// Register tokens between [CLS] and the patches, R; a distillation token that no head reads is one.
    /// </summary>
    public int Registers { get; init; }

    /// <summary>Whether [CLS] and the registers have positional embeddings, too.</summary>
    public bool PrefixPositions { get; init; } = true;

    /// <summary>Whether the patch projection has a bias.</summary>
    public bool PatchBias { get; init; } = true;

    /// <summary>Whether a norm stands before the first block.</summary>
    public bool PreNorm { get; init; }

    /// <summary>
    /// Whether each branch of a block is scaled channel by channel before it is added (Touvron et al., "Going deeper
    /// with Image Transformers", ICCV 2021).
    /// </summary>
    public bool LayerScale { get; init; }

    /// <summary>The non-linearity of the feed-forward networks.</summary>
    public VitActivation Activation { get; init; }

    /// <summary>What the classifier reads.</summary>
    public VitPooling Pooling { get; init; }

    /// <summary>
    /// Whether the last norm comes after the pooling, under the name <c>fc_norm</c>, instead of before it.
    /// </summary>
    public bool NormAfterPooling { get; init; }

    /// <summary>Patches along one side of the image.</summary>
    public int Grid => ImageSize / PatchSize;

    /// <summary>Tokens in front of the patches: [CLS] and the registers.</summary>
    public int PrefixTokens => (ClassToken ? 1 : 0) + Registers;

    /// <summary>Tokens an image, T: those in front, and one a patch.</summary>
    public int Tokens => Grid * Grid + PrefixTokens;

    /// <summary>Width of one attention head.</summary>
    public int HeadWidth => Width / Heads;

    /// <summary>What no tensor shows of this architecture.</summary>
    public VitTraits Traits =>
        new()
        {
            Heads = Heads,
            Activation = Activation,
            NormEpsilon = NormEpsilon,
            Pooling = Pooling,
        };

    /// <summary>The canonical name of the last norm's scale.</summary>
    public string LastNormWeight => NormAfterPooling ? VitNames.PoolNormWeight : VitNames.NormWeight;

    /// <summary>The canonical name of the last norm's shift.</summary>
    public string LastNormBias => NormAfterPooling ? VitNames.PoolNormBias : VitNames.NormBias;

    /// <summary>Whether the last block is needed for [CLS] alone.</summary>
    internal bool ReadsClassAlone => Pooling == VitPooling.ClassToken;

    /// <summary>
    /// Reads the architecture from tensor shapes under canonical names (<see cref="VitNames"/>) and checks
    /// that every tensor is there with the right shape and that there is none that the model would not use.
    /// </summary>
    /// <param name="shapes">Canonical name to shape.</param>
    /// <param name="traits">What no shape shows; null for what is usual.</param>
    /// <exception cref="BadInputException">A tensor is missing, misshapen or unknown; the message names it.</exception>
    public static VitConfig Infer(IReadOnlyDictionary<string, long[]> shapes, VitTraits? traits = null) =>
        Infer(shapes, traits, name => name);

    /// <summary>The same, with tensors named in messages as a file names them.</summary>
    /// <param name="shapes">Canonical name to shape.</param>
    /// <param name="traits">What no shape shows; null for what is usual.</param>
    /// <param name="spelled">From a canonical name to the file's.</param>
    /// <exception cref="BadInputException">A tensor is missing, misshapen or unknown; the message names it.</exception>
    internal static VitConfig Infer(
        IReadOnlyDictionary<string, long[]> shapes,
        VitTraits? traits,
        Func<string, string> spelled
    )
    {
        ForeignTensors.Refuse(shapes.Keys);
        traits ??= new();
        long[] patch = Shape(VitNames.PatchWeight, 4);
        int width = Size(patch[0], spelled(VitNames.PatchWeight));
        int patchSize = Size(patch[2], spelled(VitNames.PatchWeight));
        if (patch[1] != 3 || patch[2] != patch[3])
            throw BadInput.Unsupported(
                null,
                $"{spelled(VitNames.PatchWeight)} is {Text(patch)}; Retouch edits ViTs with "
                    + "square patches of 3 channels."
            );

        int depth = 0;
        while (shapes.ContainsKey(VitNames.Block(depth, "norm1.weight")))
            depth++;
        if (depth == 0)
            throw Missing(spelled(VitNames.Block(0, "norm1.weight")));
        string firstLinear = VitNames.Block(0, "mlp.fc1.weight");
        int hidden = Size(Shape(firstLinear, 2)[0], spelled(firstLinear));
        int classes = Size(Shape(VitNames.HeadWeight, 2)[0], spelled(VitNames.HeadWeight));
        bool classToken = shapes.ContainsKey(VitNames.ClassToken);
        bool normAfterPooling = shapes.ContainsKey(VitNames.PoolNormWeight);
        int registers = shapes.ContainsKey(VitNames.Registers)
            ? Size(Shape(VitNames.Registers, 3)[1], spelled(VitNames.Registers))
            : 0;
        long positions = Shape(VitNames.Positions, 3)[1];
        int prefix = registers + (classToken ? 1 : 0);
        // Registers usually have no positions.
        (int grid, bool prefixPositions) = ((bool[])(registers > 0 ? [false, true] : [true, false]))
            .Select(p => (SquareRoot(positions - (p ? prefix : 0)), p))
            .FirstOrDefault(g => g.Item1 is >= 1 and <= 4096);
        if (grid == 0)
            throw BadInput.OutOfRange(
                null,
                $"{spelled(VitNames.Positions)} has {positions} positions; a square grid of "
                    + $"patches needs n·n, and {prefix} more where the tokens in front have positions, too."
            );
        VitPooling pooling =
            traits.Pooling ?? (classToken && !normAfterPooling ? VitPooling.ClassToken : VitPooling.Average);
        if (pooling == VitPooling.ClassToken && !classToken)
            throw Missing(spelled(VitNames.ClassToken));

        int? usual =
            HeadsOfWidth.TryGetValue(width, out int published) ? published
            : width % 64 == 0 ? width / 64
            : null;
        if (traits.Heads is null && usual is null)
            throw BadInput.Missing(
                null,
                $"The number of attention heads cannot be told from a width of {width} "
                    + "(published ViTs have width ÷ 64).",
                Remedy.Option(Parameter.Heads)
            );
        int headCount = traits.Heads ?? usual!.Value;
        if (headCount < 1 || width % headCount != 0)
            throw BadInput.OutOfRange(null, $"{headCount} attention heads do not divide a width of {width}.");
        if (traits.NormEpsilon is double epsilon && epsilon is not (> 0 and < 1))
            throw BadInput.OutOfRange(null, $"A norm's epsilon of {epsilon} is not between 0 and 1.");
        bool preNorm = shapes.ContainsKey(VitNames.PreNormWeight);

        VitConfig config = new()
        {
            ImageSize = checked(grid * patchSize),
            PatchSize = patchSize,
            Width = width,
            Depth = depth,
            Heads = headCount,
            MlpWidth = hidden,
            Classes = classes,
            QkvBias = shapes.ContainsKey(VitNames.Block(0, "attn.qkv.bias")),
            NormEpsilon = traits.NormEpsilon ?? 1e-6,
            ClassToken = classToken,
            Registers = registers,
            PrefixPositions = prefixPositions || prefix == 0,
            PatchBias = shapes.ContainsKey(VitNames.PatchBias),
            PreNorm = preNorm,
            LayerScale = shapes.ContainsKey(VitNames.Block(0, "ls1.gamma")),
            Activation = traits.Activation ?? VitActivation.Gelu,
            Pooling = pooling,
            NormAfterPooling = normAfterPooling,
        };
        config.Check(shapes, spelled);
        return config;

        long[] Shape(string name, int rank)
        {
            long[] shape = shapes.TryGetValue(name, out long[]? found) ? found : throw Missing(spelled(name));
            return shape.Length == rank
                ? shape
                : throw BadInput.Mismatch(
                    null,
                    $"{spelled(name)} is {Text(shape)}; a " + $"tensor of {rank} dimensions was expected."
                );
        }
    }

    /// <summary>Refuses a model whose classifier does not read [CLS], for methods that edit what it reads.</summary>
    /// <exception cref="BadInputException">It reads the average of the patches.</exception>
    internal void RequireClassToken(string method)
    {
        if (!ReadsClassAlone)
            throw BadInput.Mismatch(
                null,
                $"{method} edits what the classifier reads of the [CLS] token, but this model averages its patches; "
                    + "use another method, such as masked fine-tuning or kfac."
            );
    }

    /// <summary>Canonical names and shapes of all tensors of a model with this architecture.</summary>
    public IEnumerable<(string Name, long[] Shape)> Tensors()
    {
        long d = Width;
        long h = MlpWidth;
        if (ClassToken)
            yield return (VitNames.ClassToken, [1, 1, d]);
        if (Registers > 0)
            yield return (VitNames.Registers, [1, Registers, d]);
        yield return (VitNames.Positions, [1, (long)Grid * Grid + (PrefixPositions ? PrefixTokens : 0), d]);
        yield return (VitNames.PatchWeight, [d, 3, PatchSize, PatchSize]);
        if (PatchBias)
            yield return (VitNames.PatchBias, [d]);
        if (PreNorm)
        {
            yield return (VitNames.PreNormWeight, [d]);
            yield return (VitNames.PreNormBias, [d]);
        }
        for (int i = 0; i < Depth; i++)
        {
            yield return (VitNames.Block(i, "norm1.weight"), [d]);
            yield return (VitNames.Block(i, "norm1.bias"), [d]);
            yield return (VitNames.Block(i, "attn.qkv.weight"), [3 * d, d]);
            if (QkvBias)
                yield return (VitNames.Block(i, "attn.qkv.bias"), [3 * d]);
            yield return (VitNames.Block(i, "attn.proj.weight"), [d, d]);
            yield return (VitNames.Block(i, "attn.proj.bias"), [d]);
            if (LayerScale)
                yield return (VitNames.Block(i, "ls1.gamma"), [d]);
            yield return (VitNames.Block(i, "norm2.weight"), [d]);
            yield return (VitNames.Block(i, "norm2.bias"), [d]);
            yield return (VitNames.Block(i, "mlp.fc1.weight"), [h, d]);
            yield return (VitNames.Block(i, "mlp.fc1.bias"), [h]);
            yield return (VitNames.Block(i, "mlp.fc2.weight"), [d, h]);
            yield return (VitNames.Block(i, "mlp.fc2.bias"), [d]);
            if (LayerScale)
                yield return (VitNames.Block(i, "ls2.gamma"), [d]);
        }
        yield return (LastNormWeight, [d]);
        yield return (LastNormBias, [d]);
        yield return (VitNames.HeadWeight, [Classes, d]);
        yield return (VitNames.HeadBias, [Classes]);
    }

    void Check(IReadOnlyDictionary<string, long[]> shapes, Func<string, string> spelled)
    {
        HashSet<string> expected = [.. Tensors().Select(t => t.Name)];
        // What does not belong says more of an architecture than what it lacks instead.
        foreach (string name in shapes.Keys)
        {
            if (!expected.Contains(name))
                throw BadInput.Unsupported(
                    null,
                    $"The tensor {spelled(name)} does not belong to a ViT as Retouch knows it; "
                        + "this architecture is not supported."
                );
        }
        foreach ((string name, long[] shape) in Tensors())
        {
            if (!shapes.TryGetValue(name, out long[]? found))
                throw Missing(spelled(name));
            if (!found.AsSpan().SequenceEqual(shape))
                throw BadInput.Mismatch(
                    null,
                    $"{spelled(name)} is {Text(found)}; {Text(shape)} was expected beside the "
                        + "model's other tensors."
                );
        }
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

    static BadInputException Missing(string name) => BadInput.Missing(name, $"The tensor {name} is missing.");

    static string Text(long[] shape) => $"[{string.Join(", ", shape)}]";
}
