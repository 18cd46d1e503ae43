using System.Diagnostics;
using Microsoft.ML.OnnxRuntime;
using Retouch.Formats;
using Retouch.Images;
using Retouch.OnnxRuntime;
using Retouch.Patches;
using Retouch.Tests.Formats;
using Retouch.Tests.Patches;
using Retouch.Vit;
using static TorchSharp.torch;

namespace Retouch.Tests.OnnxRuntime;

/// <summary>Served models whose patches change under traffic.</summary>
public sealed class PatchedSessionTests : IDisposable
{
    readonly TemporaryFolder _folder = new();
    readonly VitModel _model = TinyVit.Create();
    readonly float[] _pixels;
    readonly long[] _shape;

    public PatchedSessionTests()
    {
        using Tensor pixels = TinyVit.Pixels(_model, 3);
        (_pixels, _shape) = ([.. pixels.data<float>()], pixels.shape);
    }

    public void Dispose()
    {
        _model.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData("own")]
    [InlineData("renamed")]
    [InlineData("external")]
    public void Under_a_swapped_patch_it_says_what_the_exported_model_says(string kind)
    {
        string path = Export(_model, "live.onnx");
        byte[] exported = File.ReadAllBytes(path);
        Func<string, string> rename = n =>
            n is OnnxExport.Input or OnnxExport.Output ? n : "onnx::" + n.GetHashCode(StringComparison.Ordinal);
        if (kind == "renamed")
            _folder.Write("live.onnx", OnnxSamples.Rewritten(exported, rename));
        if (kind == "external")
        {
            using FileStream weights = File.Create(_folder.File("weights.bin"));
            _folder.Write("live.onnx", OnnxSamples.Rewritten(exported, rename, external: weights));
        }
        using PatchedModel model = kind == "own" ? PatchedModel.Open(path) : PatchedModel.Open(path, _model);
        Assert.Equal(_model.Fingerprint, model.Fingerprint);
        using Patch a = PatchSamples.Random(_model, 1);
        using Patch b = PatchSamples.Random(_model, 2);
        using Patch gate = PatchSamples.Rewriting(_model, 3, 5, 3);
        using PatchedSession session = PatchedSession.Create(model, []);
        Same([]);
        foreach (
            Patch[] patches in (Patch[][])
                [
                    [a],
                    [b, a],
                    [gate],
                    [],
                    [gate, a, b],
                ]
        )
        {
            session.Swap(patches);
            Same(patches);
        }
        Assert.Equal(5, session.Swaps);

        void Same(Patch[] patches)
        {
            using VitModel edited = patches.Length == 0 ? TinyVit.Create() : PatchLedger.Apply(_model, patches);
            float[] exportedLogits = Run(Export(edited, "edited.onnx"));
            float[] logits = session.Run(_pixels, _shape);
            Assert.Equal(exportedLogits.Length, logits.Length);
            Assert.InRange(exportedLogits.Zip(logits, (e, l) => Math.Abs(e - l)).Max(), 0, 1e-4);
        }
    }

    [Fact]
    public void A_hundred_swaps_under_four_clients_fail_no_request()
    {
        using PatchedModel model = PatchedModel.Open(
            Export(_model, "live.onnx"),
            o => (o.IntraOpNumThreads, o.InterOpNumThreads) = (1, 1)
        );
        using Patch a = PatchSamples.Random(_model, 1);
        using Patch b = PatchSamples.Random(_model, 2);
        Patch[][] sets =
        [
            [],
            [a],
            [b],
            [a, b],
        ];
        float[][] expected =
        [
            .. sets.Select(s =>
            {
                using PatchedSession alone = PatchedSession.Create(model, s);
                return alone.Run(_pixels, _shape);
            }),
        ];
        Served served = Serve(model, sets, swaps: 100, clients: 4, _pixels, _shape);
        Assert.Empty(served.Errors);
        // Each answer is of one patch set, none of a mixture.
        Assert.All(served.Answers, answer => Assert.Contains(expected, e => e.SequenceEqual(answer)));
        Assert.True(expected.Count(e => served.Answers.Any(e.SequenceEqual)) > 1);
        TestContext.Current.TestOutputHelper?.WriteLine(served.ToString());
    }

