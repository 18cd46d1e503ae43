using Google.Protobuf;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using Retouch.Formats;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Tests.Formats;

/// <summary>Runs ONNX files, and rewrites them as other exporters would have written them.</summary>
static class OnnxSamples
{
    const int Graph = 7;
    const int Initializer = 5;
    const int Node = 1;
    const int Name = 8;
    const int Type = 2;
    const int Raw = 9;
    const int Floats = 4;
    const int External = 13;
    const int Location = 14;

    /// <summary>The logits of ONNX Runtime, <c>[B,C]</c>; the caller disposes them.</summary>
    public static torch.Tensor Run(string path, torch.Tensor pixels)
    {
        using SessionOptions options = new() { IntraOpNumThreads = 1, InterOpNumThreads = 1 };
        using InferenceSession session = new(path, options);
        string input = session.InputMetadata.Keys.Single();
        int[] shape = [.. pixels.shape.Select(s => (int)s)];
        DenseTensor<float> values = new(pixels.data<float>().ToArray(), shape);
        using var outputs = session.Run([NamedOnnxValue.CreateFromTensor(input, values)]);
        var logits = outputs.Single().AsTensor<float>();
        return tensor([.. logits], [.. logits.Dimensions.ToArray().Select(d => (long)d)]);
    }

    /// <summary>
    /// Writes a file anew with each initializer changed: its name, its stored type, or the file that it is in. Nodes
    /// keep up with the names.
    /// </summary>
    public static byte[] Rewritten(
        byte[] model,
        Func<string, string> rename,
        bool half = false,
        bool floatData = false,
        Stream? external = null,
        Func<string, bool>? only = null
    )
    {
        return Fields(
            model,
            (field, value) =>
                field == Graph
                    ? Fields(
                        value,
                        (inner, part) =>
                            inner switch
                            {
                                Initializer => [(Initializer, Tensor(part))],
                                Node =>
                                [
                                    (
                                        Node,
                                        Fields(
                                            part,
                                            (f, text) =>
                                                [
                                                    (
                                                        f,
                                                        f is 1 or 2
                                                            ? System.Text.Encoding.UTF8.GetBytes(
                                                                rename(System.Text.Encoding.UTF8.GetString(text))
                                                            )
                                                            : text
                                                    ),
                                                ]
                                        )
                                    ),
                                ],
                                _ => [(inner, part)],
                            }
                    )
                        is var graph
                        ? [(Graph, graph)]
                        : []
                    : [(field, value)]
        );

        byte[] Tensor(byte[] tensor)
        {
            (string name, int type) = ("", 0);
            Fields(
                tensor,
                (f, v) =>
                {
                    if (f == Name)
                        name = System.Text.Encoding.UTF8.GetString(v);
                    return [(f, v)];
                },
                (f, number) => type = f == Type ? (int)number : type
            );
            byte[] result = Fields(
                tensor,
                (f, v) =>
                    f switch
                    {
                        Name => [(Name, System.Text.Encoding.UTF8.GetBytes(rename(name)))],
                        Raw when type == 1 && half => [(Raw, Half(v))],
                        Raw when type == 1 && floatData => [(Floats, v)],
                        Raw when type == 1 && external is not null && (only?.Invoke(name) ?? true) => Outside(v),
                        _ => [(f, v)],
                    },
                null,
                (f, number) => f == Type && number == 1 && half ? 10 : number
            );
            return result;
        }

        (int, byte[])[] Outside(byte[] bytes)
        {
            long at = external!.Position;
            external.Write(bytes);
            return
            [
                (External, Entry("location", "weights.bin")),
                (External, Entry("offset", $"{at}")),
                (External, Entry("length", $"{bytes.Length}")),
                (-Location, [1]),
            ];
        }
    }

