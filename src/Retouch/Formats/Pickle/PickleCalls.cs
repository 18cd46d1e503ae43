using System.Collections.Frozen;
using System.Numerics;

namespace Retouch.Formats;

/// <summary>
/// The classes and functions that a model's pickle may name, and what stands for their calls. All others are refused.
/// </summary>
static class PickleCalls
{
    static readonly FrozenDictionary<string, TensorDType> Storages = new Dictionary<string, TensorDType>
    {
        ["torch.FloatStorage"] = TensorDType.F32,
        ["torch.HalfStorage"] = TensorDType.F16,
        ["torch.BFloat16Storage"] = TensorDType.BF16,
        ["torch.DoubleStorage"] = TensorDType.F64,
        ["torch.LongStorage"] = TensorDType.I64,
        ["torch.IntStorage"] = TensorDType.I32,
        ["torch.ShortStorage"] = TensorDType.I16,
        ["torch.CharStorage"] = TensorDType.I8,
        ["torch.ByteStorage"] = TensorDType.U8,
        ["torch.BoolStorage"] = TensorDType.BOOL,
    }.ToFrozenDictionary();

    // What stands beside the weights in training scripts' checkpoints (DeiT's and MAE's arguments, a best score). It
    // holds data alone, and none of it is made or looked at.
    static readonly FrozenSet<string> Inert = FrozenSet.ToFrozenSet([
        "argparse.Namespace",
        "numpy.core.multiarray.scalar",
        "numpy._core.multiarray.scalar",
        "numpy.dtype",
        "_codecs.encode",
        "pathlib.PosixPath",
        "pathlib.WindowsPath",
        "datetime.datetime",
        "builtins.set",
        "__builtin__.set",
        "builtins.complex",
        "torch.device",
        "torch.dtype",
        "torch.float32",
        "torch.float16",
        "torch.bfloat16",
        "torch.float64",
        "torch.int64",
        "torch.int32",
        "torch.uint8",
        "torch.bool",
    ]);

    static readonly FrozenSet<string> Known = FrozenSet.ToFrozenSet([
        "collections.OrderedDict",
        "collections.defaultdict",
        "builtins.dict",
        "__builtin__.dict",
        "builtins.list",
        "torch._utils._rebuild_tensor",
        "torch._utils._rebuild_tensor_v2",
        "torch._utils._rebuild_parameter",
        "torch.Size",
    ]);

    static readonly FrozenDictionary<int, string> Instructions = new Dictionary<int, string>
    {
        ['i'] = "INST",
        ['o'] = "OBJ",
        ['P'] = "PERSID",
        ['S'] = "STRING",
        [0x82] = "EXT1",
        [0x83] = "EXT2",
        [0x84] = "EXT4",
        [0x8b] = "LONG4",
        [0x92] = "NEWOBJ_EX",
        [0x96] = "BYTEARRAY8",
        [0x97] = "NEXT_BUFFER",
        [0x98] = "READONLY_BUFFER",
    }.ToFrozenDictionary();

    /// <summary>An instruction's name and number.</summary>
    public static string Instruction(int code) =>
        $"{Instructions.GetValueOrDefault(code, "without a name")} (0x{code:x2})";

    /// <summary>What stands for a class or function.</summary>
    /// <exception cref="BadInputException">It is not one of those that a model's file needs.</exception>
    public static PickleGlobal Global(string name, string path) =>
        Storages.ContainsKey(name)
        || Inert.Contains(name)
        || Known.Contains(name)
        || PickleBystanders.Contains(name)
        || PickleBystanders.MayBeEnumeration(name)
            ? new PickleGlobal(name)
            : throw Refused(name, path);

    // PyTorch itself cannot do much with more axes.
    const int MostAxes = 64;

    // What a name of a file inside an archive, or a number, has at most.
    const int LongestKey = 200;