    [Fact]
    public void What_does_not_fit_is_refused_and_the_old_patches_stay()
    {
        string path = Export(_model, "live.onnx");
        using PatchedModel model = PatchedModel.Open(path);
        using Patch right = PatchSamples.Random(_model, 1);
        using VitModel other = TinyVit.Create(seed: 9);
        using Patch wrong = PatchSamples.Random(other, 1);
        PatchedSession session = PatchedSession.Create(model, [right]);
        float[] before = session.Run(_pixels, _shape);
        Assert.Contains("is for the model", Refused(() => session.Swap([wrong])), StringComparison.Ordinal);
        Assert.Contains(
            "is for the model",
            Refused(() => PatchedSession.Create(model, [wrong])),
            StringComparison.Ordinal
        );
        Assert.Equal(before, session.Run(_pixels, _shape));
        session.Dispose();
        session.Dispose();
        Assert.Throws<ObjectDisposedException>(() => session.Run(_pixels, _shape));
        Assert.Throws<ObjectDisposedException>(() => session.Swap([right]));

        // Another's file says not what it holds; one that holds something else has not the weights.
        _folder.Write("foreign.onnx", WithoutWords(File.ReadAllBytes(path)));
        Assert.Contains(
            "which model it holds",
            Refused(() => PatchedModel.Open(_folder.File("foreign.onnx"))),
            StringComparison.Ordinal
        );
        using PatchedModel mistaken = PatchedModel.Open(_folder.File("foreign.onnx"), other);
        Assert.Contains("nowhere", Refused(() => PatchedSession.Create(mistaken, [wrong])), StringComparison.Ordinal);
        // A file that is written to while it is served is not half the old one, half the new.
        using PatchedSession late = PatchedSession.Create(model, []);
        File.AppendAllText(path, "x");
        Assert.Contains("live.onnx", Refused(() => late.Swap([right])), StringComparison.Ordinal);
        Assert.NotEmpty(late.Run(_pixels, _shape));
    }

    /// <summary>
    /// RETOUCH_SERVING names a folder for a random ViT-B/16; measured by hand, as docs/serving.md says.
    /// </summary>
    [Fact]
    public void What_a_base_model_takes()
    {
        string? folder = Environment.GetEnvironmentVariable("RETOUCH_SERVING");
        Assert.SkipWhen(folder is null, "RETOUCH_SERVING names no folder to measure in");
        ITestOutputHelper output = TestContext.Current.TestOutputHelper!;
        VitConfig config = new()
        {
            ImageSize = 224,
            PatchSize = 16,
            Width = 768,
            Depth = 12,
            Heads = 12,
            MlpWidth = 3072,
            Classes = 1000,
            QkvBias = true,
        };
        string path = Path.Combine(folder, "vit-b.onnx");
        List<Patch> patches = [];
        long[] shape = [1, 3, 224, 224];
        float[] pixels = [.. Enumerable.Range(0, 3 * 224 * 224).Select(i => MathF.Sin(i))];
        using (VitModel big = Scaled(config))
        {
            if (!File.Exists(path))
                OnnxExport.Write(big, Preprocessing.Inception(224, 0.9), null, path, overwrite: false);
            patches.AddRange(Enumerable.Range(1, 10).Select(i => PatchSamples.Random(big, i, share: 0.05)));
            // As a gate's: one matrix of the last block instead of six of the last three.
            patches.AddRange(Enumerable.Range(1, 10).Select(i => PatchSamples.Rewriting(big, 11, i, i)));
            using VitModel edited = PatchLedger.Apply(big, [patches[0]]);
            OnnxExport.Write(edited, Preprocessing.Inception(224, 0.9), null, path + ".edited", overwrite: true);
        }
        GC.Collect();
        Action<SessionOptions> one = o => (o.IntraOpNumThreads, o.InterOpNumThreads) = (1, 1);
        float[] expected;
        Stopwatch time = Stopwatch.StartNew();
        using (SessionOptions options = new())
        {
            one(options);
            using InferenceSession plain = new(path + ".edited", options);
            output.WriteLine($"a session of the whole file: {time.Elapsed.TotalMilliseconds:0} ms");
            using OrtValue value = OrtValue.CreateTensorValueFromMemory(pixels, shape);
            using RunOptions run = new();
            using var answer = plain.Run(run, [OnnxExport.Input], [value], [OnnxExport.Output]);
            expected = answer[0].GetTensorDataAsSpan<float>().ToArray();
        }
        GC.Collect();
        long start = Resident();
        time.Restart();
        using PatchedModel model = PatchedModel.Open(path, one);
        output.WriteLine($"the weights once: {time.Elapsed.TotalMilliseconds:0} ms, {Resident() - start} MiB");
        List<PatchedSession> sessions = [];
        foreach (Patch patch in patches)
        {
            time.Restart();
            sessions.Add(PatchedSession.Create(model, [patch]));
            double made = time.Elapsed.TotalMilliseconds;
            float[] logits = sessions[^1].Run(pixels, shape);
            if (sessions.Count is 1 or 10 or 11 or 20)
                output.WriteLine(
                    $"{sessions.Count} patch sets: the last in {made:0} ms, {Resident() - start} MiB in all"
                );
            if (sessions.Count == 1)
                Assert.InRange(expected.Zip(logits, (e, l) => Math.Abs(e - l)).Max(), 0, 1e-4);
        }
        sessions.ForEach(s => s.Dispose());
        long before = Resident();
        Served served = Serve(
            model,
            [
                [patches[0]],
                [patches[1]],
                [],
            ],
            100,
            4,
            pixels,
            shape
        );
        Assert.Empty(served.Errors);
        output.WriteLine($"{served}; {Resident() - before:+0;-0;0} MiB after all");
        patches.ForEach(p => p.Dispose());
    }

