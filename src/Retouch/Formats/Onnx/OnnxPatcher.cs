using System.Text.RegularExpressions;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Formats;

/// <summary>
/// Puts edited weights into an ONNX file that someone else exported. The base weights are recognized by their
/// values: whatever they are called, transposed or not, queries, keys and values together or apart, in any float
/// type. All other bytes stay as they are.
/// </summary>
public static partial class OnnxPatcher
{
    const int Probe = 64;

    // Queries, keys and values each apart, or as timm's attention pooling has them: queries, and both others together.
    static readonly int[][] Divisions =
    [
        [1, 1, 1],
        [1, 2],
    ];

    /// <summary>What an ONNX file says in its metadata under some keys; a key that it lacks is left out.</summary>
    /// <param name="path">The file.</param>
    /// <param name="keys">The keys.</param>
    /// <exception cref="BadInputException">The file cannot be read, or is no ONNX file.</exception>
    public static IReadOnlyDictionary<string, string> Properties(string path, params IReadOnlyList<string> keys)
    {
        using OnnxFile file = OnnxFile.Open(path);
        return keys.Select(k => (Key: k, Value: file.Property(k)))
            .Where(p => p.Value is not null)
            .ToDictionary(p => p.Key, p => p.Value!, StringComparer.Ordinal);
    }

    /// <summary>Whether a file has a weight exactly once, by its values.</summary>
    /// <param name="path">The file.</param>
    /// <param name="name">The weight's canonical name.</param>
    /// <param name="values">Its values.</param>
    /// <exception cref="BadInputException">The file cannot be read, or is no ONNX file.</exception>
    internal static bool Has(string path, string name, Tensor values)
    {
        using OnnxFile file = OnnxFile.Open(path);
        try
        {
            return Find(file, name, values, new ReadingTime(path, file.Files().Sum(f => f.File.Length))).Length > 0;
        }
        catch (BadInputException)
        {
            return false;
        }
    }

    /// <summary>Writes the file with edited weights and says of which model they are.</summary>
    /// <param name="served">The ONNX file that is served now; unchanged.</param>
    /// <param name="output">
    /// The file to write, atomically. Where weights lie in files beside the served one, it must be in another folder,
    /// which gets copies of them.
    /// </param>
    /// <param name="before">The base weights that change, by canonical name, float32.</param>
    /// <param name="after">The same after the edit.</param>
    /// <param name="overwrite">Whether existing files may be replaced.</param>
    /// <returns>For each weight what it is called in the file.</returns>
    /// <exception cref="BadInputException">
    /// A weight is not found exactly once (the message says which), a value does not fit the stored type, a file
    /// was written to meanwhile, or one cannot be read or written; nothing has changed on the disk.
    /// </exception>
    public static IReadOnlyDictionary<string, string> Write(
        string served,
        string output,
        IReadOnlyDictionary<string, Tensor> before,
        IReadOnlyDictionary<string, Tensor> after,
        bool overwrite
    ) => Write(served, output, before, after, new Dictionary<string, string?>(), overwrite);

