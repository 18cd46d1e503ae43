using Retouch.Vit;
using static TorchSharp.torch;

namespace Retouch.Formats;

/// <summary>
/// A model's forward as an ONNX graph, piece by piece as <see cref="VitModel"/> computes it. Its tensors lie in the
/// caller's dispose scope, until the graph is written.
/// </summary>
sealed class OnnxVit(VitModel model)
{
    readonly VitConfig _config = model.Config;
    readonly OnnxGraph _graph = new(
        "vision_transformer",
        "Made by Retouch. Weights have timm's names; .T stands for transposed."
    );

    /// <summary>The graph; once.</summary>
    public ProtoMessage Graph()
    {
        string x = Embed();
        if (_config.PreNorm)
            x = Norm("norm_pre", x, VitNames.PreNormWeight, VitNames.PreNormBias);
        for (int i = 0; i < _config.Depth; i++)
        {
            VitPlace place = _config.At(i);
            string block = VitNames.Block(i, "");
            if (place.Merges)
                x = Merge(block + "merge", x, place.Grid, _config.At(i - 1).Width);
            x = Branch(block, 1, x, input => Attention(block + "attn.", place, input));
            x = Branch(block, 2, x, input => FeedForward(block + "mlp.", input));
        }
        Classify(Readout(x));
        return _graph.Finish(
            (OnnxExport.Input, ["batch", 3, _config.ImageSize, _config.ImageSize]),
            (OnnxExport.Output, ["batch", _config.Classes])
        );
    }

    string Weight(string name) => _graph.Weight(name, model.Tensors[name]);

    // A residual sum, with the norm before the branch or after it.
    string Branch(string block, int number, string x, Func<string, string> branch)
    {
        string norm = $"{block}norm{number}";
        string Normed(string input) => Norm(norm, input, norm + ".weight", norm + ".bias");

        string read = _config.Block.PostNorm ? x : Normed(x);
        string given = Scaled($"{block}ls{number}", branch(read));
        return _graph.Node("Add", $"{block}residual{number}", [x, _config.Block.PostNorm ? Normed(given) : given]);
    }

    string Embed()
    {
        long patch = _config.PatchSize;
        long width = _config.At(0).Width;
        string[] bias = _config.PatchBias ? [Weight(VitNames.PatchBias)] : [];
        string patches = _graph.Node(
            "Conv",
            "patch_embed.conv",
            [OnnxExport.Input, Weight(VitNames.PatchWeight), .. bias],
            ("kernel_shape", (long[])[patch, patch]),
            ("strides", (long[])[patch, patch])
        );
        patches = _graph.Node("Reshape", "patch_embed.flat", [patches, _graph.Constant(0, width, -1)]);
        // [B,G·G,D]
        patches = _graph.Node("Transpose", "patch_embed.tokens", [patches], ("perm", (long[])[0, 2, 1]));
        if (_config.Positions && !_config.PrefixPositions)
            patches = _graph.Node("Add", "patch_embed.placed", [patches, Weight(VitNames.Positions)]);
        string[] prefix = [.. ((string[])[VitNames.ClassToken, VitNames.Registers]).Where(model.Tensors.ContainsKey)];
        string[] expanded = [];
        if (prefix.Length > 0)
        {
            string batch = _graph.Node("Shape", "batch_size", [OnnxExport.Input], ("start", 0), ("end", 1));
            expanded = [.. prefix.Select(name => Expanded(name, batch, width))];
        }
        // Registers without positions come between when those are added.
        string? late = _config.PrefixPositions && !_config.RegisterPositions ? expanded[^1] : null;
        if (late is not null)
            expanded = expanded[..^1];
        if (expanded.Length > 0)
            patches = _graph.Node("Concat", "tokens", [.. expanded, patches], ("axis", 1));
        if (_config.Positions && _config.PrefixPositions)
            patches = _graph.Node("Add", "tokens.placed", [patches, Weight(VitNames.Positions)]);
        return late is null
            ? patches
            : _graph.Node(
                "Concat",
                "tokens.registered",
                [Slice("tokens.first", patches, 1, 0, 1), late, Slice("tokens.others", patches, 1, 1, long.MaxValue)],
                ("axis", 1)
            );
    }

    string Expanded(string name, string batch, long width) =>
        _graph.Node(
            "Expand",
            name + ".expanded",
            [
                Weight(name),
                _graph.Node(
                    "Concat",
                    name + ".shape",
                    [batch, _graph.Constant(model.Tensors[name].shape[1], width)],
                    ("axis", 0)
                ),
            ]
        );