    /// <summary>
    /// Writes a file anew as other exporters divide its weights: gates and values in one matrix, which is split after
    /// the product; queries, keys and values in three, whose products are put together; of attention pooling, keys and
    /// values in one. Every other one of those that are new is stored transposed.
    /// </summary>
    /// <param name="model">An export of this program.</param>
    /// <param name="weights">The model's tensors by canonical name.</param>
    public static byte[] DividedOtherwise(byte[] model, IReadOnlyDictionary<string, torch.Tensor> weights)
    {
        HashSet<string> gone = [];
        List<(int, byte[])> initializers = [];
        byte[] NewNode(string type, string name, string[] inputs, string[] outputs, params (string, long)[] attributes)
        {
            ProtoMessage node = new();
            foreach (string input in inputs)
                node.Add(OnnxFields.NodeInput, input);
            foreach (string output in outputs)
                node.Add(OnnxFields.NodeOutput, output);
            node.Add(OnnxFields.NodeName, name).Add(OnnxFields.NodeType, type);
            foreach ((string attribute, long value) in attributes)
                node.Add(
                    OnnxFields.NodeAttribute,
                    new ProtoMessage()
                        .Add(OnnxFields.AttributeName, attribute)
                        .Add(OnnxFields.AttributeInt, value)
                        .Add(OnnxFields.AttributeType, OnnxFields.TypeInt)
                );
            return Bytes(node);
        }

        string Stored(string name, torch.Tensor values)
        {
            initializers.Add(
                (
                    Initializer,
                    Bytes(
                        new ProtoMessage()
                            .AddPacked(OnnxFields.TensorDims, values.shape)
                            .Add(OnnxFields.TensorType, OnnxFields.FloatCode)
                            .Add(OnnxFields.TensorTitle, name)
                            .Add(OnnxFields.TensorRaw, values.contiguous())
                    )
                )
            );
            return name;
        }

        // x·Wᵀ + b, of a matrix as it is, which is turned first, or of one that is stored turned.
        IEnumerable<byte[]> Linear(string name, string x, torch.Tensor weight, torch.Tensor? bias, bool turned)
        {
            string matrix = Stored(name + ".matrix", turned ? weight.t() : weight);
            if (!turned)
                yield return NewNode("Transpose", name + ".turned", [matrix], [name + ".turned"]);
            string product = bias is null ? name : name + ".product";
            yield return NewNode("MatMul", product, [x, turned ? matrix : name + ".turned"], [product]);
            if (bias is not null)
                yield return NewNode("Add", name, [product, Stored(name + ".shift", bias)], [name]);
        }

        byte[][] Rewritten(byte[] node)
        {
            (string name, string input) = ("", "");
            Fields(
                node,
                (f, v) =>
                {
                    string text = f is 1 or 3 ? System.Text.Encoding.UTF8.GetString(v) : "";
                    if (f == 1 && input.Length == 0)
                        input = text;
                    if (f == 3)
                        name = text;
                    return [];
                }
            );
            if (gone.Contains(name))
                return [];
            string root = name[..(name.LastIndexOf('.') + 1)];
            string owner = root.TrimEnd('.');
            if (
                name.EndsWith(".mlp.fc1.product", StringComparison.Ordinal)
                && weights.ContainsKey(owner.Replace("fc1", "gate") + ".weight")
            )
            {
                string gate = owner.Replace("fc1", "gate");
                gone.UnionWith([owner, gate, gate + ".product"]);
                torch.Tensor Both(string kind) => cat([weights[$"{gate}.{kind}"], weights[$"{owner}.{kind}"]], 0);
                return
                [
                    .. Linear(owner + ".both", input, Both("weight"), Both("bias"), turned: true),
                    NewNode("Split", owner + ".halves", [owner + ".both"], [gate, owner], ("axis", -1)),
                ];
            }
            if (name.EndsWith(".attn.qkv.product", StringComparison.Ordinal))
            {
                torch.Tensor[] matrices = weights[owner + ".weight"].chunk(3);
                bool shifts = weights.TryGetValue(owner + ".bias", out torch.Tensor? shift);
                gone.Add(owner);
                return
                [
                    .. matrices.SelectMany(
                        (m, i) => Linear($"{owner}.{i}", input, m, shifts ? shift!.chunk(3)[i] : null, i != 1)
                    ),
                    NewNode(
                        "Concat",
                        owner,
                        [$"{owner}.0", $"{owner}.1", $"{owner}.2"],
                        [shifts ? owner : name],
                        ("axis", -1)
                    ),
                ];
            }
            if (name == "attn_pool.k.product")
            {
                gone.UnionWith(["attn_pool.k", "attn_pool.v", "attn_pool.v.product"]);
                long width = weights["attn_pool.qkv.bias"].shape[0] / 3;
                torch.Tensor Both(string kind) => weights["attn_pool.qkv." + kind].narrow(0, width, 2 * width);
                return
                [
                    .. Linear("attn_pool.kv", input, Both("weight"), Both("bias"), turned: true),
                    NewNode(
                        "Split",
                        "attn_pool.halves",
                        ["attn_pool.kv"],
                        ["attn_pool.k", "attn_pool.v"],
                        ("axis", -1)
                    ),
                ];
            }
            return [node];
        }

        return Fields(
            model,
            (field, value) =>
                field != Graph
                    ? [(field, value)]
                    :
                    [
                        (
                            Graph,
                            (byte[])
                                [
                                    .. WithoutUnread(
                                        Fields(
                                            value,
                                            (inner, part) =>
                                                inner == Node
                                                    ? [.. Rewritten(part).Select(n => (Node, n))]
                                                    : [(inner, part)]
                                        )
                                    ),
                                    .. Joined(initializers),
                                ]
                        ),
                    ]
        );
    }

