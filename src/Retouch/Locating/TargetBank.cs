using System.Globalization;
using System.Numerics;
using System.Text;
using System.Text.Json;
using Retouch.Formats;
using Retouch.Suffix;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Locating;

/// <summary>
/// Solved target masks in a folder: <c>bank.json</c>, the manifest, and one safetensors file for each
/// <see cref="ShardSize"/> samples. Files are written whole or not at all and depend on the manifest and
/// their number alone, so that parts made on several machines are merged by putting their files into one
/// folder. Safe to use from several threads and processes.
/// </summary>
public sealed class TargetBank
{
    /// <summary>Samples of a file.</summary>
    public const int ShardSize = 32;

    /// <summary>The name of the manifest's file, by which a folder is a bank.</summary>
    internal const string ManifestName = "bank.json";

    const string PartName = "part-";
    const int MaxPartLength = 64 << 20;

    static readonly string[] Parts = ["features", "originals", "targets", "gradients", "measures"];

    readonly string _identity;

    TargetBank(string folder, TargetBankManifest manifest) =>
        (Folder, Manifest, _identity) = (folder, manifest, manifest.Identity());

    /// <summary>Bytes that a sample takes on disk and in memory.</summary>
    public static double SampleBytes(EditSpace space) =>
        sizeof(float) * (2.0 * space.Width + 2.0 * space.Matrices * space.Hidden + 3);

    /// <summary>The folder.</summary>
    public string Folder { get; }

    /// <summary>What all samples have in common.</summary>
    public TargetBankManifest Manifest { get; }

    /// <summary>Opens a bank that exists.</summary>
    /// <exception cref="BadInputException">The folder is no bank.</exception>
    public static TargetBank Open(string folder)
    {
        string path = Path.Combine(folder, ManifestName);
        if (!File.Exists(path))
            throw BadInput.Missing(
                folder,
                $"{folder} is not a target bank: it has no {ManifestName}.",
                Remedy.MakeIn(Artifact.TargetBank, folder)
            );
        return new TargetBank(folder, TargetBankManifest.FromJson(InputFile.ReadText(path), path));
    }

    /// <summary>Opens a bank, or makes one in a folder that is absent or empty.</summary>
    /// <exception cref="BadInputException">
    /// The bank has another manifest, both of which are named, or the folder holds other things.
    /// </exception>
    public static TargetBank OpenOrCreate(string folder, TargetBankManifest manifest)
    {
        string path = Path.Combine(folder, ManifestName);
        if (!File.Exists(path))
        {
            try
            {
                Directory.CreateDirectory(folder);
                bool strange = Directory
                    .EnumerateFileSystemEntries(folder)
                    .Any(f => !Path.GetFileName(f).StartsWith('.') && Path.GetFileName(f) != ManifestName);
                // Another process may have been the first, and have gone on.
                if (strange && !File.Exists(path))
                    throw BadInput.Exists(
                        folder,
                        $"{folder} holds other files and no {ManifestName}; give a new folder or a target bank."
                    );
                AtomicFile.TryCreate(path, s => s.Write(Encoding.UTF8.GetBytes(manifest.ToJson() + "\n")));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw BadInput.Inaccessible(
                    folder,
                    $"The target bank {folder} cannot be made: {SystemMessage.Of(e)}.",
                    cause: e
                );
            }
        }
        TargetBank bank = Open(folder);
        string[] differences = [.. bank.Manifest.Differences(manifest)];
        return differences.Length == 0
            ? bank
            : throw BadInput.Mismatch(
                folder,
                $"The target bank {folder} was made for {string.Join("; ", differences)}. Give another folder, or the "
                    + "same model, images and settings."
            );
    }

    /// <summary>
    /// Makes this process the only one that writes a part of the files; parts that have no file in common may be
    /// written at once.
    /// </summary>
    /// <param name="part">The part, from 0 to <paramref name="parts"/> − 1.</param>
    /// <param name="parts">How many parts there are.</param>
    /// <exception cref="BadInputException">Another process writes some of these files; it is named.</exception>
    internal WriterLock Lock(int part, int parts)
    {
        const string verb = "solve-targets";
        const string start = "part-";
        const string of = "-of-";
        using WriterLock turn = WriterLock.Wait(Path.Combine(Folder, "parts"), verb);
        foreach (string other in Directory.EnumerateFiles(Folder, $".retouch-{start}*.lock"))
        {
            // Of two parts the numbers of their files meet where they agree in what both divisions leave.
            string name = Path.GetFileNameWithoutExtension(other)[".retouch-".Length..];
            if (
                name[start.Length..].Split(of) is [string i, string n]
                && Number(i) is int otherPart
                && Number(n) is > 0 and int all
                && (part - otherPart) % (int)BigInteger.GreatestCommonDivisor(parts, all) == 0
            )
                WriterLock.Take(Path.Combine(Folder, name), verb, Folder).Dispose();
        }
        string own = string.Create(CultureInfo.InvariantCulture, $"{start}{part}{of}{parts}");
        return WriterLock.Take(Path.Combine(Folder, own), verb, Folder);

        static int? Number(string text) =>
            int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : null;
    }

