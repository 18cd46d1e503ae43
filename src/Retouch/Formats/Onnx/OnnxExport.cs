using System.Text.Json;
using Retouch.Images;
using Retouch.Vit;
using TorchSharp;
using static Retouch.Formats.OnnxFields;
using static TorchSharp.torch;

namespace Retouch.Formats;

/// <summary>
/// Writes a model as one ONNX file: normalized pixels in, logits out, for batches of any size. Linear layers are
/// MatMul with transposed weights, as PyTorch exports them, and GELU is spelled out with Erf, which runtimes fuse.
/// </summary>
public static class OnnxExport
{
    /// <summary>The version of the standard operators that the file uses.</summary>
    public const int Opset = 17;

    /// <summary>The name of the graph's input, <c>[batch,3,S,S]</c> float32.</summary>
    public const string Input = "pixel_values";

    /// <summary>The name of its output, <c>[batch,C]</c> float32.</summary>
    public const string Output = "logits";

    /// <summary>The key of the model's fingerprint in the metadata.</summary>
    public const string FingerprintKey = "model_fingerprint";

    const int IrVersion = 8;

    /// <summary>Writes the file.</summary>
    /// <param name="model">The model; unchanged.</param>
    /// <param name="preprocessing">How its images are made; kept in the metadata.</param>
    /// <param name="labels">The classes' names for the metadata, or null.</param>
    /// <param name="path">The file to write, atomically.</param>
    /// <param name="overwrite">Whether an existing file may be replaced.</param>
    /// <exception cref="BadInputException">
    /// The file cannot be written, or the model has more than the 2 GB that one ONNX file can hold.
    /// </exception>
    public static void Write(
        VitModel model,
        Preprocessing preprocessing,
        LabelSet? labels,
        string path,
        bool overwrite
    ) => Write(model, preprocessing, labels, new Dictionary<string, string?>(), path, overwrite);

    /// <summary>The same with further texts in the metadata.</summary>
    /// <param name="model">The model; unchanged.</param>
    /// <param name="preprocessing">How its images are made; kept in the metadata.</param>
    /// <param name="labels">The classes' names for the metadata, or null.</param>
    /// <param name="texts">What the metadata are to say besides, by key; null says nothing.</param>
    /// <param name="path">The file to write, atomically.</param>
    /// <param name="overwrite">Whether an existing file may be replaced.</param>
    /// <exception cref="BadInputException">As above.</exception>
    public static void Write(
        VitModel model,
        Preprocessing preprocessing,
        LabelSet? labels,
        IReadOnlyDictionary<string, string?> texts,
        string path,
        bool overwrite
    )
    {
        using DisposeScope scope = NewDisposeScope();
        VitConfig config = model.Config;
        ProtoMessage message = new ProtoMessage()
            .Add(ModelIrVersion, IrVersion)
            .Add(ModelProducer, "Retouch")
            .Add(ModelProducerVersion, typeof(OnnxExport).Assembly.GetName().Version!.ToString(3))
            .Add(
                ModelDoc,
                $"Vision transformer, {config.Depth} blocks, width {config.Width}, patches of {config.PatchSize}. "
                    + $"Input: RGB images, {preprocessing}."
            )
            .Add(ModelGraph, Graph(model))
            .Add(ModelOpset, new ProtoMessage().Add(OpsetVersion, Opset));
        IEnumerable<(string, string)> further = texts.Where(t => t.Value is not null).Select(t => (t.Key, t.Value!));
        foreach ((string key, string value) in Metadata(model, preprocessing, labels).Concat(further))
            message.Add(ModelProperty, new ProtoMessage().Add(EntryKey, key).Add(EntryValue, value));
        if (message.Length > int.MaxValue)
            throw BadInput.TooLarge(
                null,
                $"The model takes {message.Length} bytes as ONNX, and one file can hold {int.MaxValue}; export it as "
                    + "safetensors."
            );
        AtomicFile.Write(path, overwrite, message.WriteTo);
    }

    static IEnumerable<(string, string)> Metadata(VitModel model, Preprocessing preprocessing, LabelSet? labels)
    {
        yield return (FingerprintKey, model.Fingerprint);
        yield return ("preprocessing", preprocessing.ToJson());
        if (labels is { HasNames: true })
            yield return (
                "labels",
                JsonSerializer.Serialize(
                    Enumerable.Range(0, labels.Count).Select(i => labels[i].Name),
                    ExportJson.Default.IEnumerableString
                )
            );
    }