    static VitModel Scaled(VitConfig config)
    {
        using Generator generator = new(1, CPU);
        return new VitModel(
            config.Tensors().ToDictionary(t => t.Name, t => randn(t.Shape, generator: generator).mul_(0.02)),
            config.Traits
        );
    }

    static Served Serve(PatchedModel model, Patch[][] sets, int swaps, int clients, float[] pixels, long[] shape)
    {
        using PatchedSession session = PatchedSession.Create(model, sets[0]);
        List<float[]> answers = [];
        List<double> latencies = [];
        List<Exception> errors = [];
        bool done = false;
        Thread[] threads =
        [
            .. Enumerable
                .Range(0, clients)
                .Select(_ => new Thread(() =>
                {
                    while (!Volatile.Read(ref done))
                    {
                        long begin = Stopwatch.GetTimestamp();
                        try
                        {
                            float[] answer = session.Run(pixels, shape);
                            double latency = Stopwatch.GetElapsedTime(begin).TotalMilliseconds;
                            lock (answers)
                            {
                                answers.Add(answer);
                                latencies.Add(latency);
                            }
                        }
#pragma warning disable CA1031 // Whatever a client meets is what is looked for.
                        catch (Exception e)
#pragma warning restore CA1031
                        {
                            lock (answers)
                                errors.Add(e);
                        }
                    }
                })),
        ];
        foreach (Thread thread in threads)
            thread.Start();
        List<double> times = [];
        for (int i = 1; i <= swaps; i++)
        {
            long begin = Stopwatch.GetTimestamp();
            session.Swap(sets[i % sets.Length]);
            times.Add(Stopwatch.GetElapsedTime(begin).TotalMilliseconds);
        }
        // So that clients have answered under several sets even where swaps are fast.
        while (true)
        {
            lock (answers)
            {
                if (answers.Count > 4 * clients)
                    break;
            }
            Thread.Sleep(1);
        }
        Volatile.Write(ref done, true);
        foreach (Thread thread in threads)
            thread.Join();
        return new Served(answers, latencies, times, errors);
    }

    static long Resident()
    {
        GC.Collect();
        using Process me = Process.GetCurrentProcess();
        return me.WorkingSet64 >> 20;
    }

    static string Refused(Action action) => Assert.Throws<BadInputException>(action).Message;

    static string Refused(Func<object> action) =>
        Refused(() =>
        {
            action();
        });

    // An ONNX file without its metadata, which come last.
    static byte[] WithoutWords(byte[] model)
    {
        using Google.Protobuf.CodedInputStream input = new(model);
        using MemoryStream kept = new();
        using (Google.Protobuf.CodedOutputStream output = new(kept, leaveOpen: true))
        {
            for (uint tag; (tag = input.ReadTag()) != 0; )
            {
                bool text = (tag & 7) == 2;
                Google.Protobuf.ByteString bytes = text ? input.ReadBytes() : Google.Protobuf.ByteString.Empty;
                long number = text ? 0 : input.ReadInt64();
                if (tag >> 3 == 14)
                    continue;
                output.WriteTag(tag);
                if (text)
                    output.WriteBytes(bytes);
                else
                    output.WriteInt64(number);
            }
        }
        return kept.ToArray();
    }

    float[] Run(string path)
    {
        using Tensor pixels = tensor(_pixels, _shape);
        using Tensor logits = OnnxSamples.Run(path, pixels);
        return [.. logits.data<float>()];
    }

    string Export(VitModel model, string name)
    {
        OnnxExport.Write(model, Preprocessing.Inception(12, 1), null, _folder.File(name), overwrite: true);
        return _folder.File(name);
    }

    sealed record Served(
        IReadOnlyList<float[]> Answers,
        IReadOnlyList<double> Latencies,
        IReadOnlyList<double> Swaps,
        IReadOnlyList<Exception> Errors
    )
    {
        public override string ToString() =>
            $"{Answers.Count} requests, {Errors.Count} failed; latency {At(Latencies, 0.5):0.0} ms in the middle, "
            + $"{At(Latencies, 0.99):0.0} ms at the 99th percentile; {Swaps.Count} swaps of {At(Swaps, 0.5):0} ms in "
            + "the "
            + $"middle, {Swaps.Max():0} ms at most";

        static double At(IReadOnlyList<double> values, double share) =>
            values.Order().ElementAt((int)Math.Min(share * values.Count, values.Count - 1));
    }
}
