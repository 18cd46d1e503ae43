using System.Diagnostics;
using System.Globalization;
using System.IO.Compression;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Retouch.Evaluation;
using Retouch.Formats;
using Retouch.Images;
using Retouch.Locating;
using Retouch.Patches;
using Retouch.Tests.Patches;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Tests.Formats;

/// <summary>
/// Damaged files by the thousand, for everything that parses what nobody vouches for: either it is read, or it is
/// refused as bad input, with memory in bounds. A second a parser; RETOUCH_FUZZ_SECONDS says how long instead, and
/// RETOUCH_FUZZ_SEED where to start.
/// </summary>
public sealed class ParserFuzzTests : IDisposable
{
    // Twenty times what the largest sample needs; tensors count on the other side of the border, whose sizes are checked first.
    const long MostMemory = 64 << 20;

    static readonly double Seconds = double.Parse(Environment.GetEnvironmentVariable("RETOUCH_FUZZ_SECONDS") ?? "1", CultureInfo.InvariantCulture);
    static readonly int Seed = int.Parse(Environment.GetEnvironmentVariable("RETOUCH_FUZZ_SEED") ?? "1", CultureInfo.InvariantCulture);

    static readonly byte[] Hurting = [0, 1, 0x7f, 0x80, 0xff, (byte)'.', (byte)'(', (byte)'"', (byte)'9', (byte)'-', (byte)'[', (byte)'{'];

    static readonly Gen<(int Kind, double At, int Length, byte Value)[]> Edits =
        (from kind in Gen.Choose(0, 6)
         from at in Gen.Choose(0, 1_000_000)
         from length in Gen.Choose(1, 16)
         from value in Gen.Elements(Hurting)
         select (kind, at / 1_000_001.0, length, value)).NonEmptyListOf().Select(l => l.Take(8).ToArray());

    readonly TemporaryFolder _folder = new();
    readonly VitModel _model = TinyVit.Of(TinyVit.Variants["plain"]);

    public static TheoryData<string> Parsers =>
    [
        "safetensors", "shard index", "pickle", "PyTorch", "PyTorch before 1.6", "npz", "npy head", "ONNX",
        "config.json", "preprocessor_config.json", "labels", "label table", "image with EXIF", "pretrained_cfg",
            "patch", "locator", "preparation", "benchmark", "confirmed list",
    ];