    // Four neighbouring tokens as one, [B,4·G·G,D'] to [B,G·G,D].
    string Merge(string name, string x, long grid, long width)
    {
        string four = _graph.Node("Reshape", name + ".split", [x, _graph.Constant(-1, grid, 2, grid, 2, width)]);
        four = _graph.Node("Transpose", name + ".turned", [four], ("perm", (long[])[0, 1, 3, 4, 2, 5]));
        four = _graph.Node("Reshape", name + ".four", [four, _graph.Constant(-1, grid * grid, 4 * width)]);
        return Linear(
            name + ".reduction",
            Norm(name + ".norm", four, name + ".norm.weight", name + ".norm.bias"),
            bias: false
        );
    }

    string Attention(string name, VitPlace place, string input)
    {
        long heads = place.Heads;
        long channels = place.Width / heads;
        int shift = place.Window > 0 ? Windows.Shift(place, place.Grid) : 0;
        if (place.Window > 0)
            input = Cut(name, place, shift, input);
        string fused = Linear(name + "qkv", input, _config.QkvBias);
        string[] parts = _graph.Nodes(
            "Split",
            name + "split",
            [fused],
            [name + "q", name + "k", name + "v"],
            ("axis", 2)
        );
        // Whatever is done to keys is done before they are turned.
        bool plain = !_config.Block.QueryKeyNorm && _config.Block.Rope is null;
        string[] split = [.. parts.Select((part, i) => Heads(part, heads, channels, turned: i == 1 && plain))];
        if (!plain)
        {
            split[0] = Placed(name + "q", split[0]);
            split[1] = _graph.Node(
                "Transpose",
                name + "k.turned",
                [Placed(name + "k", split[1])],
                ("perm", (long[])[0, 1, 3, 2])
            );
        }
        string scores = Scores(name, split[0], split[1], channels);
        if (_config.Block.RelativePositions != RelativePositions.None)
            scores = Biased(name, place, shift, scores);
        string mixed = Mixed(name, scores, split[2]);
        mixed = _graph.Node(
            "Reshape",
            name + "merged",
            [
                _graph.Node("Transpose", name + "tokens", [mixed], ("perm", (long[])[0, 2, 1, 3])),
                _graph.Constant(0, 0, place.Width),
            ]
        );
        if (_config.Block.MixedNorm)
            mixed = Norm(name + "norm", mixed, name + "norm.weight", name + "norm.bias");
        string projected = Linear(name + "proj", mixed);
        return place.Window > 0 ? Joined(name, place, shift, projected) : projected;
    }

    // Tokens split by heads, [B,heads,T,D/heads], or turned for a product with others, [B,heads,D/heads,T].
    string Heads(string x, long heads, long channels, bool turned) =>
        _graph.Node(
            "Transpose",
            x + ".heads",
            [_graph.Node("Reshape", x + ".split", [x, _graph.Constant(0, 0, heads, channels)])],
            ("perm", turned ? (long[])[0, 2, 3, 1] : [0, 2, 1, 3])
        );

    string Scores(string name, string queries, string keys, long channels) =>
        _graph.Node(
            "Mul",
            name + "scaled",
            [_graph.Node("MatMul", name + "scores", [queries, keys]), _graph.Constant((float)(1 / Math.Sqrt(channels)))]
        );

    string Mixed(string name, string scores, string values) =>
        _graph.Node(
            "MatMul",
            name + "mixed",
            [_graph.Node("Softmax", name + "weights", [scores], ("axis", -1)), values]
        );

