namespace Retouch.Vit;

/// <summary>
/// The architecture of a vision transformer (Dosovitskiy et al., "An Image is Worth 16x16 Words", ICLR 2021)
/// of the family that timm's VisionTransformer builds: pre-norm blocks, learned positions, and what its
/// members differ in. Immutable; read from a model's tensors by
/// <see cref="Infer(IReadOnlyDictionary{string, long[]}, VitTraits)"/>.
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

    /// <summary>Whether a [CLS] token stands before the others.</summary>
    public bool ClassToken { get; init; } = true;

    /// <summary>
    /// Register tokens between [CLS] and the patches, R; a distillation token that no head reads is one.
    /// </summary>
    public int Registers { get; init; }

    /// <summary>Whether [CLS] and the registers have positional embeddings, too.</summary>
    public bool PrefixPositions { get; init; } = true;

    /// <summary>Whether the registers have positions where [CLS] has one.</summary>
    public bool RegisterPositions { get; init; } = true;

    /// <summary>Whether the patch projection has a bias.</summary>
    public bool PatchBias { get; init; } = true;

    /// <summary>Whether a norm stands before the first block.</summary>
    public bool PreNorm { get; init; }

    /// <summary>
    /// Whether each branch of a block is scaled channel by channel before it is added (Touvron et al., "Going deeper
    /// with Image Transformers", ICCV 2021).
    /// </summary>
    public bool LayerScale { get; init; }

    /// <summary>The non-linearity of the feed-forward networks: of hidden units, or of their gates.</summary>
    public VitActivation Activation { get; init; }

    /// <summary>What the classifier reads.</summary>
    public VitPooling Pooling { get; init; }

    /// <summary>Whether a norm comes after the pooling, under the name <c>fc_norm</c>.</summary>
    public bool NormAfterPooling
    {
        get;
        init
        {
            field = value;
            LastNorm = !value;
        }
    }

    /// <summary>
    /// Whether a norm stands after the last block, before the pooling; where <see cref="NormAfterPooling"/> is set and
    /// nothing else said, it does not.
    /// </summary>
    public bool LastNorm { get; init; } = true;

    /// <summary>Whether patches have learned positions that are added to them.</summary>
    public bool Positions { get; init; } = true;

    /// <summary>What the blocks have that a plain ViT's have not.</summary>
    public VitBlockForm Block { get; init; } = VitBlockForm.Plain;

    /// <summary>
    /// The stages of a transformer of several, whose last has <see cref="Width"/>, <see cref="Heads"/> and
    /// <see cref="MlpWidth"/>; none for a ViT.
    /// </summary>
    public VitStages Stages { get; init; } = VitStages.None;

    /// <summary>Heads of attention pooling, which divide <see cref="Width"/>; 0 without such pooling.</summary>
    public int PoolHeads { get; init; }

    /// <summary>Hidden units of attention pooling; 0 without.</summary>
    public int PoolMlpWidth { get; init; }

    /// <summary>
    /// Width of the space of class embeddings that a projection leads to, E; 0 where the classifier reads the tokens'.
    /// </summary>
    public int Projection { get; init; }

    /// <summary>
    /// Whether what the classifier reads is scaled to length 1 first: its rows are then class embeddings times the
    /// temperature's inverse.
    /// </summary>
    public bool Cosine { get; init; }

    /// <summary>Patches along one side of the image.</summary>
    public int Grid => ImageSize / PatchSize;

    /// <summary>Tokens in front of the patches: [CLS] and the registers.</summary>
    public int PrefixTokens => (ClassToken ? 1 : 0) + Registers;

    /// <summary>How many of the tokens in front have positions.</summary>
    internal int PositionsInFront =>
        !PrefixPositions ? 0
        : RegisterPositions ? PrefixTokens
        : 1;

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
            PostNorm = Block.PostNorm,
            Rope = Block.Rope ?? VitRope.None,
            ImageSize = ShowsGrid ? null : ImageSize,
            PoolHeads = PoolsByAttention ? PoolHeads : null,
            LastNorm = LastNorm || NormAfterPooling,
            Cosine = Cosine,
        };

    /// <summary>Whether tensors show how many patches an image has.</summary>
    bool ShowsGrid => Positions || (Block.RelativePositions != RelativePositions.None && Stages.Count == 0);

    /// <summary>The canonical name of the last norm's scale.</summary>
    public string LastNormWeight => NormAfterPooling ? VitNames.PoolNormWeight : VitNames.NormWeight;

    /// <summary>The canonical name of the last norm's shift.</summary>
    public string LastNormBias => NormAfterPooling ? VitNames.PoolNormBias : VitNames.NormBias;

    /// <summary>Whether the last block is needed for [CLS] alone.</summary>
    internal bool ReadsClassAlone => Pooling == VitPooling.ClassToken;

    /// <summary>Whether a learned query reads the tokens by attention.</summary>
    internal bool PoolsByAttention => Pooling is VitPooling.Attention or VitPooling.AttentionOverAll;

    /// <summary>Whether the classifier reads one token an image, at the last FFN that makes it.</summary>
    internal bool ReadsOneToken => ReadsClassAlone || PoolsByAttention;

    /// <summary>Whether all blocks are a plain ViT's, which the faster passes and kernels are for.</summary>
    public bool HasPlainBlocks => Block == VitBlockForm.Plain && Stages.Count == 0;

    /// <summary>
    /// Whether it is one of the plain ViTs that timm, transformers and torchvision build alike: what exports to them
    /// can say of a model.
    /// </summary>
    internal bool IsPlain =>
        HasPlainBlocks
        && Positions
        && RegisterPositions
        && Projection == 0
        && !Cosine
        && Pooling is VitPooling.ClassToken or VitPooling.Average
        && LastNorm != NormAfterPooling;

    /// <summary>Whether tensors show the number of heads.</summary>
    internal bool ShowsHeads => Block.RelativePositions != RelativePositions.None || Block.QueryKeyNorm;

    /// <summary>Width of what the classifier reads.</summary>
    internal int HeadInputs =>
        Projection > 0 ? Projection
        : Pooling is VitPooling.ClassAndAverage or VitPooling.ClassAndAverageOfOthers ? 2 * Width
        : Width;

    /// <summary>Numbers that the classifier reads of an image, by two heads of both tokens.</summary>
    internal int Reads => Pooling == VitPooling.TwoHeads ? 2 * Width : HeadInputs;

    /// <summary>
    /// Reads the architecture from tensor shapes under canonical names (<see cref="VitNames"/>) and checks
    /// that every tensor is there with the right shape and that there is none that the model would not use.
    /// </summary>
    /// <param name="shapes">Canonical name to shape.</param>
    /// <param name="traits">What no shape shows; null for what is usual.</param>
    /// <exception cref="BadInputException">A tensor is missing, misshapen or unknown; the message names it.</exception>
    public static VitConfig Infer(IReadOnlyDictionary<string, long[]> shapes, VitTraits? traits = null) =>
        VitInference.Infer(shapes, traits, name => name);

    /// <summary>
    /// Why a method that edits what the classifier reads of [CLS], by hidden units of the last FFN, cannot edit a model
    /// of this architecture, as a clause; null where it can.
    /// </summary>
    internal string? UnfitForClassUnits =>
        !ReadsClassAlone ? "this model's head does not read [CLS] alone"
        : Block.PostNorm ? "this model's norms stand after its FFNs, where a unit's value would not stay what it is"
        : Block.GatedFfn ? "this model's FFNs are gated, and their units are no keys and values"
        : Block.HiddenNorm ? "this model normalizes its FFNs' hidden units, so that each depends on all others"
        : null;

    /// <summary>
    /// Why hidden units cannot be added to the last FFN that makes what the classifier reads
    /// (<see cref="VitModel.TokenFfn"/>), as a clause; null where they can.
    /// </summary>
    internal string? UnfitForMoreUnits =>
        PoolsByAttention ? "this model's attention pooling has a last FFN of its own, whose width files do not state"
        : Stages.Count > 0 ? "the FFNs of this model's stages are each a multiple of their tokens' width"
        : Block.GatedFfn ? "this model's FFNs are gated, with gates of the same width"
        : Block.HiddenNorm ? "this model normalizes its FFNs' hidden units, so that each depends on all others"
        : null;

    /// <summary>Refuses a model for methods that edit what its classifier reads of [CLS].</summary>
    /// <exception cref="BadInputException">The method cannot edit it; the message says why.</exception>
    internal void RequireClassToken(string method)
    {
        if (UnfitForClassUnits is string why)
            throw BadInput.Mismatch(
                null,
                $"{method} edits hidden units of what the classifier reads of the [CLS] token, but {why}; "
                    + "use another method, such as gate or kfac."
            );
    }

    /// <summary>Canonical names and shapes of all tensors of a model with this architecture.</summary>
    public IEnumerable<(string Name, long[] Shape)> Tensors()
    {
        long d = At(0).Width;
        if (ClassToken)
            yield return (VitNames.ClassToken, [1, 1, d]);
        if (Registers > 0)
            yield return (VitNames.Registers, [1, Registers, d]);
        if (Positions)
            yield return (VitNames.Positions, [1, (long)Grid * Grid + PositionsInFront, d]);
        yield return (VitNames.PatchWeight, [d, 3, PatchSize, PatchSize]);
        if (PatchBias)
            yield return (VitNames.PatchBias, [d]);
        if (PreNorm)
        {
            yield return (VitNames.PreNormWeight, [d]);
            yield return (VitNames.PreNormBias, [d]);
        }
        if (Block.RelativePositions is RelativePositions.Shared or RelativePositions.EachBlockAndShared)
            yield return (VitNames.SharedRelativeTable, [RelativeCount(At(0)), Heads]);
        for (int i = 0; i < Depth; i++)
        {
            foreach ((string name, long[] shape) in OfBlock(i))
                yield return (VitNames.Block(i, name), shape);
        }
        foreach ((string name, long[] shape) in OfReadout())
            yield return (name, shape);
    }

    /// <summary>What a block is by its place.</summary>
    /// <param name="block">Zero-based.</param>
    internal VitPlace At(int block)
    {
        int first = 0;
        for (int s = 0; s < Stages.Count; s++)
        {
            VitStage stage = Stages[s];
            if (block < first + stage.Depth)
            {
                return new(
                    stage.Width,
                    stage.Heads,
                    stage.MlpWidth,
                    Grid >> s,
                    stage.Window,
                    Shifts: (block - first) % 2 == 1,
                    Merges: s > 0 && block == first
                );
            }
            first += stage.Depth;
        }
        return new(Width, Heads, MlpWidth, Grid);
    }

    /// <summary>How many biases by relative position a head has in a block.</summary>
    internal static int RelativeCount(VitPlace place)
    {
        int side = 2 * (place.Window > 0 ? place.Window : place.Grid) - 1;
        // Those of [CLS] with patches, of patches with [CLS], and of [CLS] with itself come last.
        return side * side + (place.Window > 0 ? 0 : 3);
    }

    IEnumerable<(string Name, long[] Shape)> OfBlock(int index)
    {
        VitPlace place = At(index);
        long d = place.Width;
        long h = place.MlpWidth;
        if (place.Merges)
        {
            long merged = 4L * At(index - 1).Width;
            yield return ("merge.norm.weight", [merged]);
            yield return ("merge.norm.bias", [merged]);
            yield return ("merge.reduction.weight", [d, merged]);
        }
        yield return ("norm1.weight", [d]);
        yield return ("norm1.bias", [d]);
        yield return ("attn.qkv.weight", [3 * d, d]);
        if (QkvBias)
            yield return ("attn.qkv.bias", [3 * d]);
        if (Block.RelativePositions is RelativePositions.EachBlock or RelativePositions.EachBlockAndShared)
            yield return ("attn.relative_position_bias_table", [RelativeCount(place), place.Heads]);
        if (Block.QueryKeyNorm)
        {
            foreach (string part in (string[])["attn.q_norm.", "attn.k_norm."])
            {
                yield return (part + "weight", [d / place.Heads]);
                yield return (part + "bias", [d / place.Heads]);
            }
        }
        if (Block.MixedNorm)
        {
            yield return ("attn.norm.weight", [d]);
            yield return ("attn.norm.bias", [d]);
        }
        yield return ("attn.proj.weight", [d, d]);
        yield return ("attn.proj.bias", [d]);
        if (LayerScale)
            yield return ("ls1.gamma", [d]);
        yield return ("norm2.weight", [d]);
        yield return ("norm2.bias", [d]);
        if (Block.GatedFfn)
        {
            yield return ("mlp.gate.weight", [h, d]);
            yield return ("mlp.gate.bias", [h]);
        }
        yield return ("mlp.fc1.weight", [h, d]);
        yield return ("mlp.fc1.bias", [h]);
        if (Block.HiddenNorm)
        {
            yield return ("mlp.norm.weight", [h]);
            yield return ("mlp.norm.bias", [h]);
        }
        yield return ("mlp.fc2.weight", [d, h]);
        yield return ("mlp.fc2.bias", [d]);
        if (LayerScale)
            yield return ("ls2.gamma", [d]);
    }

    IEnumerable<(string Name, long[] Shape)> OfReadout()
    {
        long d = Width;
        if (LastNorm)
        {
            yield return (VitNames.NormWeight, [d]);
            yield return (VitNames.NormBias, [d]);
        }
        if (PoolsByAttention)
        {
            yield return (VitNames.Pool("latent"), [1, 1, d]);
            yield return (VitNames.Pool("qkv.weight"), [3 * d, d]);
            yield return (VitNames.Pool("qkv.bias"), [3 * d]);
            yield return (VitNames.Pool("proj.weight"), [d, d]);
            yield return (VitNames.Pool("proj.bias"), [d]);
            yield return (VitNames.Pool("norm.weight"), [d]);
            yield return (VitNames.Pool("norm.bias"), [d]);
            yield return (VitNames.Pool("mlp.fc1.weight"), [PoolMlpWidth, d]);
            yield return (VitNames.Pool("mlp.fc1.bias"), [PoolMlpWidth]);
            yield return (VitNames.Pool("mlp.fc2.weight"), [d, PoolMlpWidth]);
            yield return (VitNames.Pool("mlp.fc2.bias"), [d]);
        }
        if (NormAfterPooling)
        {
            yield return (VitNames.PoolNormWeight, [d]);
            yield return (VitNames.PoolNormBias, [d]);
        }
        if (Projection > 0)
            yield return (VitNames.Projection, [Projection, d]);
        yield return (VitNames.HeadWeight, [Classes, HeadInputs]);
        yield return (VitNames.HeadBias, [Classes]);
        if (Pooling == VitPooling.TwoHeads)
        {
            yield return (VitNames.SecondHeadWeight, [Classes, d]);
            yield return (VitNames.SecondHeadBias, [Classes]);
        }
    }
}