    /// <summary>What a call gives.</summary>
    /// <param name="callee">What is called.</param>
    /// <param name="arguments">What it is given.</param>
    /// <param name="path">The file, for messages.</param>
    /// <param name="charge">Told the bytes of memory that a call takes beside its result, before it takes them.</param>
    /// <exception cref="BadInputException">The call is not one that PyTorch writes.</exception>
    public static object? Call(object? callee, PickleTuple? arguments, string path, Action<long> charge)
    {
        if (callee is not PickleGlobal { Name: string name } || arguments is null)
            throw Damaged(path, "its pickle calls something that is no function");
        IReadOnlyList<object?> given = arguments.Items;
        switch (name)
        {
            case "collections.OrderedDict" or "collections.defaultdict" or "builtins.dict" or "__builtin__.dict":
                return Pairs(given, charge);
            case "builtins.list":
                return new List<object?>();
            case "torch.Size":
                return given is [PickleTuple size] ? size : arguments;
            case "torch._utils._rebuild_parameter":
                return given is [PickleTensor tensor, ..]
                    ? tensor
                    : throw Damaged(path, "a parameter in it is no tensor");
            case "torch._utils._rebuild_tensor" or "torch._utils._rebuild_tensor_v2":
                return
                    given is [PickleStorage storage, BigInteger offset, PickleTuple shape, PickleTuple strides, ..]
                    && Sizes(shape) is { } sizes
                    && Sizes(strides) is { } steps
                    ? PickleTensor.Create(storage, offset, sizes, steps)
                        ?? throw Damaged(
                            path,
                            $"a tensor of shape {UserText.Shape([.. sizes.Select(s => (long)s)])} does not lie within "
                                + $"its storage of {storage.Count} numbers"
                        )
                    : throw Damaged(path, "a tensor in it is not stated as PyTorch does");
            default:
                if (Inert.Contains(name) || PickleBystanders.Contains(name))
                    return new PickleInert();
                if (PickleBystanders.MayBeEnumeration(name))
                    return PickleBystanders.Member(name, given) ?? throw Refused(name, path);
                throw Damaged(path, $"its pickle calls {UserText.Quote(name)}, which is no function");
        }
    }

    /// <summary>The storage that a persistent id names.</summary>
    /// <exception cref="BadInputException">It is not one that PyTorch writes.</exception>
    public static PickleStorage Storage(PickleTuple? id, string path)
    {
        if (
            id?.Items is not ["storage", PickleGlobal { Name: string type }, string key, string, BigInteger count, ..]
            || key.Length > LongestKey
            || !Storages.TryGetValue(type, out TensorDType dtype)
            || count < 0
            || count > long.MaxValue / 8
        )
            throw Damaged(path, "a storage in it is not stated as PyTorch does");
        // Before PyTorch 1.6 a storage could be a part of another.
        return id.Items switch
        {
            [_, _, _, _, _, PickleTuple { Items: [string, BigInteger offset, BigInteger length] }]
                when offset >= 0 && length >= 0 && offset + length <= count => new PickleStorage(
                key,
                dtype,
                (long)length,
                (long)offset
            ),
            [_, _, _, _, _, not null] => throw Damaged(path, "a storage in it is a part of another beyond its end"),
            _ => new PickleStorage(key, dtype, (long)count, 0),
        };
    }

    // Null where there are too many, or one is no number of 64 bits: nothing is computed or printed of those.
    static BigInteger[]? Sizes(PickleTuple sizes) =>
        sizes.Items.Count <= MostAxes
        && sizes.Items.All(s => s is BigInteger size && size >= long.MinValue && size <= long.MaxValue)
            ? [.. sizes.Items.Cast<BigInteger>()]
            : null;

    static Dictionary<object, object?> Pairs(IReadOnlyList<object?> given, Action<long> charge)
    {
        Dictionary<object, object?> dictionary = [];
        if (given is [List<object?> pairs])
        {
            // The same list may be given again and again.
            foreach (object? pair in pairs)
            {
                (string? key, object? value) = pair switch
                {
                    PickleTuple { Items: [string first, var second] } => (first, second),
                    List<object?> { Count: 2 } list => (list[0] as string, list[1]),
                    _ => (null, null),
                };
                charge(ItemBytes + (key?.Length ?? 0));
                if (key is not null)
                    dictionary[key] = value;
            }
        }
        return dictionary;
    }

    static BadInputException Refused(string name, string path) =>
        BadInput.Unsupported(
            path,
            $"{path} asks for {UserText.Quote(name)}, which "
                + "is no part of a model's weights; nothing of the file was run. If you trust it, save its "
                + "state_dict() in "
                + "Python, as safetensors or with torch.save."
        );

    /// <summary>Bytes of memory that an item of a dictionary takes, roughly.</summary>
    public const long ItemBytes = 48;

    static BadInputException Damaged(string path, string why) =>
        BadInput.Damaged(path, $"{path} is a damaged PyTorch file: {why}.");
}
