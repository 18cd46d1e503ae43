using System.Diagnostics;
using System.Globalization;
using System.IO.Compression;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Retouch.Benchmarks;
using Retouch.Data;
using Retouch.Formats;
using Retouch.Images;
using Retouch.Locating;
using Retouch.Patches;
using Retouch.Pretraining;
using Retouch.Suffix;
using Retouch.Tests.Images;
using Retouch.Tests.Locating;
using Retouch.Tests.Patches;
using Retouch.Vit;
using SkiaSharp;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Tests.Formats;

/// <summary>
/// Damaged files by the thousand, for everything that parses what nobody vouches for: either it is read, or it is
/// refused as bad input, with memory in bounds. As many rounds a parser as are told here, the same on any machine;
/// RETOUCH_FUZZ_SECONDS says how long instead, and RETOUCH_FUZZ_SEED where to start.
/// </summary>
public sealed class ParserFuzzTests : IDisposable
{
    // Twenty times what the largest sample needs; tensors count on the other side of the border, whose sizes are
    // checked first.
    const long MostMemory = 64 << 20;

    const int Rounds = 150;

    static readonly double? Seconds = Environment.GetEnvironmentVariable("RETOUCH_FUZZ_SECONDS") is string text
        ? double.Parse(text, CultureInfo.InvariantCulture)
        : null;
    static readonly int Seed = int.Parse(
        Environment.GetEnvironmentVariable("RETOUCH_FUZZ_SEED") ?? "1",
        CultureInfo.InvariantCulture
    );

    static readonly byte[] Hurting =
    [
        0,
        1,
        0x7f,
        0x80,
        0xff,
        (byte)'.',
        (byte)'(',
        (byte)'"',
        (byte)'9',
        (byte)'-',
        (byte)'[',
        (byte)'{',
    ];

    static readonly Gen<(int Kind, double At, int Length, byte Value)[]> Edits = (
        from kind in Gen.Choose(0, 6)
        from at in Gen.Choose(0, 1_000_000)
        from length in Gen.Choose(1, 16)
        from value in Gen.Elements(Hurting)
        select (kind, at / 1_000_001.0, length, value)
    )
        .NonEmptyListOf()
        .Select(l => l.Take(8).ToArray());

    readonly TemporaryFolder _folder = new();
    readonly VitModel _model = TinyVit.Of(TinyVit.Variants["plain"]);