    // Queries or keys of heads, normalized and turned, [B,heads,T,D/heads].
    string Placed(string name, string x)
    {
        if (_config.Block.QueryKeyNorm)
            x = Norm(name + "_norm", x, name + "_norm.weight", name + "_norm.bias");
        if (_config.Block.Rope is not VitRope rope)
            return x;
        Tensor angles = PositionTables.Angles(rope, _config.Grid, _config.HeadWidth); // [2,P,D/heads]
        long[] front = [_config.PrefixTokens, _config.HeadWidth];
        // The tokens in front stay as they are.
        angles = cat([stack([ones(front), zeros(front)]), angles], 1);
        string cosines = _graph.Shared("rope.cosines", () => angles[0].contiguous());
        string sines = _graph.Shared("rope.sines", () => angles[1].contiguous());
        // Each channel's partner, with its sign: half of a head away, or beside it.
        string partners = _graph.Shared(
            "rope.partners",
            () =>
            {
                int width = _config.HeadWidth;
                float[] matrix = new float[width * width];
                for (int k = 0; k < width / 2; k++)
                {
                    (int one, int other) = rope.Halves ? (k, k + width / 2) : (2 * k, 2 * k + 1);
                    matrix[other * width + one] = -1;
                    matrix[one * width + other] = 1;
                }
                return tensor(matrix, [width, width], ScalarType.Float32);
            }
        );
        string across = _graph.Node("MatMul", name + ".across", [x, partners]);
        return _graph.Node(
            "Add",
            name + ".rotated",
            [_graph.Node("Mul", name + ".along", [x, cosines]), _graph.Node("Mul", name + ".aside", [across, sines])]
        );
    }

    // Scores of attention with their biases by relative position, and pairs that a shifted window keeps apart.
    string Biased(string name, VitPlace place, int shift, string scores)
    {
        bool windowed = place.Window > 0;
        int side = windowed ? place.Window : place.Grid;
        Tensor pairs = PositionTables.Pairs(side, windowed); // [T,T]
        long tokens = pairs.shape[0];
        string places = _graph.Shared($"pairs_{side}_{(windowed ? 1 : 0)}", () => pairs);
        string own = name + "relative_position_bias_table";
        string[] tables = [.. ((string[])[own, VitNames.SharedRelativeTable]).Where(model.Tensors.ContainsKey)];
        string[] weights = [.. tables.Select(t => t == own ? Weight(t) : _graph.Shared(t, () => model.Tensors[t]))];
        string table = weights is [string one] ? one : _graph.Node("Add", name + "table", weights);
        string bias = _graph.Node(
            "Transpose",
            name + "bias",
            [_graph.Node("Gather", name + "bias.pairs", [table, places], ("axis", 0))],
            ("perm", (long[])[2, 0, 1])
        ); // [heads,T,T]
        scores = _graph.Node("Add", name + "biased", [scores, bias]);
        if (shift == 0)
            return scores;
        long windows = (long)place.Grid / place.Window * (place.Grid / place.Window);
        string apart = _graph.Shared(
            $"apart_{place.Grid}_{place.Window}",
            () => PositionTables.KeptApart(place.Grid, place.Window, shift)
        ); // [windows,1,T,T]
        string images = _graph.Node(
            "Reshape",
            name + "windows",
            [scores, _graph.Constant(-1, windows, place.Heads, tokens, tokens)]
        );
        return _graph.Node(
            "Reshape",
            name + "masked",
            [_graph.Node("Add", name + "apart", [images, apart]), _graph.Constant(-1, place.Heads, tokens, tokens)]
        );
    }

    // As Windows cuts and joins.
    string Cut(string name, VitPlace place, int shift, string x)
    {
        (long grid, long window, long width) = (place.Grid, place.Window, place.Width);
        string image = _graph.Node("Reshape", name + "image", [x, _graph.Constant(-1, grid, grid, width)]);
        if (shift > 0)
            image = Rolled(name + "shift", image, shift);
        string cut = _graph.Node(
            "Reshape",
            name + "grid",
            [image, _graph.Constant(-1, grid / window, window, grid / window, window, width)]
        );
        cut = _graph.Node("Transpose", name + "cut", [cut], ("perm", (long[])[0, 1, 3, 2, 4, 5]));
        return _graph.Node("Reshape", name + "window", [cut, _graph.Constant(-1, window * window, width)]);
    }

    string Joined(string name, VitPlace place, int shift, string x)
    {
        (long grid, long window, long width) = (place.Grid, place.Window, place.Width);
        string joined = _graph.Node(
            "Reshape",
            name + "uncut",
            [x, _graph.Constant(-1, grid / window, grid / window, window, window, width)]
        );
        joined = _graph.Node("Transpose", name + "joined", [joined], ("perm", (long[])[0, 1, 3, 2, 4, 5]));
        joined = _graph.Node("Reshape", name + "whole", [joined, _graph.Constant(-1, grid, grid, width)]);
        if (shift > 0)
            joined = Rolled(name + "unshift", joined, grid - shift);
        return _graph.Node("Reshape", name + "all", [joined, _graph.Constant(-1, grid * grid, width)]);
    }