    static ProtoMessage Graph(VitModel model)
    {
        VitConfig config = model.Config;
        OnnxGraph graph = new(
            "vision_transformer",
            "Made by Retouch. Weights have timm's names; .T stands for transposed."
        );
        string Weight(string name) => graph.Weight(name, model.Tensors[name]);

        string x = Embed();
        if (config.PreNorm)
            x = Norm("norm_pre", x, VitNames.PreNormWeight, VitNames.PreNormBias);
        for (int i = 0; i < config.Depth; i++)
        {
            string block = VitNames.Block(i, "");
            string attended = Scaled(
                block + "ls1",
                Attention(block + "attn.", Norm(block + "norm1", x, block + "norm1.weight", block + "norm1.bias"))
            );
            x = graph.Node("Add", block + "residual1", [x, attended]);
            string fed = Scaled(
                block + "ls2",
                FeedForward(block + "mlp.", Norm(block + "norm2", x, block + "norm2.weight", block + "norm2.bias"))
            );
            x = graph.Node("Add", block + "residual2", [x, fed]);
        }
        graph.Node("Gemm", Output, [Readout(x), Weight(VitNames.HeadWeight), Weight(VitNames.HeadBias)], ("transB", 1));
        return graph.Finish(
            (Input, ["batch", 3, config.ImageSize, config.ImageSize]),
            (Output, ["batch", config.Classes])
        );

        string Embed()
        {
            long patch = config.PatchSize;
            string[] bias = config.PatchBias ? [Weight(VitNames.PatchBias)] : [];
            string patches = graph.Node(
                "Conv",
                "patch_embed.conv",
                [Input, Weight(VitNames.PatchWeight), .. bias],
                ("kernel_shape", (long[])[patch, patch]),
                ("strides", (long[])[patch, patch])
            );
            patches = graph.Node("Reshape", "patch_embed.flat", [patches, graph.Constant(0, config.Width, -1)]);
            // [B,G·G,D]
            patches = graph.Node("Transpose", "patch_embed.tokens", [patches], ("perm", (long[])[0, 2, 1]));
            if (!config.PrefixPositions)
                patches = graph.Node("Add", "patch_embed.placed", [patches, Weight(VitNames.Positions)]);
            string[] prefix =
            [
                .. ((string[])[VitNames.ClassToken, VitNames.Registers]).Where(model.Tensors.ContainsKey),
            ];
            if (prefix.Length > 0)
            {
                string batch = graph.Node("Shape", "batch_size", [Input], ("start", 0), ("end", 1));
                string[] expanded =
                [
                    .. prefix.Select(name =>
                        graph.Node(
                            "Expand",
                            name + ".expanded",
                            [
                                Weight(name),
                                graph.Node(
                                    "Concat",
                                    name + ".shape",
                                    [batch, graph.Constant(model.Tensors[name].shape[1], config.Width)],
                                    ("axis", 0)
                                ),
                            ]
                        )
                    ),
                ];
                patches = graph.Node("Concat", "tokens", [.. expanded, patches], ("axis", 1));
            }
            return config.PrefixPositions
                ? graph.Node("Add", "tokens.placed", [patches, Weight(VitNames.Positions)])
                : patches;
        }

        string Attention(string name, string input)
        {
            long heads = config.Heads;
            long channels = config.HeadWidth;
            string fused = Linear(name + "qkv", input, config.QkvBias);
            string[] parts = graph.Nodes(
                "Split",
                name + "split",
                [fused],
                [name + "q", name + "k", name + "v"],
                ("axis", 2)
            );
            string[] split =
            [
                .. parts.Select(
                    (part, i) =>
                        graph.Node(
                            "Transpose",
                            part + ".heads",
                            [graph.Node("Reshape", part + ".split", [part, graph.Constant(0, 0, heads, channels)])],
                            ("perm", i == 1 ? (long[])[0, 2, 3, 1] : [0, 2, 1, 3])
                        )
                ),
            ];
            string scores = graph.Node(
                "Mul",
                name + "scaled",
                [
                    graph.Node("MatMul", name + "scores", [split[0], split[1]]),
                    graph.Constant((float)(1 / Math.Sqrt(channels))),
                ]
            );
            string mixed = graph.Node(
                "MatMul",
                name + "mixed",
                [graph.Node("Softmax", name + "weights", [scores], ("axis", -1)), split[2]]
            );
            mixed = graph.Node(
                "Reshape",
                name + "merged",
                [
                    graph.Node("Transpose", name + "tokens", [mixed], ("perm", (long[])[0, 2, 1, 3])),
                    graph.Constant(0, 0, config.Width),
                ]
            );
            return Linear(name + "proj", mixed);
        }

        string FeedForward(string name, string input) =>
            Linear(name + "fc2", Activate(name + "act", Linear(name + "fc1", input)));

        string Activate(string name, string h)
        {
            switch (config.Activation)
            {
                case VitActivation.QuickGelu:
                    return graph.Node(
                        "Mul",
                        name,
                        [
                            h,
                            graph.Node(
                                "Sigmoid",
                                name + ".sigmoid",
                                [graph.Node("Mul", name + ".scaled", [h, graph.Constant(1.702f)])]
                            ),
                        ]
                    );
                case VitActivation.GeluTanh:
                    string cubic = graph.Node(
                        "Mul",
                        name + ".cubic",
                        [
                            graph.Node("Mul", name + ".cube", [graph.Node("Mul", name + ".square", [h, h]), h]),
                            graph.Constant(0.044715f),
                        ]
                    );
                    string inner = graph.Node(
                        "Mul",
                        name + ".scaled",
                        [graph.Node("Add", name + ".sum", [h, cubic]), graph.Constant((float)Math.Sqrt(2 / Math.PI))]
                    );
                    return Half(name, h, graph.Node("Tanh", name + ".tanh", [inner]));
                default:
                    return Half(
                        name,
                        h,
                        graph.Node(
                            "Erf",
                            name + ".erf",
                            [graph.Node("Div", name + ".scaled", [h, graph.Constant((float)Math.Sqrt(2))])]
                        )
                    );
            }
        }

        // 0.5·h·(1 + gate), in the order that runtimes recognize.
        string Half(string name, string h, string gate) =>
            graph.Node(
                "Mul",
                name,
                [
                    graph.Node(
                        "Mul",
                        name + ".gated",
                        [h, graph.Node("Add", name + ".one", [gate, graph.Constant(1f)])]
                    ),
                    graph.Constant(0.5f),
                ]
            );

        string Linear(string name, string input, bool bias = true)
        {
            string product = graph.Node(
                "MatMul",
                name + ".product",
                [input, graph.Weight(name + ".weight.T", model.Tensors[name + ".weight"].t().contiguous())]
            );
            return bias ? graph.Node("Add", name, [product, Weight(name + ".bias")]) : product;
        }

        string Norm(string name, string input, string weight, string bias) =>
            graph.Node(
                "LayerNormalization",
                name,
                [input, Weight(weight), Weight(bias)],
                ("axis", -1),
                ("epsilon", (float)config.NormEpsilon)
            );

        string Scaled(string name, string input) =>
            config.LayerScale ? graph.Node("Mul", name, [input, Weight(name + ".gamma")]) : input;

        string Readout(string tokens)
        {
            if (config.ReadsClassAlone)
            {
                string cls = graph.Node(
                    "Squeeze",
                    "cls",
                    [
                        graph.Node(
                            "Slice",
                            "cls.token",
                            [tokens, graph.Constant(0), graph.Constant(1), graph.Constant(1)]
                        ),
                        graph.Constant(1),
                    ]
                );
                return Norm("norm", cls, config.LastNormWeight, config.LastNormBias);
            }
            string patches = graph.Node(
                "Slice",
                "patches",
                [tokens, graph.Constant(config.PrefixTokens), graph.Constant(config.Tokens), graph.Constant(1)]
            );
            if (!config.NormAfterPooling)
                patches = Norm("norm", patches, config.LastNormWeight, config.LastNormBias);
            string mean = graph.Node("ReduceMean", "pooled", [patches], ("axes", (long[])[1]), ("keepdims", 0));
            return config.NormAfterPooling ? Norm("fc_norm", mean, config.LastNormWeight, config.LastNormBias) : mean;
        }
    }
}