    /// <summary>The same with other texts in the metadata.</summary>
    /// <param name="served">The ONNX file that is served now; unchanged.</param>
    /// <param name="output">The file to write, as above.</param>
    /// <param name="before">The weights that change as they are in the file, by canonical name, float32.</param>
    /// <param name="after">The same as they are to be.</param>
    /// <param name="texts">What the metadata are to say by key; null takes a key out. All others stay.</param>
    /// <param name="overwrite">Whether existing files may be replaced.</param>
    /// <returns>For each weight what it is called in the file.</returns>
    /// <exception cref="BadInputException">As above.</exception>
    public static IReadOnlyDictionary<string, string> Write(
        string served,
        string output,
        IReadOnlyDictionary<string, Tensor> before,
        IReadOnlyDictionary<string, Tensor> after,
        IReadOnlyDictionary<string, string?> texts,
        bool overwrite
    )
    {
        if (before.FirstOrDefault(b => !b.Value.shape.SequenceEqual(after[b.Key].shape)) is { Key: string other })
            throw BadInput.Unsupported(
                served,
                $"The edited {other} has another shape than the unedited one, for which {served} has no room; nothing "
                    + "was changed."
            );
        using OnnxFile file = OnnxFile.Open(served);
        // Tensors may be said to lie at the same bytes, and each is compared for itself.
        ReadingTime time = new(served, file.Files().Sum(f => f.File.Length));
        Dictionary<string, OnnxPlace[]> places = before.ToDictionary(
            b => b.Key,
            b => Find(file, b.Key, b.Value, time),
            StringComparer.Ordinal
        );
        if (places.Values.SelectMany(p => p).GroupBy(p => p.Tensor).FirstOrDefault(g => g.Count() > 1) is { } shared)
            throw BadInput.Damaged(
                served,
                $"{served}: the tensor {UserText.Quote(shared.Key.Name)} is two weights of the model at once "
                    + "("
                    + string.Join(", ", places.Where(p => p.Value.Any(v => v.Tensor == shared.Key)).Select(p => p.Key))
                    + "); nothing was changed."
            );
        Dictionary<OpenedFile, List<(long Offset, long Length, Tensor? Values)>> changes = [];
        using DisposeScope scope = NewDisposeScope();
        foreach ((string name, OnnxPlace[] found) in places)
        {
            foreach (OnnxPlace place in found)
            {
                In(file.FileOf(place.Tensor))
                    .Add((place.Tensor.Offset, place.Tensor.Length, Stored(place, after[name], name, served)));
            }
        }
        OpenedFile graph = file.Files().Single(f => f.External is null).File;
        foreach ((_, long start, long end) in file.Properties.Where(p => texts.ContainsKey(p.Key)))
            In(graph).Add((start, end - start, null));
        byte[] properties = Properties(texts);

        string folder = Path.GetDirectoryName(Path.GetFullPath(output))!;
        if (file.External.Count > 0 && FileIdentity.Same(folder, Path.GetDirectoryName(Path.GetFullPath(served))!))
            throw BadInput.Ambiguous(
                served,
                $"{served} keeps weights in {string.Join(", ", file.External)} beside it, and the new file needs "
                    + "others under the same name; write it into another folder."
            );
        using WriterLock writer = WriterLock.Take(output, "apply");
        // The graph comes last: without it the copies beside it mean nothing.
        (OpenedFile From, string To)[] copies =
        [
            .. file.Files().Select(f => (f.File, f.External is null ? output : Path.Combine(folder, f.External))),
        ];
        foreach ((OpenedFile from, string to) in copies)
        {
            if (to != output && FileIdentity.Same(from.Path, to))
                throw BadInput.Mismatch(
                    served,
                    $"{to} is the very file in which {served} keeps its weights; write into another folder."
                );
            if (
                Path.GetDirectoryName(Path.GetFullPath(to)) is string inner
                && inner != folder
                && inner.StartsWith(folder, StringComparison.Ordinal)
            )
                Directory.CreateDirectory(inner);
            AtomicFile.CheckWritable(to, overwrite);
        }
        foreach ((OpenedFile from, string to) in copies)
        {
            AtomicFile.Write(
                to,
                overwrite,
                stream =>
                {
                    Copy(from, changes.GetValueOrDefault(from, []), stream);
                    // A message goes on where its last field ends.
                    if (from == graph)
                        stream.Write(properties);
                    foreach ((OpenedFile read, _) in copies)
                        read.RequireUnchanged();
                }
            );
        }
        return places.ToDictionary(p => p.Key, p => string.Join(", ", p.Value.Select(v => v.Tensor.Name)));

        List<(long Offset, long Length, Tensor? Values)> In(OpenedFile holder) =>
            changes.TryGetValue(holder, out var list) ? list : changes[holder] = [];
    }

    static byte[] Properties(IReadOnlyDictionary<string, string?> texts)
    {
        ProtoMessage message = new();
        foreach ((string key, string? value) in texts.OrderBy(t => t.Key, StringComparer.Ordinal))
        {
            if (value is not null)
                message.Add(
                    OnnxFields.ModelProperty,
                    new ProtoMessage().Add(OnnxFields.EntryKey, key).Add(OnnxFields.EntryValue, value)
                );
        }
        using MemoryStream bytes = new();
        message.WriteTo(bytes);
        return bytes.ToArray();
    }

