using Retouch.Benchmarks;
using Retouch.Cli;
using Retouch.Data;
using Retouch.Formats;
using Retouch.Images;
using Retouch.Measurement;
using Retouch.Tests.Cli;
using Retouch.UseCases;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Tests.UseCases;

/// <summary>
/// Runs of a benchmark and searches for a location as a program makes them, without the command line.
/// </summary>
public sealed class BenchmarkSessionTests : IDisposable
{
    const int Images = 5;

    readonly Workbench _bench = new();
    readonly ModelFile _model;
    readonly BenchmarkRequest _request;

    public BenchmarkSessionTests()
    {
        _model = ModelFile.Load(_bench.Model);
        Directory.CreateDirectory(_bench.Path("paint/cat"));
        for (int i = 0; i < Images; i++)
            _bench.WriteImage($"paint/cat/{i}.png", 200 + i);
        BenchmarkFile.Save(Benchmark(), _bench.Path("b.json"), overwrite: false);
        _request = new BenchmarkRequest
        {
            Benchmark = new()
            {
                File = _bench.Path("b.json"),
                Images = [_bench.Path("paint")],
                Locality = _bench.Locality,
            },
            Output = _bench.Path("run"),
            Settings = new Dictionary<string, IReadOnlyDictionary<string, IReadOnlyList<string>>>
            {
                ["masked-fine-tuning"] = new Dictionary<string, IReadOnlyList<string>>
                {
                    ["locator"] = ["gradient"],
                    ["keep"] = ["0.2", "0.4"],
                    ["lr"] = [Workbench.Rate],
                    ["steps"] = ["3"],
                },
            },
            Options = new() { Batch = 1 },
            Gallery = 1,
        };
    }

    public void Dispose()
    {
        _model.Dispose();
        _bench.Dispose();
    }

    [Fact]
    public void A_run_that_was_interrupted_goes_on_and_ends_as_one_that_was_not()
    {
        const int kept = 3;
        const int all = 2 * Images;
        using (CancellationTokenSource source = new())
        using (BenchmarkSession session = new(_request))
        {
            Recorder cancels = new()
            {
                OnProgress = (step, done) =>
                {
                    if (step == "editing" && done >= kept)
                        source.Cancel();
                },
            };
            RunInterruptedException e = Assert.Throws<RunInterruptedException>(() =>
                session.Run(_model, cancels, source.Token)
            );
            string said = RemedyText.Of(e.Problem);
            Assert.Equal($"interrupted; {kept} of {all} rows are written; --resume goes on with them.", said);
            Assert.Contains(cancels.Told, t => t.EndsWith($": 2 settings, {all} edits", StringComparison.Ordinal));
        }
        Assert.Equal(kept, BenchRowFile.Read(_bench.Path("run/rows.jsonl")).Count);
        using (BenchmarkSession again = new(_request))
        {
            string message = RemedyText.Of(Assert.Throws<BadInputException>(() => again.Run(_model)));
            Assert.Contains("--resume", message, StringComparison.Ordinal);
        }

        Recorder told = new();
        BenchmarkReport resumed = Run(_request with { Resume = true }, told);
        Assert.Contains(told.Told, t => t.EndsWith($"{all} edits, {kept} done before", StringComparison.Ordinal));
        BenchmarkReport whole = Run(_request with { Output = _bench.Path("whole") });
        Assert.Equal(Rows(whole), Rows(resumed));
        Assert.Equal(all, BenchRowFile.Read(resumed.Rows).Count);
        Assert.Equal(2, resumed.Summary.Count);
        Assert.Equal(whole.Summary.Select(s => s.Success), resumed.Summary.Select(s => s.Success));
        Assert.True(File.Exists(resumed.Page));
        Assert.True(File.Exists(_bench.Path($"run/{BenchFolder.SummaryName}")));
        Assert.True(File.Exists(_bench.Path($"run/{BenchFolder.BenchmarkName}")));
        Assert.Empty(Directory.EnumerateFiles(_bench.Path("run"), ".retouch*"));
    }