    /// <summary>Says, by a file, that a part of the samples is there; a bank that is not divided has none.</summary>
    /// <param name="done">The part.</param>
    internal void Done(TargetBankPart done)
    {
        if (done.Parts == 1)
            return;
        done = done with { Sums = [.. done.Files.Select(f => PartSum.Of(ShardPath(f)))] };
        AtomicFile.Write(
            PartPath(done.Part, done.Parts),
            overwrite: true,
            stream =>
            {
                JsonSerializer.Serialize(stream, done, ManifestJson.Default.TargetBankPart);
                stream.WriteByte((byte)'\n');
            }
        );
    }

    /// <summary>The files of a part that are there and are not as they were when it came to its end.</summary>
    /// <exception cref="BadInputException">One cannot be read.</exception>
    internal IReadOnlyList<string> Changed(TargetBankPart part) =>
        [
            .. part
                .Files.Zip(part.Sums ?? [])
                .Select(f => (Path: ShardPath(f.First), Sum: f.Second))
                .Where(f => File.Exists(f.Path) && PartSum.Of(f.Path) != f.Sum)
                .Select(f => f.Path),
        ];

    /// <summary>
    /// Takes away what says that a part is there, and its files that were changed since: before it is solved again.
    /// </summary>
    /// <param name="part">The part, which this process has for itself (<see cref="Lock"/>).</param>
    /// <param name="parts">Of how many.</param>
    /// <returns>The files that are taken away.</returns>
    /// <exception cref="BadInputException">A file cannot be read or deleted.</exception>
    internal IReadOnlyList<string> Undo(int part, int parts)
    {
        string path = PartPath(part, parts);
        if (DoneParts().FirstOrDefault(p => p.File == path).Part is not { } done)
            return [];
        IReadOnlyList<string> changed = Changed(done);
        foreach (string file in changed)
            AtomicFile.Delete(file);
        AtomicFile.Delete(path);
        return changed;
    }

    /// <summary>The parts that say that they are there, with the file that says so.</summary>
    /// <exception cref="BadInputException">Such a file is damaged or of another bank.</exception>
    internal IReadOnlyList<(TargetBankPart Part, string File)> DoneParts()
    {
        List<(TargetBankPart, string)> parts = [];
        foreach (string file in Directory.EnumerateFiles(Folder, $"{PartName}*.json").Order(StringComparer.Ordinal))
        {
            ReadOnlyMemory<byte> text = InputFile.ReadJson(file, MaxPartLength);
            TargetBankPart? part = null;
            try
            {
                part = JsonSerializer.Deserialize(text.Span, ManifestJson.Default.TargetBankPart);
            }
            catch (Exception e) when (e is JsonException or InvalidOperationException) { }
            if (
                part is not { Parts: > 1, Part: >= 0, Count: > 0 }
                || part.Part >= part.Parts
                || file != PartPath(part.Part, part.Parts)
            )
                throw BadInput.Damaged(file, $"{file} does not say which part of a target bank is there.");
            if (part.Bank != _identity)
                throw BadInput.Mismatch(
                    file,
                    $"{file} belongs to another target bank than {Path.Combine(Folder, ManifestName)}; take it out of "
                        + "the folder."
                );
            parts.Add((part, file));
        }
        return parts;
    }

    string PartPath(int part, int parts) =>
        Path.Combine(Folder, string.Create(CultureInfo.InvariantCulture, $"{PartName}{part}-of-{parts}.json"));

    /// <summary>How many samples, from its first on, a file has; 0 where there is none.</summary>
    /// <param name="shard">The number of the file; its first sample is that times <see cref="ShardSize"/>.</param>
    /// <exception cref="BadInputException">The file is not one of this bank.</exception>
    public int Solved(long shard)
    {
        string path = ShardPath(shard);
        if (!File.Exists(path))
            return 0;
        using SafeTensorsFile file = SafeTensorsFile.Open(path);
        return Check(file, shard);
    }