    // Without the initializers that no node reads any more.
    static byte[] WithoutUnread(byte[] graph)
    {
        HashSet<string> read = [];
        Fields(
            graph,
            (f, node) =>
            {
                if (f == Node)
                    Fields(
                        node,
                        (inner, text) =>
                        {
                            if (inner == 1)
                                read.Add(System.Text.Encoding.UTF8.GetString(text));
                            return [];
                        }
                    );
                return [];
            }
        );
        return Fields(
            graph,
            (f, part) =>
            {
                string name = "";
                if (f == Initializer)
                    Fields(
                        part,
                        (inner, text) =>
                        {
                            name = inner == Name ? System.Text.Encoding.UTF8.GetString(text) : name;
                            return [];
                        }
                    );
                return f == Initializer && !read.Contains(name) ? [] : [(f, part)];
            }
        );
    }

    static byte[] Joined(IEnumerable<(int Field, byte[] Value)> fields)
    {
        ProtoMessage message = new();
        foreach ((int field, byte[] value) in fields)
            message.AddBytes(field, value);
        return Bytes(message);
    }

    static byte[] Bytes(ProtoMessage message)
    {
        using MemoryStream bytes = new();
        message.WriteTo(bytes);
        return bytes.ToArray();
    }

    static byte[] Half(byte[] floats)
    {
        byte[] halves = new byte[floats.Length / 2];
        for (int i = 0; i < halves.Length / 2; i++)
            BitConverter.TryWriteBytes(halves.AsSpan(2 * i), (Half)BitConverter.ToSingle(floats, 4 * i));
        return halves;
    }

    static byte[] Entry(string key, string value)
    {
        using MemoryStream bytes = new();
        using (CodedOutputStream output = new(bytes, leaveOpen: true))
        {
            output.WriteTag(1, WireFormat.WireType.LengthDelimited);
            output.WriteString(key);
            output.WriteTag(2, WireFormat.WireType.LengthDelimited);
            output.WriteString(value);
        }
        return bytes.ToArray();
    }

    /// <summary>A message with its fields changed; a negative field number writes a number.</summary>
    static byte[] Fields(
        byte[] message,
        Func<int, byte[], (int Field, byte[] Value)[]> change,
        Action<int, long>? see = null,
        Func<int, long, long>? number = null
    )
    {
        CodedInputStream input = new(message);
        using MemoryStream bytes = new();
        using (CodedOutputStream output = new(bytes, leaveOpen: true))
        {
            for (uint tag = input.ReadTag(); tag != 0; tag = input.ReadTag())
            {
                int field = WireFormat.GetTagFieldNumber(tag);
                switch (WireFormat.GetTagWireType(tag))
                {
                    case WireFormat.WireType.Varint:
                        long value = input.ReadInt64();
                        see?.Invoke(field, value);
                        output.WriteTag(tag);
                        output.WriteInt64(number?.Invoke(field, value) ?? value);
                        break;
                    case WireFormat.WireType.Fixed32:
                        output.WriteTag(tag);
                        output.WriteFixed32(input.ReadFixed32());
                        break;
                    default:
                        foreach ((int to, byte[] part) in change(field, input.ReadBytes().ToByteArray()))
                        {
                            output.WriteTag(
                                Math.Abs(to),
                                to < 0 ? WireFormat.WireType.Varint : WireFormat.WireType.LengthDelimited
                            );
                            if (to < 0)
                                output.WriteInt64(part[0]);
                            else
                                output.WriteBytes(ByteString.CopyFrom(part));
                        }
                        break;
                }
            }
        }
        return bytes.ToArray();
    }
}