    [Fact]
    public void A_search_for_sensitive_images_that_was_interrupted_leaves_no_half_and_one_that_was_not_is_kept()
    {
        // More than are asked about at once.
        Directory.CreateDirectory(_bench.Path("unsure"));
        for (int i = 0; i < 40; i++)
            _bench.WriteImage($"unsure/{i}.png", 700 + i);
        BenchmarkRequest request = _request with
        {
            Benchmark = _request.Benchmark with { Sensitive = [_bench.Path("unsure")], SensitiveMargin = 1 },
            Gallery = 0,
        };
        Assert.Equal(
            "interrupted before the first edit; nothing was written.",
            Interrupted("mining sensitive images", 1)
        );
        Assert.Empty(Directory.EnumerateFileSystemEntries(request.Output));
        Assert.Equal(
            "interrupted before the first edit; the sensitive images that were found are kept; the same command with "
                + "--resume begins anew.",
            Interrupted("loading images", 1)
        );
        Assert.Equal([_bench.Path("run/sensitive.json")], Directory.EnumerateFileSystemEntries(request.Output));
        // They serve the next run, also without a word, and another search takes their place.
        Recorder told = new();
        Run(request, told);
        Assert.DoesNotContain(told.Told, s => s == "step: mining sensitive images");
        using BenchmarkSession other = new(
            request with
            {
                Benchmark = request.Benchmark with { SensitiveMargin = 0.9 },
                Resume = true,
            }
        );
        Assert.Contains(
            "holds the run",
            Assert.Throws<BadInputException>(() => other.Run(_model)).Message,
            StringComparison.Ordinal
        );

        string Interrupted(string at, int after)
        {
            using CancellationTokenSource source = new();
            using BenchmarkSession session = new(request);
            Recorder cancels = new()
            {
                OnProgress = (step, done) =>
                {
                    if (step == at && done >= after)
                        source.Cancel();
                },
            };
            return RemedyText.Of(
                Assert.Throws<RunInterruptedException>(() => session.Run(_model, cancels, source.Token)).Problem
            );
        }
    }

    [Fact]
    public void Side_effects_that_were_interrupted_go_on_with_the_corruptions_that_are_left()
    {
        string[] names = File.ReadAllLines(_bench.Labels);
        for (int i = 0; i < 3; i++)
        {
            Directory.CreateDirectory(_bench.Path($"known/{names[i]}"));
            _bench.WriteImage($"known/{names[i]}/a.png", 800 + i);
            _bench.WriteImage($"known/{names[i]}/b.png", 810 + i);
        }
        BenchmarkRequest request = _request with
        {
            Benchmark = _request.Benchmark with { SideEffects = [_bench.Path("known")] },
            Methods = ["ft"],
            Settings = new Dictionary<string, IReadOnlyDictionary<string, IReadOnlyList<string>>>(),
            Options = new() { MaxEditsPerGroup = 1 },
            LabelFile = _bench.Labels,
            SideEffectEdits = 3,
            Gallery = 0,
        };
        using (CancellationTokenSource source = new())
        using (BenchmarkSession session = new(request))
        {
            Recorder cancels = new()
            {
                OnProgress = (step, done) =>
                {
                    if (step == "measuring side effects" && done >= 5 * 6)
                        source.Cancel();
                },
            };
            RunInterruptedException e = Assert.Throws<RunInterruptedException>(() =>
                session.Run(_model, cancels, source.Token)
            );
            Assert.Equal(
                "interrupted; all 1 rows are written; --resume makes what comes of them.",
                RemedyText.Of(e.Problem)
            );
        }
        Assert.Equal(5, SideEffectFile.Read(request.Output)!.Measured.Count);
        double least = double.MaxValue;
        Recorder told = new()
        {
            OnProgress = (step, done) => least = step == "measuring side effects" ? Math.Min(least, done) : least,
        };
        BenchmarkReport resumed = Run(request with { Resume = true }, told);
        Assert.Equal(5 * 6, least);
        BenchmarkReport whole = Run(request with { Output = _bench.Path("whole") });
        Assert.Equal(
            File.ReadAllBytes(SideEffectFile.PathIn(_bench.Path("whole"))),
            File.ReadAllBytes(SideEffectFile.PathIn(_bench.Path("run")))
        );
        SideEffectSummary summary = Assert.Single(resumed.SideEffects);
        // One group has further images where more edits are asked for than there are groups.
        Assert.Equal(("ft", 3), (summary.Method, summary.Edits));
        Assert.Equal(
            ["cat/0.png", "cat/1.png", "cat/2.png"],
            SideEffectFile.Read(request.Output)!.Edits.Select(e => e.Image)
        );
        Assert.Equal(whole.SideEffects[0].Lines, summary.Lines);
    }