    /// <summary>Where a weight, or the three parts of it, is in a file.</summary>
    /// <exception cref="BadInputException">It is not found exactly once.</exception>
    internal static OnnxPlace[] Find(OnnxFile file, string name, Tensor weight, ReadingTime time)
    {
        OnnxPlace[] whole = Places(file, weight, null, time);
        if (whole.Length == 1)
            return whole;
        if (whole.Length == 0 && QueriesKeysValues().IsMatch(name))
        {
            OnnxPlace[]? several = null;
            foreach (int[] spans in Divisions)
            {
                OnnxPlace[][] found = [.. Parts(spans)];
                if (found.All(f => f.Length == 1))
                    return [.. found.Select(f => f[0])];
                several ??= found.FirstOrDefault(f => f.Length > 1);
            }
            if (several is not null)
                throw Refused(name, several);
        }
        throw Refused(name, whole);

        IEnumerable<OnnxPlace[]> Parts(int[] spans)
        {
            using DisposeScope scope = NewDisposeScope();
            long third = weight.shape[0] / 3;
            int first = 0;
            foreach (int span in spans)
            {
                using Tensor part = weight.narrow(0, first * third, span * third);
                yield return [.. Places(file, part, first, time).Select(p => p with { Span = span })];
                first += span;
            }
        }

        BadInputException Refused(string weightName, OnnxPlace[] found) =>
            BadInput.Damaged(
                file.Path,
                found.Length == 0
                    ? $"{file.Path} holds the weight {weightName} of the base model nowhere, neither as it is nor "
                        + "transposed, in float32 or a narrower type; is it exported from this very model, unedited "
                        + "and unquantized? Nothing was changed."
                    : $"{file.Path} holds the weight {weightName} {found.Length} times "
                        + $"({string.Join(", ", found.Select(f => UserText.Quote(f.Tensor.Name)))}), so it cannot be "
                        + "told which is meant; nothing was changed."
            );
    }

    static OnnxPlace[] Places(OnnxFile file, Tensor weight, int? part, ReadingTime time)
    {
        using DisposeScope scope = NewDisposeScope();
        long[] shape = weight.shape;
        long[] turned = [.. shape.Reverse()];
        List<OnnxPlace> places = [];
        foreach (OnnxTensor tensor in file.Tensors.Where(t => t.Count == weight.NumberOfElements))
        {
            time.Check();
            // A vector or a convolution may be stored with further or fewer axes of size 1.
            bool same = Essential(tensor.Shape).SequenceEqual(Essential(shape));
            bool swapped = weight.dim() == 2 && tensor.Shape.SequenceEqual(turned);
            if (same && Equal(file, tensor, weight))
                places.Add(new OnnxPlace(tensor, false, part));
            else if (swapped && Equal(file, tensor, weight.t()))
                places.Add(new OnnxPlace(tensor, true, part));
        }
        return [.. places];
    }

    static IEnumerable<long> Essential(IEnumerable<long> shape) => shape.Where(s => s != 1);

    static bool Equal(OnnxFile file, OnnxTensor tensor, Tensor weight)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor flat = weight.reshape(-1);
        using Stream stream = file.FileOf(tensor).Range(tensor.Offset, tensor.Length);
        long probe = Math.Min(Probe, tensor.Count);
        return Same(probe) && Same(tensor.Count - probe);

        bool Same(long count)
        {
            long at = stream.Position / tensor.DType.Size();
            Tensor stored = TensorBytes.Read(stream, tensor.DType, [count]);
            return stored.Equals(flat.narrow(0, at, count).to(tensor.DType.ToScalarType()));
        }
    }

    /// <summary>
    /// The part of a weight that a place holds, as it is stored there; in the caller's dispose scope.
    /// </summary>
    /// <exception cref="BadInputException">A value is too large for the stored type.</exception>
    internal static Tensor Stored(OnnxPlace place, Tensor after, string name, string served)
    {
        long third = after.shape[0] / 3;
        Tensor part = place.Part is int first ? after.narrow(0, first * third, place.Span * third) : after;
        Tensor values = (place.Transposed ? part.t() : part).contiguous();
        Tensor stored = values.to(place.Tensor.DType.ToScalarType());
        return stored.isinf().logical_and(values.isfinite()).any().item<bool>()
            ? throw BadInput.TooLarge(
                name,
                $"The edited values of {name} are too large for {place.Tensor.DType}, the type that {served} stores "
                    + "them in; nothing was changed."
            )
            : stored;
    }

    static void Copy(OpenedFile from, List<(long Offset, long Length, Tensor? Values)> changes, Stream to)
    {
        using Stream source = from.Range(0, from.Length);
        byte[] buffer = new byte[1 << 20];
        foreach ((long offset, long length, Tensor? values) in changes.OrderBy(c => c.Offset))
        {
            Pass(offset - source.Position);
            if (values is not null)
                TensorBytes.Write(values, to);
            source.Position += length;
        }
        Pass(source.Length - source.Position);

        void Pass(long count)
        {
            for (; count > 0; count -= Math.Min(count, buffer.Length))
            {
                int length = (int)Math.Min(count, buffer.Length);
                source.ReadExactly(buffer, 0, length);
                to.Write(buffer, 0, length);
            }
        }
    }

    [GeneratedRegex(@"(^|\.)attn(_pool)?\.qkv\.", RegexOptions.CultureInvariant)]
    private static partial Regex QueriesKeysValues();
}
