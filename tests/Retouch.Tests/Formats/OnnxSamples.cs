using Google.Protobuf;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
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