    [Fact]
    public void Shards_that_start_at_once_mine_once()
    {
        BenchmarkRequest request = _request with
        {
            Benchmark = _request.Benchmark with { Sensitive = [_bench.Locality], SensitiveMargin = 1 },
        };
        Recorder[] told = [new(), new()];
        Parallel.For(0, 2, i => Run(request with { Shard = new Shard(i, 2) }, told[i]));
        Assert.Single(told.SelectMany(t => t.Told), s => s == "step: mining sensitive images");
    }

    [Fact]
    public void Shards_have_rows_of_their_own_and_no_report()
    {
        BenchmarkReport[] shards =
        [
            .. Enumerable.Range(0, 2).Select(i => Run(_request with { Shard = new Shard(i, 2) })),
        ];
        Assert.All(shards, s => Assert.Null(s.Page));
        Assert.Equal(2 * Images, shards.Sum(s => BenchRowFile.Read(s.Rows).Count));
    }

    [Fact]
    public void A_folder_has_one_session_at_a_time()
    {
        Directory.CreateDirectory(_request.Output);
        using BenchmarkSession first = new(_request);
        string message = Assert.Throws<BadInputException>(() => new BenchmarkSession(_request).Dispose()).Message;
        Assert.Contains("is being written by 'retouch bench'", message, StringComparison.Ordinal);
        using BenchmarkSession other = new(_request with { Shard = new Shard(1, 2) });
    }

    [Fact]
    public void A_benchmark_without_groups_leaves_nothing_behind()
    {
        BenchmarkFile.Save(Benchmark() with { Groups = [] }, _bench.Path("b.json"), overwrite: true);
        string[] before = _bench.Contents();
        using (BenchmarkSession session = new(_request))
            Assert.Null(session.Run(_model));
        using (LocationSession session = new(new() { Benchmark = _request.Benchmark, Output = _bench.Path("search") }))
            Assert.Null(session.Run(_model));
        Assert.Equal(before, _bench.Contents());
    }

    [Fact]
    public void A_search_for_the_best_blocks_goes_on_with_its_rows()
    {
        LocationRequest request = new()
        {
            Benchmark = _request.Benchmark,
            Output = _bench.Path("search"),
            Settings = new() { MaxSteps = 1 },
            Options = new() { MaxEditsPerGroup = 1, Batch = 1 },
        };
        using (CancellationTokenSource source = new())
        using (LocationSession session = new(request))
        {
            Recorder cancels = new()
            {
                OnProgress = (_, done) =>
                {
                    if (done >= 1)
                        source.Cancel();
                },
            };
            OperationCanceledException e = Assert.ThrowsAny<OperationCanceledException>(() =>
                session.Run(_model, cancels, source.Token)
            );
            Assert.StartsWith("interrupted; 1 of ", e.Message, StringComparison.Ordinal);
        }
        using LocationSession again = new(request with { Resume = true });
        LocationReport report = again.Run(_model)!;
        Assert.Equal(BenchFolder.ReadManifest(request.Output).Edits, BenchRowFile.Read(report.Rows).Count);
        Assert.All((string[])[report.Table, report.Figure], file => Assert.True(File.Exists(file)));
        Assert.Contains(report.Result.Windows, w => w.Window == report.Result.Recommended);
    }

    BenchmarkReport Run(BenchmarkRequest request, IUseCaseEvents? events = null)
    {
        using BenchmarkSession session = new(request);
        return session.Run(_model, events)!;
    }

    static string Rows(BenchmarkReport report) =>
        BenchRowFile.Text(BenchRowFile.Read(report.Rows).Select(r => r with { Seconds = 0, Memory = null }));

    // The class that the model finds least likely for the first image, which it then has to be taught for all.
    Benchmark Benchmark()
    {
        using DisposeScope scope = NewDisposeScope();
        string[] images = [.. Enumerable.Range(0, Images).Select(i => $"cat/{i}.png")];
        Tensor pixels = ImageLoader.LoadBatch([_bench.Path($"paint/{images[0]}")], _model.Preprocessing);
        Tensor logits = _model.Model.Logits(pixels);
        FailureGroup group = new(
            "paint",
            "cat",
            [(int)logits.argmin(1).item<long>()],
            (int)logits.argmax(1).item<long>(),
            [.. images.Select(i => new BenchmarkImage(i, Hash($"paint/{i}")))]
        );
        return new()
        {
            ModelFingerprint = _model.Model.Fingerprint,
            Groups = [group],
            Locality =
            [
                .. Enumerable.Range(0, 6).Select(i => new LocalityImage($"{i}.png", Hash($"locality/{i}.png"), 0.5)),
            ],
        };

        string Hash(string file) => ImageRoots.Hash(_bench.Path(file));
    }
}
