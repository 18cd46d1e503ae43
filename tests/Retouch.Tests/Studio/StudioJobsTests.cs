using System.Net;
using Retouch.Benchmarks;
using Retouch.Formats;
using Retouch.Locating;
using Retouch.Studio.Editing;
using Retouch.Studio.Jobs;
using Retouch.Studio.World;
using Retouch.Tests.Formats;
using Retouch.UseCases;
using static TorchSharp.torch;

namespace Retouch.Tests.Studio;

/// <summary>What jobs of the studio leave is what the verbs of the same names leave.</summary>
[Collection(nameof(LettersWorld))]
public sealed class StudioJobsTests(LettersWorld letters) : IDisposable
{
    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Mistakes_are_gathered_and_methods_are_measured_on_them()
    {
        await using StudioLetters studio = await StudioLetters.StartAsync(letters, _folder.File("s"), "oil");
        JobRunner jobs = studio.Server.Jobs;
        StudioWorld world = studio.Server.World;
        Job mine = await DoneAsync(jobs.Add(MineJob.Kind, "mine", MineJob.Request(3)));
        Benchmark benchmark = BenchmarkFile.Load(mine.Record.Output!);
        Assert.All(benchmark.Groups, g => Assert.True(g.Images.Count >= 3));
        Assert.Equal(
            world
                .Images.Where(i => i.IsWrong)
                .GroupBy(i => (i.Folder, i.Answer!.Value.Class))
                .Count(g => g.Count() >= 3),
            benchmark.Groups.Count
        );
        Assert.StartsWith($"{benchmark.Groups.Count} groups", mine.Record.Result, StringComparison.Ordinal);
        Assert.NotEmpty(benchmark.Locality);

        // kfac learns first, from images on which nothing is measured.
        Job bench = await DoneAsync(jobs.Add(BenchJob.Kind, "bench", BenchJob.Request(["gate", "kfac"], 1)));
        string folder = Path.GetDirectoryName(bench.Record.Output!)!;
        IReadOnlyList<BenchRow> rows = BenchRowFile.Read(Path.Combine(folder, "rows.jsonl"));
        Assert.Equal(["gate", "kfac"], rows.Select(r => r.Method).Distinct().Order());
        Assert.Contains("gate: 100.0 % right, GR", bench.Record.Result, StringComparison.Ordinal);
        Benchmark measured = BenchmarkFile.Load(Path.Combine(folder, "..", "benchmark.json"));
        Assert.InRange(measured.Locality.Count, 1, benchmark.Locality.Count - 1);
        using Preparation prepared = Preparation.Load(
            Directory.EnumerateFiles(Path.Combine(folder, ".."), "*.prep").First(f => !f.Contains("gate"))
        );
        Assert.Equal(world.Options.Model.Model.Fingerprint, prepared.ModelFingerprint);

        // A page of its own styles, without the studio's cookie.
        using HttpClient client = Known(studio);
        using HttpResponseMessage page = await client.GetAsync($"/jobs/{bench.Record.Id}/page");
        Assert.Equal(HttpStatusCode.OK, page.StatusCode);
        Assert.StartsWith("sandbox", page.Headers.GetValues("Content-Security-Policy").Single());
        Assert.Contains("kfac", await page.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        using HttpResponseMessage file = await client.GetAsync($"/jobs/{mine.Record.Id}/file");
        Assert.Equal(File.ReadAllBytes(mine.Record.Output!), await file.Content.ReadAsByteArrayAsync());
        Assert.Equal("benchmark.json", file.Content.Headers.ContentDisposition!.FileName);
        using HttpResponseMessage none = await client.GetAsync($"/jobs/{mine.Record.Id}/page");
        Assert.Equal(HttpStatusCode.NotFound, none.StatusCode);
    }

    [Fact]
    public async Task A_method_is_prepared_and_a_locator_is_trained()
    {
        await using StudioLetters studio = await StudioLetters.StartAsync(letters, _folder.File("s"), "oil");
        JobRunner jobs = studio.Server.Jobs;
        Job prepare = await DoneAsync(
            jobs.Add(PrepareJob.Kind, "prepare", PrepareJob.Request(Retouch.Editing.Kfac.Definition))
        );
        using (Preparation made = Preparation.Load(prepare.Record.Output!))
            Assert.Equal(Retouch.Editing.Kfac.Definition.PreparationKind, made.Kind);

        Job train = await DoneAsync(jobs.Add(TrainLocatorJob.Kind, "train", TrainLocatorJob.Request(8)));
        Assert.Equal(8, HypernetworkFile.Provenance(train.Record.Output!)!.Count);
        using (Hypernetwork network = HypernetworkFile.Load(train.Record.Output!))
            Assert.NotNull(network);
        Assert.True(File.Exists(LocatorResult.CurvesOf(train.Record.Output!)[1]));
        Assert.False(File.Exists(LocatorResult.CheckpointOf(train.Record.Output!)));
    }

    [Fact]
    public async Task A_state_of_the_ledger_is_built_and_reported()
    {
        await using StudioLetters studio = await StudioLetters.StartAsync(letters, _folder.File("s"), "oil");
        JobRunner jobs = studio.Server.Jobs;
        StudioWorld world = studio.Server.World;
        await world.Opened;
        StudioImage image = world.Images.First(i => i.IsWrong);
        using Bench bench = new(world);
        EditBoard board = bench.Board(image, image.Label!.Value);
        await board.Finished;
        bench.Accept(board, board.Points[3]!, "A <b>reason</b>");

        Job job = await DoneAsync(jobs.Add(BuildJob.Kind, "build", BuildJob.Request(1, BuildJob.Safetensors)));
        using ModelFile built = ModelFile.Load(job.Record.Output!);
        using Tensor pixels = Retouch.Images.ImageLoader.LoadBatch([image.Path], built.Preprocessing);
        using (no_grad())
        using (Tensor logits = built.Model.Logits(pixels))
            Assert.Contains((int)logits.argmax(1).item<long>(), image.Accepted!);
        Job onnx = await DoneAsync(jobs.Add(BuildJob.Kind, "build", BuildJob.Request(1, BuildJob.Onnx)));
        Assert.Single(OnnxBuild.In(onnx.Record.Output!)!.Patches);
        Job before = await DoneAsync(jobs.Add(BuildJob.Kind, "build", BuildJob.Request(0, BuildJob.Safetensors)));
        using ModelFile unedited = ModelFile.Load(before.Record.Output!);
        Assert.Equal(world.Options.Model.Model.Fingerprint, unedited.Model.Fingerprint);

        Job report = await DoneAsync(jobs.Add(ReportJob.Kind, "report", new Dictionary<string, string>()));
        Assert.Contains("A &lt;b&gt;reason", File.ReadAllText(report.Record.Output!), StringComparison.Ordinal);
        using HttpClient client = Known(studio);
        string page = await client.GetStringAsync("/ledger/report");
        Assert.Contains("A &lt;b&gt;reason", page, StringComparison.Ordinal);

        // A check has the patches that are in the ledger.
        Job check = await DoneAsync(jobs.Add(CheckJob.Kind, "check", CheckJob.Request(world)));
        Effect effect = board.Points[3]!.Effect;
        int right = world.Images.Count(i => i.IsRight == true) + 1 + effect.Mended.Count - effect.Broken.Count;
        Assert.StartsWith($"{right} of ", check.Record.Result, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Another_model_is_compared_image_by_image()
    {
        string folder = _folder.File("s");
        await using (StudioLetters studio = await StudioLetters.StartAsync(letters, folder, "oil"))
            await studio.Server.World.Opened;
        // Another model of the same classes: one that says the next one of everything.
        string other = _folder.File("other.safetensors");
        using (ModelFile file = ModelFile.Load(letters.Model))
        {
            using Tensor bias = file.Model.Tensors["head.bias"].clone();
            bias[0].add_(1000);
            file.WriteWith(other, new Dictionary<string, Tensor> { ["head.bias"] = bias }, overwrite: false);
        }
        await using StudioLetters both = await StudioLetters.StartAsync(letters, folder, other, ["oil"]);
        StudioWorld world = both.Server.World;
        await world.Opened;
        Assert.Contains(Comparison.States(world), s => s.Number == Comparison.Other);
        await DoneAsync(both.Server.Jobs.Add(AskOtherJob.Kind, "ask", new Dictionary<string, string>()));
        ImageFlips flips = Comparison.Of(world, 0, Comparison.Other);
        Assert.Equal(world.Images.Count(i => i.IsRight == true && i.Label != 0), flips.Broken.Count);
        Assert.All(flips.Broken, f => Assert.Equal(0, f.After.Class));
        Assert.Equal(world.Images.Count(i => i.IsWrong && i.Label == 0), flips.Mended.Count);
        ImageFlips back = Comparison.Of(world, Comparison.Other, 0);
        Assert.Equal(flips.Broken.Count, back.Mended.Count);

        // What is known is not asked again.
        string kept = Assert.Single(Directory.GetFiles(Path.Combine(folder, "work"), "against-*"));
        string[] lines = File.ReadAllLines(kept);
        File.WriteAllText(kept, string.Join('\n', lines[..10]) + "\n{\"Key\":");
        Assert.Equal(10, world.Images.Count(i => OtherModel.Of(world)!.Of(i.Path) is not null));
        await DoneAsync(both.Server.Jobs.Add(AskOtherJob.Kind, "ask", new Dictionary<string, string>()));
        Assert.Equal(lines.Length, File.ReadAllLines(kept).Length);
        Assert.Equal(lines[..10], File.ReadAllLines(kept)[..10]);
    }

    [Fact]
    public async Task An_archive_is_shown_and_mended_like_its_folder()
    {
        string zip = _folder.File("oil.zip");
        System.IO.Compression.ZipFile.CreateFromDirectory(letters.Images("oil"), zip);
        int[] said;
        await using (StudioLetters folder = await StudioLetters.StartAsync(letters, _folder.File("f"), "oil"))
        {
            await folder.Server.World.Opened;
            said = [.. folder.Server.World.Images.Select(i => i.Answer!.Value.Class)];
        }
        string work = _folder.File("z");
        await using StudioLetters studio = await StudioLetters.StartOnAsync(letters, work, zip);
        StudioWorld world = studio.Server.World;
        await world.Opened;
        Assert.Equal(said, world.Images.Select(i => i.Answer!.Value.Class));
        using HttpClient client = Known(studio);
        using HttpResponseMessage picture = await client.GetAsync("/picture/3");
        Assert.Equal(HttpStatusCode.OK, picture.StatusCode);
        StudioImage image = world.Images.First(i => i.IsWrong);
        using Bench bench = new(world);
        EditBoard board = bench.Board(image, image.Label!.Value);
        await board.Finished;
        Assert.Null(board.Problem);
        bench.Accept(board, board.Points[3]!, "from an archive");
        // What is kept of it is its bytes, and where they were.
        Retouch.Patches.LedgerEntry entry = Retouch.Patches.Ledger.Open(studio.Ledger).Entries[^1];
        Assert.Equal(Retouch.Data.ImageRoots.Hash(image.Path), Assert.Single(entry.Images).Sha256);
        Job report = await DoneAsync(
            studio.Server.Jobs.Add(ReportJob.Kind, "report", new Dictionary<string, string>())
        );
        Assert.Contains("from an archive", File.ReadAllText(report.Record.Output!), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_lies_elsewhere_is_no_jobs()
    {
        string folder = _folder.File("s");
        string jobs = Directory.CreateDirectory(Path.Combine(folder, "work", "jobs")).FullName;
        string secret = _folder.File("secret.html");
        File.WriteAllText(secret, "secret");
        File.WriteAllText(
            Path.Combine(jobs, "jobs.json"),
            $$$"""
            [{"Id":1,"Kind":"check","Title":"t","State":3,"Begun":"2026-01-02T03:04:05+00:00","Request":{},
              "Output":"{{{secret.Replace("\\", "\\\\")}}}"},
             {"Id":2,"Kind":"check","Title":"t","State":3,"Begun":"2026-01-02T03:04:05+00:00","Request":{},
              "Output":"{{{jobs.Replace("\\", "\\\\")}}}/../../../secret.html"}]
            """
        );
        await using StudioLetters studio = await StudioLetters.StartAsync(letters, folder, "oil");
        using HttpClient client = Known(studio);
        foreach (string path in (string[])["/jobs/1/file", "/jobs/1/page", "/jobs/2/file", "/jobs/2/page"])
        {
            using HttpResponseMessage answer = await client.GetAsync(path);
            Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
        }
    }

    static HttpClient Known(StudioLetters studio)
    {
        HttpClient client = new() { BaseAddress = studio.Server.Address };
        client.DefaultRequestHeaders.Add("Cookie", $"retouch-studio={studio.Server.Token.Text}");
        return client;
    }

    static async Task<Job> DoneAsync(Job job)
    {
        for (int i = 0; i < 1800 && job.Record.State is JobState.Waiting or JobState.Running; i++)
            await Task.Delay(100);
        Assert.True(job.Record.State == JobState.Done, $"{job.Record.Kind}: {job.Record.State}, {job.Record.Result}");
        return job;
    }
}