    /// <summary>The samples of a file, or null if there is none; the caller disposes them.</summary>
    /// <exception cref="BadInputException">The file is not one of this bank.</exception>
    public TargetSamples? Read(long shard)
    {
        string path = ShardPath(shard);
        if (!File.Exists(path))
            return null;
        using SafeTensorsFile file = SafeTensorsFile.Open(path);
        Check(file, shard);
        using DisposeScope scope = NewDisposeScope();
        Tensor[] parts = [.. Parts.Select(file.Read)];
        for (int i = 0; i < parts.Length; i++)
        {
            // Targets are shares of units, gradients norms.
            bool sound =
                Parts[i] switch
                {
                    "targets" => parts[i].ge(Held(0)).logical_and(parts[i].le(Held(1))),
                    "gradients" => parts[i].ge(Held(0)),
                    _ => parts[i].isfinite(),
                }
                    is { } holds
                && holds.logical_and(parts[i].isfinite()).all().item<bool>();
            if (!sound)
                throw BadInput.Damaged(
                    path,
                    $"{path} is damaged: its {Parts[i]} hold NaN, infinite or impossible values.",
                    Remedy.MakeAgain(Artifact.TargetBank, place: Folder)
                );
        }
        foreach (Tensor part in parts)
            part.DetachFromDisposeScope();
        return new TargetSamples(shard * ShardSize, parts[0], parts[1], parts[2], parts[3], parts[4]);
    }

    /// <summary>Samples 0 to <paramref name="count"/> − 1 in one piece; the caller disposes them.</summary>
    /// <exception cref="BadInputException">Some are not solved yet; the message says which.</exception>
    public TargetSamples ReadFirst(int count)
    {
        List<TargetSamples> parts = [];
        try
        {
            for (long shard = 0; shard * ShardSize < count; shard++)
            {
                long first = shard * ShardSize;
                TargetSamples? part = Read(shard);
                if (part is not null)
                    parts.Add(part);
                if (part is null || part.Count < Math.Min(ShardSize, count - first))
                    throw BadInput.Missing(
                        Folder,
                        $"The target bank {Folder} lacks sample {first + (part?.Count ?? 0)} of the {count} asked for.",
                        Remedy.MakeIn(Artifact.TargetBank, Folder, count)
                    );
            }
            using TargetSamples all = TargetSamples.Join(parts);
            return all.Take(count);
        }
        finally
        {
            parts.ForEach(p => p.Dispose());
        }
    }

    /// <summary>How many of the first <paramref name="count"/> samples are solved.</summary>
    public long SolvedOf(long count)
    {
        long solved = 0;
        for (long shard = 0; shard * ShardSize < count; shard++)
            solved += Math.Min(Solved(shard), count - shard * ShardSize);
        return solved;
    }

    /// <summary>How many samples are solved from sample 0 on without a gap.</summary>
    public long SolvedFromFirst()
    {
        for (long shard = 0; ; shard++)
        {
            int solved = Solved(shard);
            if (solved < ShardSize)
                return shard * ShardSize + solved;
        }
    }

    /// <summary>Writes a file, replacing one with fewer samples.</summary>
    internal void Write(TargetSamples samples) =>
        SafeTensorsWriter.Write(
            ShardPath(samples.First / ShardSize),
            [
                ("features", samples.Features),
                ("originals", samples.Originals),
                ("targets", samples.Targets),
                ("gradients", samples.Gradients),
                ("measures", samples.Measures),
            ],
            new Dictionary<string, string>
            {
                ["bank"] = _identity,
                ["first"] = samples.First.ToString(CultureInfo.InvariantCulture),
            },
            overwrite: true
        );

    internal string ShardPath(long shard) =>
        Path.Combine(
            Folder,
            string.Create(CultureInfo.InvariantCulture, $"targets-{shard * ShardSize:0000000}.safetensors")
        );

    int Check(SafeTensorsFile file, long shard)
    {
        if (file.Metadata.GetValueOrDefault("bank") != _identity)
            throw BadInput.Mismatch(
                file.Path,
                $"{file.Path} belongs to another target bank than {Path.Combine(Folder, ManifestName)}; take it out "
                    + "of the folder."
            );
        long count =
            file.Tensors.TryGetValue("features", out TensorEntry? features) && features.Shape.Count == 2
                ? features.Shape[0]
                : 0;
        bool fits =
            count is > 0 and <= ShardSize
            && file.Metadata.GetValueOrDefault("first") == (shard * ShardSize).ToString(CultureInfo.InvariantCulture)
            && Is("features", [count, Manifest.Read ?? Manifest.Width])
            && Is("originals", [count, Manifest.Read ?? Manifest.Width])
            && Is("targets", [count, Manifest.Matrices, Manifest.Hidden])
            && Is("gradients", [count, Manifest.Matrices, Manifest.Hidden])
            && Is("measures", [count, 3]);
        return fits
            ? (int)count
            : throw BadInput.Damaged(
                file.Path,
                $"{file.Path} is damaged or not a file of a target bank.",
                Remedy.MakeAgain(Artifact.TargetBank, place: Folder)
            );

        bool Is(string name, long[] shape) =>
            file.Tensors.TryGetValue(name, out TensorEntry? entry)
            && entry.DType == TensorDType.F32
            && entry.Shape.SequenceEqual(shape);
    }
}