    public void Dispose()
    {
        _model.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [MemberData(nameof(Parsers))]
    public void Damaged_files_are_read_or_refused(string parser)
    {
        (string name, byte[] sample, Action<string> read) = Parser(parser);
        string path = _folder.Write(name, sample);
        read(path);
        Stopwatch time = Stopwatch.StartNew();
        int refused = 0, rounds = 0;
        for (int seed = Seed; time.Elapsed.TotalSeconds < Seconds; seed++, rounds++)
        {
            byte[] damaged = Damaged(sample, seed);
            File.WriteAllBytes(path, damaged);
            long before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                using DisposeScope scope = NewDisposeScope();
                read(path);
            }
            catch (BadInputException e)
            {
                refused++;
                Assert.False(string.IsNullOrWhiteSpace(e.Message));
            }
            catch (Exception e)
            {
                string kept = Path.Combine(Path.GetTempPath(), $"retouch-fuzz-{seed}-{name}");
                File.WriteAllBytes(kept, damaged);
                Assert.Fail($"seed {seed} ({kept}): {e}");
            }
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, MostMemory);
        }
        Assert.InRange(refused, 1, rounds);
    }

    /// <summary>Bytes flipped, set to what tends to hurt, cut out, doubled or cut off.</summary>
    static byte[] Damaged(byte[] sample, int seed)
    {
        List<byte> bytes = [.. sample];
        foreach ((int kind, double share, int length, byte value) in Edits.Sample(8, new Rnd((ulong)seed, 1), 1).First())
        {
            if (bytes.Count == 0)
                break;
            // Heads and tables of contents are where it hurts.
            int at = (int)(share * (kind % 2 == 0 ? bytes.Count : Math.Min(bytes.Count, 600))), run = Math.Min(length, bytes.Count - at);
            switch (kind)
            {
                case 0 or 1:
                    bytes[at] ^= (byte)(1 << (length % 8));
                    break;
                case 2 or 3:
                    for (int i = 0; i < run; i++)
                        bytes[at + i] = value;
                    break;
                case 4:
                    bytes.RemoveRange(at, run);
                    break;
                case 5:
                    bytes.InsertRange(at, [.. bytes.Skip(at).Take(run)]);
                    break;
                default:
                    bytes.RemoveRange(at, bytes.Count - at);
                    break;
            }
        }
        return [.. bytes];
    }

    (string Name, byte[] Sample, Action<string> Read) Parser(string parser)
    {
        ModelHints hints = ModelSamples.Hints(_model.Config);
        void Load(string path) => ModelFile.Load(path, hints).Dispose();
        byte[] plain = File.ReadAllBytes(ModelSamples.Write(_folder.File("sample.safetensors"), _model));
        (string, long[])[] shapes = [.. _model.Tensors.Select(t => (t.Key, t.Value.shape))];
        byte[][] storages = [.. _model.Tensors.Select(t => t.Value.bytes.ToArray())];
        switch (parser)
        {
            case "safetensors":
                return ("m.safetensors", plain, Load);
            case "shard index":
                _folder.Write("part.safetensors", plain);
                return ("m.safetensors.index.json", Encoding.UTF8.GetBytes($$"""{"metadata": {"total_size": 1}, "weight_map": { {{string.Join(",", shapes.Select(s => $"\"{s.Item1}\": \"part.safetensors\""))}} } }"""), Load);
            case "pickle":
                // In an archive whose checksums are right, so that the damage reaches the pickle.
                return ("data.pkl", PickleBuilder.StateDictionary(shapes), path => Load(_folder.Write("m.pth", PickleBuilder.Zip(File.ReadAllBytes(path), storages))));
            case "PyTorch":
                return ("m.pth", PickleBuilder.Zip(PickleBuilder.StateDictionary(shapes), storages), Load);
            case "PyTorch before 1.6":
                return ("old.pth", PickleBuilder.Legacy(PickleBuilder.StateDictionary(shapes, legacy: true), storages), Load);
            case "npz":
                return ("m.npz", File.ReadAllBytes(SharedData.Require("golden", "augreg_vit.npz")), path => ModelFile.Load(path).Dispose());
            case "npy head":
                byte[] head = Encoding.ASCII.GetBytes("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 4), }");
                return ("cls.npy", [0x93, .. "NUMPY"u8, 1, 0, (byte)head.Length, 0, .. head, .. new byte[16]], ReadArray);
            case "ONNX":
                OnnxExport.Write(_model, Preprocessing.Inception(12, 1), null, _folder.File("sample.onnx"), overwrite: true);
                return ("m.onnx", File.ReadAllBytes(_folder.File("sample.onnx")), ReadOnnx);
            case "config.json":
                _folder.Write("m.safetensors", plain);
                return ("config.json", Encoding.UTF8.GetBytes("""{"model_type": "vit", "hidden_size": 24, "num_attention_heads": 3, "layer_norm_eps": 1e-06, "hidden_act": "gelu", "id2label": {"0": "a", "1": "b", "2": "c", "3": "d", "4": "e", "5": "f", "6": "g"}}"""), _ => Load(_folder.File("m.safetensors")));
            case "preprocessor_config.json":
                _folder.Write("m.safetensors", plain);
                return ("preprocessor_config.json", Encoding.UTF8.GetBytes("""{"image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": 13}, "crop_size": {"height": 12, "width": 12}, "do_center_crop": true, "resample": 3, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}"""), _ => Load(_folder.File("m.safetensors")));
            case "labels":
                return ("labels.json", Encoding.UTF8.GetBytes("""[{"index": 0, "wnid": "n01440764", "name": "tench"}, {"index": 1, "name": "goldfish"}]"""), path => LabelSet.Load(path));
            case "label table":
                return ("labels.csv",
                    "index,wnid,name\n0,n01440764,\"tench, Tinca tinca\"\n1,n01443537,goldfish\n"u8.ToArray(), path =>
                    LabelSet.Load(path));
            case "image with EXIF":
                return ("x.png", Images.ExifOrientationTests.File("png", Images.ExifOrientationTests.Exif(6)), path =>
                    ImageDecoder.Load(path, ImageOrientation.Exif));
            case "pretrained_cfg":
                return ("cfg.json", Encoding.UTF8.GetBytes(Preprocessing.ImageNet(224, 0.9).ToJson()), path => Preprocessing.FromJson(Encoding.Latin1.GetString(File.ReadAllBytes(path))));
            case "patch":
                using (Patch patch = PatchSamples.Random(_model))
                    PatchFile.Save(patch, _folder.File("sample.patch"), overwrite: true);
                return ("p.patch", File.ReadAllBytes(_folder.File("sample.patch")), path => PatchFile.Load(path).Dispose());
            case "locator":
                using (Cli.Workbench bench = new())
                    return ("l.safetensors", File.ReadAllBytes(bench.WriteHypernetwork("l")), path => HypernetworkFile.Load(path).Dispose());
            case "preparation":
                using (Cli.Workbench bench = new())
                {
                    Cli.Ran.Retouch("prepare", "--model", bench.Model, "--images", bench.Locality, "--method", "t-patcher", "--out", bench.Path("prep")).Good();
                    return ("prep.safetensors", File.ReadAllBytes(bench.Path("prep")), path => Preparation.Load(path).Dispose());
                }
            case "benchmark":
                return ("b.json", Encoding.UTF8.GetBytes(BenchmarkText()), path => BenchmarkFile.Load(path));
            case "confirmed list":
                return ("confirmed.json", Encoding.UTF8.GetBytes($$"""{"format": "retouch-confirmed", "version": 1, "model": "{{new string('a', 64)}}", "stronger": "{{new string('c', 64)}}", "groups": [{"source": "s", "class": "c", "label": 1, "wrong": 2, "images": [{"path": "a/b.png", "sha256": "{{new string('b', 64)}}"}]}]}"""), path => ConfirmedList.Load(path));
            default:
                throw new ArgumentException(parser, nameof(parser));
        }
    }

    void ReadOnnx(string path)
    {
        Tensor weight = _model.Tensors["blocks.1.mlp.fc1.weight"];
        using Tensor after = weight + 1;
        OnnxPatcher.Write(path, _folder.File("out.onnx"), new Dictionary<string, Tensor> { ["w"] = weight }, new Dictionary<string, Tensor> { ["w"] = after }, overwrite: true);
    }

    // In an archive whose checksum is right.
    void ReadArray(string path)
    {
        MemoryStream bytes = new();
        using (ZipArchive zip = new(bytes, ZipArchiveMode.Create, leaveOpen: true))
        {
            using Stream entry = zip.CreateEntry("embedding/kernel.npy").Open();
            entry.Write(File.ReadAllBytes(path));
        }
        try
        {
            ModelFile.Load(_folder.Write("head.npz", bytes.ToArray())).Dispose();
        }
        // The undamaged array is read, and only then found to be no model's.
        catch (BadInputException e) when (e.Message.Contains("is not how", StringComparison.Ordinal))
        {
        }
    }

    string BenchmarkText()
    {
        BenchmarkFile.Save(Evaluation.BenchSamples.Benchmark(), _folder.File("bench.json"), overwrite: true);
        return File.ReadAllText(_folder.File("bench.json"));
    }
}