    public static TheoryData<string> Parsers =>
        [
            "safetensors",
            "shard index",
            "pickle",
            "PyTorch",
            "PyTorch before 1.6",
            "npz",
            "npy head",
            "ONNX",
            "config.json",
            "preprocessor_config.json",
            "labels",
            "label table",
            "image with EXIF",
            "pretrained_cfg",
            "patch",
            "locator",
            "preparation",
            "benchmark",
            "confirmed list",
            "rows",
            "manifest",
            "masks",
            "sensitive images",
            "side effects",
            "checkpoint",
            "pretraining checkpoint",
            "bank",
            "bank manifest",
            "mapping",
            "settings",
            "numbers of rows",
            "pickle program",
            "image PNG",
            "image JPEG",
            "image WebP",
            "image BMP",
            "image GIF",
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
        int refused = 0;
        int rounds = 0;
        for (
            int seed = Seed;
            Seconds is double seconds ? time.Elapsed.TotalSeconds < seconds : rounds < Rounds;
            seed++, rounds++
        )
        {
            // Programs and numbers are made anew each round: flipped bytes rarely are one.
            byte[] damaged = parser switch
            {
                "pickle program" => PickleProgram(new Random(seed)),
                "numbers of rows" => Encoding.UTF8.GetBytes(Numbers(Encoding.UTF8.GetString(sample), new Random(seed))),
                _ => Damaged(sample, seed),
            };
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
                Assert.InRange(e.Message.Length, 1, 4000);
            }
            catch (Exception e)
            {
                string kept = Path.Combine(Path.GetTempPath(), $"retouch-fuzz-{seed}-{name}");
                File.WriteAllBytes(kept, damaged);
                Assert.Fail($"seed {seed} ({kept}): {e}");
            }
            long taken = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.True(taken <= MostMemory, $"seed {seed} took {taken} bytes");
        }
        Assert.InRange(refused, 1, rounds);
    }

    /// <summary>Bytes flipped, set to what tends to hurt, cut out, doubled or cut off.</summary>
    static byte[] Damaged(byte[] sample, int seed)
    {
        List<byte> bytes = [.. sample];
        foreach (
            (int kind, double share, int length, byte value) in Edits.Sample(8, new Rnd((ulong)seed, 1), 1).First()
        )
        {
            if (bytes.Count == 0)
                break;
            // Heads and tables of contents are where it hurts.
            int at = (int)(share * (kind % 2 == 0 ? bytes.Count : Math.Min(bytes.Count, 600)));
            int run = Math.Min(length, bytes.Count - at);
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
                return (
                    "m.safetensors.index.json",
                    Encoding.UTF8.GetBytes(
                        $$"""{"metadata": {"total_size": 1}, "weight_map": { {{string.Join(",", shapes.Select(s => $"\"{s.Item1}\": \"part.safetensors\""))}} } }"""
                    ),
                    Load
                );
            case "pickle":
                // In an archive whose checksums are right, so that the damage reaches the pickle.
                return (
                    "data.pkl",
                    PickleBuilder.StateDictionary(shapes),
                    path => Load(_folder.Write("m.pth", PickleBuilder.Zip(File.ReadAllBytes(path), storages)))
                );
            case "PyTorch":
                return ("m.pth", PickleBuilder.Zip(PickleBuilder.StateDictionary(shapes), storages), Load);
            case "PyTorch before 1.6":
                return (
                    "old.pth",
                    PickleBuilder.Legacy(PickleBuilder.StateDictionary(shapes, legacy: true), storages),
                    Load
                );
            case "npz":
                return (
                    "m.npz",
                    File.ReadAllBytes(SharedData.Require("golden", "augreg_vit.npz")),
                    path => ModelFile.Load(path).Dispose()
                );
            case "npy head":
                byte[] head = Encoding.ASCII.GetBytes("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 4), }");
                return (
                    "cls.npy",
                    [0x93, .. "NUMPY"u8, 1, 0, (byte)head.Length, 0, .. head, .. new byte[16]],
                    ReadArray
                );
            case "ONNX":
                OnnxExport.Write(
                    _model,
                    Preprocessing.Inception(12, 1),
                    null,
                    _folder.File("sample.onnx"),
                    overwrite: true
                );
                return ("m.onnx", File.ReadAllBytes(_folder.File("sample.onnx")), ReadOnnx);
            case "config.json":
                _folder.Write("m.safetensors", plain);
                return (
                    "config.json",
                    Encoding.UTF8.GetBytes(
                        """{"model_type": "vit", "hidden_size": 24, "num_attention_heads": 3, "layer_norm_eps": 1e-06, "hidden_act": "gelu", "id2label": {"0": "a", "1": "b", "2": "c", "3": "d", "4": "e", "5": "f", "6": "g"}}"""
                    ),
                    _ => Load(_folder.File("m.safetensors"))
                );
            case "preprocessor_config.json":
                _folder.Write("m.safetensors", plain);
                return (
                    "preprocessor_config.json",
                    Encoding.UTF8.GetBytes(
                        """{"image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": 13}, "crop_size": {"height": 12, "width": 12}, "do_center_crop": true, "resample": 3, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}"""
                    ),
                    _ => Load(_folder.File("m.safetensors"))
                );
            case "labels":
                return (
                    "labels.json",
                    Encoding.UTF8.GetBytes(
                        """[{"index": 0, "wnid": "n01440764", "name": "tench"}, {"index": 1, "name": "goldfish"}]"""
                    ),
                    path => LabelSet.Load(path)
                );
            case "label table":
                return (
                    "labels.csv",
                    "index,wnid,name\n0,n01440764,\"tench, Tinca tinca\"\n1,n01443537,goldfish\n"u8.ToArray(),
                    path => LabelSet.Load(path)
                );
            case "image with EXIF":
                return (
                    "x.png",
                    Images.ExifOrientationTests.File("png", Images.ExifOrientationTests.Exif(6)),
                    path => ImageDecoder.Load(path, ImageOrientation.Exif)
                );
            case "pretrained_cfg":
                return (
                    "cfg.json",
                    Encoding.UTF8.GetBytes(Preprocessing.ImageNet(224, 0.9).ToJson()),
                    path => Preprocessing.FromJson(Encoding.Latin1.GetString(File.ReadAllBytes(path)))
                );
            case "patch":
                using (Patch patch = PatchSamples.Random(_model))
                    PatchFile.Save(patch, _folder.File("sample.patch"), overwrite: true);
                return (
                    "p.patch",
                    File.ReadAllBytes(_folder.File("sample.patch")),
                    path => PatchFile.Load(path).Dispose()
                );
            case "locator":
                using (Cli.Workbench bench = new())
                    return (
                        "l.safetensors",
                        File.ReadAllBytes(bench.WriteHypernetwork("l")),
                        path => HypernetworkFile.Load(path).Dispose()
                    );
            case "preparation":
                using (Cli.Workbench bench = new())
                {
                    Cli.Ran.Retouch(
                            "prepare",
                            "--model",
                            bench.Model,
                            "--images",
                            bench.Locality,
                            "--method",
                            "t-patcher",
                            "--out",
                            bench.Path("prep")
                        )
                        .Good();
                    return (
                        "prep.safetensors",
                        File.ReadAllBytes(bench.Path("prep")),
                        path => Preparation.Load(path).Dispose()
                    );
                }
            case "benchmark":
                return ("b.json", Encoding.UTF8.GetBytes(BenchmarkText()), path => BenchmarkFile.Load(path));
            case "confirmed list":
                return (
                    "confirmed.json",
                    Encoding.UTF8.GetBytes(
                        $$"""{"format": "retouch-confirmed", "version": 1, "model": "{{new string('a', 64)}}", "stronger": "{{new string('c', 64)}}", "groups": [{"source": "s", "class": "c", "label": 1, "wrong": 2, "images": [{"path": "a/b.png", "sha256": "{{new string('b', 64)}}"}]}]}"""
                    ),
                    path => ConfirmedList.Load(path)
                );
            case "rows" or "numbers of rows":
                return (
                    "rows.jsonl",
                    Encoding.UTF8.GetBytes(
                        BenchRowFile.Text([
                            Benchmarks.BenchSamples.Row(0, "g", true, 0.5, 1),
                            Benchmarks.BenchSamples.Row(1, "g", false, null, 0.25),
                        ])
                    ),
                    path => Encoding.UTF8.GetBytes(BenchRowFile.Text(BenchRowFile.Read(path)))
                );
            case "manifest":
                BenchFolder.Prepare(
                    _folder.Root,
                    new BenchManifest
                    {
                        Run = "0123456789abcdef",
                        Model = new string('a', 64),
                        Edits = 6,
                        Groups = 3,
                        LocalityImages = 2,
                        SensitiveImages = 1,
                        MaxEditsPerGroup = null,
                        Batch = 12,
                        Seed = 0,
                        Settings = ["keep 1"],
                    }
                );
                return (
                    BenchManifest.FileName,
                    File.ReadAllBytes(_folder.File(BenchManifest.FileName)),
                    path => BenchFolder.ReadManifest(Path.GetDirectoryName(path)!)
                );
            case "sensitive images":
                SensitiveFile.Write(
                    _folder.Root,
                    new SensitiveImages
                    {
                        Model = new string('a', 64),
                        Candidates = new string('b', 64),
                        Margin = 0.05,
                        Asked = 2,
                        Images = [new("a/b.png", new string('c', 64), 0.04)],
                    }
                );
                return (
                    SensitiveFile.FileName,
                    File.ReadAllBytes(SensitiveFile.PathIn(_folder.Root)),
                    path => SensitiveFile.Read(Path.GetDirectoryName(path)!)
                );
            case "side effects":
                SideEffectFile.Write(_folder.Root, Benchmarks.SideEffectSamples.Of());
                return (
                    SideEffectFile.FileName,
                    File.ReadAllBytes(SideEffectFile.PathIn(_folder.Root)),
                    path => SideEffectSummary.Of(SideEffectFile.Read(Path.GetDirectoryName(path)!)!, resamples: 2)
                );
            case "masks":
                MaskFile.Add(
                    _folder.Root,
                    new MaskComparison
                    {
                        Model = new string('a', 64),
                        Locator = "gradient",
                        Keep = 0.2,
                        Seed = 0,
                        Specificity = new MaskSpecificity
                        {
                            Within = 0.5,
                            Across = 0.1,
                            Groups = ["a", "b"],
                            Matrix =
                            [
                                [0.5, 0.1],
                                [0.1, 0.5],
                            ],
                        },
                    }
                );
                return (
                    MaskFile.FileName,
                    File.ReadAllBytes(_folder.File(MaskFile.FileName)),
                    path => MaskFile.Read(Path.GetDirectoryName(path)!)
                );
            case "checkpoint":
                LocatorTrainingSettings settings = new() { Blocks = 1, Heads = 3 };
                using (LocatorTraining training = LocatorTraining.Start(new SplitVit(_model).Space, settings))
                    LocatorCheckpoint.Save(training, "data", _folder.File("sample.checkpoint"));
                return (
                    "l.checkpoint",
                    File.ReadAllBytes(_folder.File("sample.checkpoint")),
                    path => LocatorCheckpoint.Load(path, "data", settings).Dispose()
                );
            case "pretraining checkpoint":
                PretrainingSettings pretraining = new()
                {
                    ImageSize = 8,
                    Depth = 1,
                    Width = 8,
                    Heads = 2,
                    MlpWidth = 8,
                };
                using (PretrainingRun run = new(pretraining, 3))
                    PretrainingCheckpoint.Save(run, "data", _folder.File("sample.checkpoint"));
                return (
                    "p.checkpoint",
                    File.ReadAllBytes(_folder.File("sample.checkpoint")),
                    path => PretrainingCheckpoint.Load(path, "data", pretraining, 3).Dispose()
                );
            case "bank" or "bank manifest":
                using (MetaWorld world = new())
                {
                    using TargetBankFiller filler = world.Filler();
                    TargetBank bank = world.Bank("bank", filler);
                    filler.Fill(bank, 3);
                    byte[] manifest = File.ReadAllBytes(Path.Combine(bank.Folder, "bank.json"));
                    byte[] targets = File.ReadAllBytes(Path.Combine(bank.Folder, "targets-0000000.safetensors"));
                    _folder.Write("bank.json", manifest);
                    _folder.Write("targets-0000000.safetensors", targets);
                    return parser == "bank"
                        ? (
                            "targets-0000000.safetensors",
                            targets,
                            _ => TargetBank.Open(_folder.Root).ReadFirst(3).Dispose()
                        )
                        : ("bank.json", manifest, _ => TargetBank.Open(_folder.Root));
                }
            case "mapping":
                return (
                    "accept.json",
                    "{\"elephant\": [386, 101, \"385\"], \"horse\": []}"u8.ToArray(),
                    path => ClassFolders.Load(path, LabelSet.Numbered(1000))
                );
            case "settings":
                return (
                    "settings.json",
                    Encoding.UTF8.GetBytes(new PretrainingSettings().ToJson()),
                    path => PretrainingSettings.Load(path)
                );
            case "pickle program":
                return (
                    "data.pkl",
                    PickleBuilder.StateDictionary(shapes),
                    path => Load(_folder.Write("m.pth", PickleBuilder.Zip(File.ReadAllBytes(path), storages)))
                );
            case "image PNG" or "image JPEG" or "image WebP":
                return (
                    "x.img",
                    TestImage.Encode(
                        TestImage.Noise(40, 30),
                        Enum.Parse<SKEncodedImageFormat>(parser["image ".Length..], ignoreCase: true),
                        80
                    ),
                    path => ImageDecoder.Load(path)
                );
            case "image BMP":
                byte[] bmp = new byte[54 + 3 * 8 * 6];
                "BM"u8.CopyTo(bmp);
                foreach (
                    (int at, int value) in ((int, int)[])
                        [(2, bmp.Length), (10, 54), (14, 40), (18, 8), (22, 6), (26, 1 | 24 << 16)]
                )
                    BitConverter.TryWriteBytes(bmp.AsSpan(at), value);
                return ("x.bmp", bmp, path => ImageDecoder.Load(path));
            case "image GIF":
                return (
                    "x.gif",
                    Convert.FromBase64String("R0lGODlhAQABAIAAAP///wAAACwAAAAAAQABAAACAkQBADs="),
                    path => ImageDecoder.Load(path)
                );
            default:
                throw new ArgumentException(parser, nameof(parser));
        }
    }

    /// <summary>A pickle of instructions in any order, each whole: what flipped bytes never reach.</summary>
    static byte[] PickleProgram(Random random)
    {
        PickleBuilder pickle = new PickleBuilder()
            .Op('}')
            .Op('q', 0)
            .Op(']')
            .Op('q', 1)
            .Text("k")
            .Op('q', 2)
            .Op('K', 3)
            .Op('q', 3)
            .Ints(2, 2)
            .Op('q', 4)
            .Global("collections", "OrderedDict")
            .Op('q', 5)
            .Global("torch._utils", "_rebuild_tensor_v2")
            .Op('q', 6)
            .Int(System.Numerics.BigInteger.Pow(2, 2000))
            .Op('q', 7)
            .Op('(')
            .Text("storage")
            .Global("torch", "FloatStorage")
            .Text("0")
            .Text("cpu")
            .Int(4)
            .Op('t')
            .Op('Q')
            .Op('q', 8);
        for (int i = random.Next(1, 400); i > 0; i--)
        {
            _ = random.Next(12) switch
            {
                0 => pickle.Op('('),
                1 => pickle.Op('t'),
                2 => pickle.Op('e'),
                3 => pickle.Op('u'),
                4 => pickle.Op('R'),
                5 => pickle.Op((byte)random.Next(0x85, 0x88)),
                6 => pickle.Op('2'),
                7 => pickle.Op('}'),
                8 => pickle.Op('s'),
                _ => pickle.Op('h', (byte)random.Next(9)),
            };
        }
        return pickle.Stop();
    }

    /// <summary>A text of JSON with some of its numbers changed for ones that hurt.</summary>
    static string Numbers(string json, Random random)
    {
        string[] hurting =
        [
            "1e999",
            "-1e999",
            "1e-999",
            "-1",
            "0.5",
            "99999999999",
            "1e400",
            "NaN",
            "-0",
            "null",
            "\"1\"",
            "[1]",
            "2147483648",
            "1.0000000001",
        ];
        return System.Text.RegularExpressions.Regex.Replace(
            json,
            "(?<=:)-?[0-9.]+",
            m => random.Next(6) == 0 ? hurting[random.Next(hurting.Length)] : m.Value
        );
    }

    void ReadOnnx(string path)
    {
        Tensor weight = _model.Tensors["blocks.1.mlp.fc1.weight"];
        using Tensor after = weight + 1;
        OnnxPatcher.Write(
            path,
            _folder.File("out.onnx"),
            new Dictionary<string, Tensor> { ["w"] = weight },
            new Dictionary<string, Tensor> { ["w"] = after },
            overwrite: true
        );
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
        catch (BadInputException e) when (e.Message.Contains("is not how", StringComparison.Ordinal)) { }
    }

    string BenchmarkText()
    {
        BenchmarkFile.Save(Benchmarks.BenchSamples.Benchmark(), _folder.File("bench.json"), overwrite: true);
        return File.ReadAllText(_folder.File("bench.json"));
    }
}