    // What was at this place comes first, along rows and columns.
    string Rolled(string name, string x, long by)
    {
        foreach (int axis in (int[])[1, 2])
            x = _graph.Node(
                "Concat",
                $"{name}{axis}",
                [
                    Slice($"{name}{axis}.after", x, axis, by, long.MaxValue),
                    Slice($"{name}{axis}.before", x, axis, 0, by),
                ],
                ("axis", axis)
            );
        return x;
    }

    string FeedForward(string name, string input)
    {
        string hidden = Linear(name + "fc1", input);
        string key;
        if (_config.Block.GatedFfn)
        {
            string open = Activate(name + "gate.act", Linear(name + "gate", input));
            key = _graph.Node("Mul", name + "act", [open, hidden]);
        }
        else
            key = Activate(name + "act", hidden);
        if (_config.Block.HiddenNorm)
            key = Norm(name + "norm", key, name + "norm.weight", name + "norm.bias");
        return Linear(name + "fc2", key);
    }

    string Activate(string name, string h)
    {
        switch (_config.Activation)
        {
            case VitActivation.QuickGelu:
                return _graph.Node(
                    "Mul",
                    name,
                    [
                        h,
                        _graph.Node(
                            "Sigmoid",
                            name + ".sigmoid",
                            [_graph.Node("Mul", name + ".scaled", [h, _graph.Constant(1.702f)])]
                        ),
                    ]
                );
            case VitActivation.Silu:
                return _graph.Node("Mul", name, [h, _graph.Node("Sigmoid", name + ".sigmoid", [h])]);
            case VitActivation.GeluTanh:
                string cubic = _graph.Node(
                    "Mul",
                    name + ".cubic",
                    [
                        _graph.Node("Mul", name + ".cube", [_graph.Node("Mul", name + ".square", [h, h]), h]),
                        _graph.Constant(0.044715f),
                    ]
                );
                string inner = _graph.Node(
                    "Mul",
                    name + ".scaled",
                    [_graph.Node("Add", name + ".sum", [h, cubic]), _graph.Constant((float)Math.Sqrt(2 / Math.PI))]
                );
                return Half(name, h, _graph.Node("Tanh", name + ".tanh", [inner]));
            default:
                return Half(
                    name,
                    h,
                    _graph.Node(
                        "Erf",
                        name + ".erf",
                        [_graph.Node("Div", name + ".scaled", [h, _graph.Constant((float)Math.Sqrt(2))])]
                    )
                );
        }
    }

    // 0.5·h·(1 + gate), in the order that runtimes recognize.
    string Half(string name, string h, string gate) =>
        _graph.Node(
            "Mul",
            name,
            [
                _graph.Node(
                    "Mul",
                    name + ".gated",
                    [h, _graph.Node("Add", name + ".one", [gate, _graph.Constant(1f)])]
                ),
                _graph.Constant(0.5f),
            ]
        );

    string Linear(string name, string input, bool bias = true)
    {
        string product = _graph.Node(
            "MatMul",
            name + ".product",
            [input, _graph.Weight(name + ".weight.T", model.Tensors[name + ".weight"].t().contiguous())]
        );
        return bias ? _graph.Node("Add", name, [product, Weight(name + ".bias")]) : product;
    }

    string Norm(string name, string input, string weight, string bias) =>
        _graph.Node(
            "LayerNormalization",
            name,
            [input, Weight(weight), Weight(bias)],
            ("axis", -1),
            ("epsilon", (float)_config.NormEpsilon)
        );

    string Scaled(string name, string input) =>
        _config.LayerScale ? _graph.Node("Mul", name, [input, Weight(name + ".gamma")]) : input;

    string Slice(string name, string x, int axis, long from, long to) =>
        _graph.Node("Slice", name, [x, _graph.Constant(from), _graph.Constant(to), _graph.Constant(axis)]);

    string Readout(string tokens)
    {
        string x = _config.Pooling switch
        {
            VitPooling.ClassToken => First("cls", tokens, 0),
            VitPooling.TwoHeads => Slice("two", tokens, 1, 0, 2),
            VitPooling.Average or VitPooling.Maximum or VitPooling.AverageAndMaximum or VitPooling.Attention => Slice(
                "patches",
                tokens,
                1,
                _config.PrefixTokens,
                _config.Tokens
            ),
            _ => tokens,
        };
        if (_config.LastNorm)
            x = Norm("norm", x, VitNames.NormWeight, VitNames.NormBias);
        x = Pooled(x);
        if (_config.NormAfterPooling)
            x = Norm("fc_norm", x, VitNames.PoolNormWeight, VitNames.PoolNormBias);
        if (_config.Projection > 0)
            x = Linear("head_proj", x, bias: false);
        return _config.Cosine
            ? _graph.Node(
                "Div",
                "direction",
                [x, _graph.Node("ReduceL2", "length", [x], ("axes", (long[])[-1]), ("keepdims", 1))]
            )
            : x;
    }

