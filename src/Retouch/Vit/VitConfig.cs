namespace Retouch.Vit;

/// <summary>
/// The architecture of a plain vision transformer (Dosovitskiy et al., "An Image is Worth 16x16 Words",
/// ICLR 2021), as timm builds it: pre-norm blocks, learned positions, a [CLS] token, exact GELU.
/// Immutable; read from a model's tensors by <see cref="Infer"/>.
/// </summary>
public sealed record VitConfig
{
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

    /// <summary>Patches along one side of the image.</summary>
    public int Grid => ImageSize / PatchSize;

    /// <summary>Tokens an image, T: one a patch, and [CLS] in front.</summary>
    public int Tokens => Grid * Grid + 1;

    /// <summary>Width of one attention head.</summary>
    public int HeadWidth => Width / Heads;

    /// <summary>
    /// Reads the architecture from tensor shapes under canonical names (<see cref="VitNames"/>) and checks
    /// that every tensor is there with the right shape and that there is none that the model would not use.
    /// </summary>
    /// <param name="shapes">Canonical name to shape.</param>
    /// <param name="heads">
    /// The number of heads, which no shape shows; null takes one head for 64 channels, as every published
    /// ViT from Ti to L has.
    /// </param>
    /// <exception cref="BadInputException">A tensor is missing, misshapen or unknown; the message names it.</exception>
    public static VitConfig Infer(IReadOnlyDictionary<string, long[]> shapes, int? heads = null)
    {
        long[] patch = Shape(VitNames.PatchWeight, 4);
        int width = Size(patch[0], VitNames.PatchWeight), patchSize = Size(patch[2], VitNames.PatchWeight);
        if (patch[1] != 3 || patch[2] != patch[3])
            throw new BadInputException($"{VitNames.PatchWeight} is {Text(patch)}; Retouch edits ViTs with square patches of 3 channels.");

        int depth = 0;
        while (shapes.ContainsKey(VitNames.Block(depth, "norm1.weight")))
            depth++;
        if (depth == 0)
            throw Missing(VitNames.Block(0, "norm1.weight"));
        int hidden = Size(Shape(VitNames.Block(0, "mlp.fc1.weight"), 2)[0], VitNames.Block(0, "mlp.fc1.weight"));
        int classes = Size(Shape(VitNames.HeadWeight, 2)[0], VitNames.HeadWeight);
        long positions = Shape(VitNames.Positions, 3)[1];
        int grid = (int)Math.Round(Math.Sqrt(Math.Max(positions - 1, 0)));
        if (grid < 1 || grid > 4096 || (long)grid * grid + 1 != positions)
            throw new BadInputException($"{VitNames.Positions} has {positions} positions; a square grid of patches and one [CLS] token need n·n + 1.");

        if (heads is null && width % 64 != 0)
            throw new BadInputException($"The number of attention heads cannot be told from a width of {width}; state it (published ViTs have width ÷ 64).");
        int headCount = heads ?? width / 64;
        if (headCount < 1 || width % headCount != 0)
            throw new BadInputException($"{headCount} attention heads do not divide a width of {width}.");

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
        };
        config.Check(shapes);
        return config;

        long[] Shape(string name, int rank)
        {
            long[] shape = shapes.TryGetValue(name, out long[]? found) ? found : throw Missing(name);
            return shape.Length == rank ? shape : throw new BadInputException($"{name} is {Text(shape)}; a tensor of {rank} dimensions was expected.");
        }
    }

    /// <summary>Canonical names and shapes of all tensors of a model with this architecture.</summary>
    public IEnumerable<(string Name, long[] Shape)> Tensors()
    {
        long d = Width, h = MlpWidth;
        yield return (VitNames.ClassToken, [1, 1, d]);
        yield return (VitNames.Positions, [1, Tokens, d]);
        yield return (VitNames.PatchWeight, [d, 3, PatchSize, PatchSize]);
        yield return (VitNames.PatchBias, [d]);
        for (int i = 0; i < Depth; i++)
        {
            yield return (VitNames.Block(i, "norm1.weight"), [d]);
            yield return (VitNames.Block(i, "norm1.bias"), [d]);
            yield return (VitNames.Block(i, "attn.qkv.weight"), [3 * d, d]);
            if (QkvBias)
                yield return (VitNames.Block(i, "attn.qkv.bias"), [3 * d]);
            yield return (VitNames.Block(i, "attn.proj.weight"), [d, d]);
            yield return (VitNames.Block(i, "attn.proj.bias"), [d]);
            yield return (VitNames.Block(i, "norm2.weight"), [d]);
            yield return (VitNames.Block(i, "norm2.bias"), [d]);
            yield return (VitNames.Block(i, "mlp.fc1.weight"), [h, d]);
            yield return (VitNames.Block(i, "mlp.fc1.bias"), [h]);
            yield return (VitNames.Block(i, "mlp.fc2.weight"), [d, h]);
            yield return (VitNames.Block(i, "mlp.fc2.bias"), [d]);
        }
        yield return (VitNames.NormWeight, [d]);
        yield return (VitNames.NormBias, [d]);
        yield return (VitNames.HeadWeight, [Classes, d]);
        yield return (VitNames.HeadBias, [Classes]);
    }

    void Check(IReadOnlyDictionary<string, long[]> shapes)
    {
        HashSet<string> expected = [];
        foreach ((string name, long[] shape) in Tensors())
        {
            if (!shapes.TryGetValue(name, out long[]? found))
                throw Missing(name);
            if (!found.AsSpan().SequenceEqual(shape))
                throw new BadInputException($"{name} is {Text(found)}; {Text(shape)} was expected beside the model's other tensors.");
            expected.Add(name);
        }
        foreach (string name in shapes.Keys)
        {
            if (!expected.Contains(name))
                throw new BadInputException($"The tensor {name} does not belong to a plain ViT; this architecture is not supported.");
        }
    }

    static int Size(long value, string name) =>
        value is > 0 and <= 1 << 20 ? (int)value : throw new BadInputException($"{name} has a dimension of {value}.");

    static BadInputException Missing(string name) => new($"The tensor {name} is missing.");

    static string Text(long[] shape) => $"[{string.Join(", ", shape)}]";
}