    string Pooled(string x) =>
        _config.Pooling switch
        {
            VitPooling.Average or VitPooling.AverageOfAll => Mean("pooled", x),
            VitPooling.Maximum => Maximum("pooled", x),
            VitPooling.AverageAndMaximum => _graph.Node(
                "Mul",
                "pooled",
                [
                    _graph.Node("Add", "pooled.sum", [Maximum("pooled.maximum", x), Mean("pooled.mean", x)]),
                    _graph.Constant(0.5f),
                ]
            ),
            VitPooling.ClassAndAverage => WithClass(x, _config.PrefixTokens),
            VitPooling.ClassAndAverageOfOthers => WithClass(x, 1),
            VitPooling.Attention or VitPooling.AttentionOverAll => Attended(x),
            _ => x,
        };

    string WithClass(string x, long first) =>
        _graph.Node(
            "Concat",
            "pooled",
            [First("cls", x, 0), Mean("others.mean", Slice("others", x, 1, first, long.MaxValue))],
            ("axis", 1)
        );

    // A learned query's attention, and a feed-forward network: one token an image, [B,D].
    string Attended(string x)
    {
        long width = _config.Width;
        long heads = _config.PoolHeads;
        long channels = width / heads;
        string name = VitNames.Pool("");
        Tensor weight = model.Tensors[name + "qkv.weight"];
        Tensor bias = model.Tensors[name + "qkv.bias"];
        string[] parts =
        [
            .. ((string[])["q", "k", "v"]).Select(
                (part, i) =>
                {
                    string rows = _graph.Weight(
                        $"{name}{part}.weight.T",
                        weight.narrow(0, i * width, width).t().contiguous()
                    );
                    string shift = _graph.Weight($"{name}{part}.bias", bias.narrow(0, i * width, width).contiguous());
                    string read = i == 0 ? Weight(name + "latent") : x;
                    string given = _graph.Node(
                        "Add",
                        name + part,
                        [_graph.Node("MatMul", $"{name}{part}.product", [read, rows]), shift]
                    );
                    return Heads(given, heads, channels, turned: i == 1);
                }
            ),
        ];
        string mixed = Mixed(name, Scores(name, parts[0], parts[1], channels), parts[2]);
        mixed = _graph.Node("Reshape", name + "merged", [mixed, _graph.Constant(-1, width)]);
        string y = Linear(name + "proj", mixed);
        string normed = Norm(name + "norm", y, name + "norm.weight", name + "norm.bias");
        string fed = Linear(name + "mlp.fc2", Activate(name + "mlp.act", Linear(name + "mlp.fc1", normed)));
        return _graph.Node("Add", name + "residual", [y, fed]);
    }

    void Classify(string read)
    {
        string[] head = [Weight(VitNames.HeadWeight), Weight(VitNames.HeadBias)];
        if (_config.Pooling != VitPooling.TwoHeads)
        {
            _graph.Node("Gemm", OnnxExport.Output, [read, .. head], ("transB", 1));
            return;
        }
        string first = _graph.Node("Gemm", "head", [First("first", read, 0), .. head], ("transB", 1));
        string second = _graph.Node(
            "Gemm",
            "head_dist",
            [First("second", read, 1), Weight(VitNames.SecondHeadWeight), Weight(VitNames.SecondHeadBias)],
            ("transB", 1)
        );
        _graph.Node("Mul", OnnxExport.Output, [_graph.Node("Add", "heads", [first, second]), _graph.Constant(0.5f)]);
    }

    // One token, [B,D].
    string First(string name, string tokens, long index) =>
        _graph.Node("Squeeze", name, [Slice(name + ".token", tokens, 1, index, index + 1), _graph.Constant(1)]);

    string Mean(string name, string x) => _graph.Node("ReduceMean", name, [x], ("axes", (long[])[1]), ("keepdims", 0));

    string Maximum(string name, string x) =>
        _graph.Node("ReduceMax", name, [x], ("axes", (long[])[1]), ("keepdims", 0));
}
