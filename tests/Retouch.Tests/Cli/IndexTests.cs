using System.Diagnostics;
using Retouch.Data;

namespace Retouch.Tests.Cli;

/// <summary>
/// What models said of images is kept by the images' bytes: nothing is asked twice, what changed is, and whoever was
/// killed goes on.
/// </summary>
public sealed class IndexTests : IDisposable
{
    const int Images = 12;

    readonly Workbench _bench = new();

    public IndexTests()
    {
        for (int i = 0; i < Images; i++)
        {
            Directory.CreateDirectory(_bench.Path($"data/{i % Workbench.Classes}"));
            _bench.WriteImage($"data/{i % Workbench.Classes}/{i}.png", 300 + i);
        }
    }

    public void Dispose() => _bench.Dispose();

    [Theory]
    [InlineData("mine")]
    [InlineData("check")]
    public void What_did_not_change_is_not_asked_again_and_what_did_is(string verb)
    {
        (string plain, _) = Run(verb, index: false);
        Same("knew nothing of what this model says; 12 answers were added");
        Same("knew 12 answers of this model; 0 were added");

        // A new image is asked about alone.
        _bench.WriteImage("data/3/new.png", 999);
        (string more, _) = Run(verb, index: false);
        Assert.Equal((more, "knew 12 answers of this model; 1 were added"), Run(verb, index: true));
        File.Delete(_bench.Path("data/3/new.png"));

        // Touched, or elsewhere: the same bytes.
        File.SetLastWriteTimeUtc(_bench.Path("data/0/0.png"), DateTime.UtcNow);
        Same("knew 13 answers of this model; 0 were added");
        Directory.Move(_bench.Path("data"), _bench.Path("moved"));
        Directory.Move(_bench.Path("moved"), _bench.Path("data"));
        File.Move(_bench.Path("data/0/0.png"), _bench.Path("data/0/00.png"));
        Said("knew 13 answers of this model; 0 were added");
        File.Move(_bench.Path("data/0/00.png"), _bench.Path("data/0/0.png"));

        // Other bytes under the same name.
        _bench.WriteImage("data/1/1.png", 1234);
        (plain, _) = Run(verb, index: false);
        Same("knew 13 answers of this model; 1 were added");

        // Another model, and another way to make pixels; then the first again.
        byte[] model = File.ReadAllBytes(_bench.Model);
        _bench.WriteModel("model.safetensors", seed: 5);
        (plain, _) = Run(verb, index: false);
        Same("knew nothing of what this model says; 12 answers were added");
        Said("knew nothing of what this model says; 12 answers were added", "--orientation", "exif");
        File.WriteAllBytes(_bench.Model, model);
        Said("knew 14 answers of this model; 0 were added");

        void Same(string known) => Assert.Equal((plain, known), Run(verb, index: true));

        void Said(string known, params string[] more) => Assert.Equal(known, Run(verb, index: true, more).Known);
    }

    [Fact]
    public void Mining_and_checking_share_what_they_know_also_with_a_patch()
    {
        Run("mine", index: true);
        Assert.Equal("knew 12 answers of this model; 0 were added", Run("check", index: true).Known);
        string patch = _bench.MakePatch("p.patch");
        // Both models are asked where one is not known.
        string[] check = [.. Command("check"), "--patch", patch];
        string plain = Ran.Retouch(check).Good().Out;
        foreach (
            string known in (string[])
                ["knew 12 answers of this model; 12 were added", "knew 24 answers of this model; 0 were added"]
        )
        {
            Ran ran = Ran.Retouch([.. check, "--index", _bench.Path("index")]).Good();
            Assert.Equal(plain, ran.Out);
            Assert.Contains(known, ran.Err, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Files_that_cannot_be_read_are_counted_and_named_each_time()
    {
        _bench.Write("data/2/broken.png", "no image");
        File.Copy(_bench.Path("data/2/broken.png"), _bench.Path("data/3/broken too.png"));
        foreach (string verb in (string[])["mine", "check", "mine", "check"])
        {
            Ran ran = Ran.Retouch([.. Command(verb), "--index", _bench.Path("index")]).Good();
            Assert.Contains("data/2/broken.png", ran.Err, StringComparison.Ordinal);
            Assert.Contains("data/3/broken too.png", ran.Err, StringComparison.Ordinal);
            File.Delete(_bench.Path("mined.json"));
        }
    }

    [Fact]
    public void A_hash_is_remembered_and_no_set_time_hides_a_change()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "elsewhere every file is read");
        string file = _bench.Path("data/0/0.png");
        using ContentHashes hashes = new(_bench.Path("hashes.bin"));
        byte[] first = hashes.Of(file, out _)!;
        // Within the same tick of the disk's clock a change would not show.
        hashes.Of(file, out _);
        Assert.Equal(2, hashes.FilesRead);
        Thread.Sleep(3_100);
        for (int i = 0; i < 3; i++)
            Assert.Equal(first, hashes.Of(file, out _));
        Assert.Equal(3, hashes.FilesRead);
        // Its name is no part of it, and a link leads to the same file.
        File.CreateSymbolicLink(_bench.Path("link.png"), file);
        Assert.Equal(first, hashes.Of(_bench.Path("link.png"), out _));
        Assert.Equal(3, hashes.FilesRead);

        DateTime time = File.GetLastWriteTimeUtc(file);
        byte[] bytes = File.ReadAllBytes(file);
        bytes[^1]++;
        using (FileStream stream = new(file, FileMode.Open))
            stream.Write(bytes);
        File.SetLastWriteTimeUtc(file, time);
        Assert.NotEqual(first, hashes.Of(file, out _));
    }

    [Fact]
    public void A_second_process_is_refused_by_name_and_after_a_kill_the_next_goes_on()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no signal to hold a process");
        for (int i = 0; i < 1_500; i++)
        {
            Directory.CreateDirectory(_bench.Path($"many/{i % Workbench.Classes}"));
            _bench.WriteImage($"many/{i % Workbench.Classes}/{i}.png", 5_000 + i);
        }
        string[] mine = Workbench.With(Command("mine"), "--images", _bench.Path("many"));
        string index = _bench.Path("index");
        using Process first = Child.Start([.. mine, "--index", index, "--quiet"]);
        try
        {
            long Answers() =>
                Directory.Exists(index)
                    ? Directory
                        .GetFiles(index, "answers.bin", SearchOption.AllDirectories)
                        .Sum(f => new FileInfo(f).Length)
                    : 0;
            while (Answers() < 100 * 64)
            {
                Assert.False(first.HasExited);
                Thread.Sleep(5);
            }
            // So that it is not done by the time the second one has started.
            Assert.Equal(0, Shell.Run("kill", "-STOP", first.Id.ToString()));
            using Process second = Child.Start([
                .. Workbench.With(mine, "--out", _bench.Path("2.json")),
                "--index",
                index,
            ]);
            string error = second.StandardError.ReadToEnd();
            second.WaitForExit();
            Assert.Equal(2, second.ExitCode);
            Assert.Contains(
                $"{index} is being written by 'retouch mine', process {first.Id} on {Environment.MachineName}, ",
                error,
                StringComparison.Ordinal
            );
        }
        finally
        {
            first.Kill();
            first.WaitForExit();
        }
        string plain = Ran.Retouch([.. mine]).Good().Out;
        string whole = File.ReadAllText(_bench.Path("mined.json"));
        Ran ran = Ran.Retouch([.. mine, "--overwrite", "--index", index]).Good();
        Assert.Equal(plain, ran.Out);
        Assert.Equal(whole, File.ReadAllText(_bench.Path("mined.json")));
        string known = Known(ran);
        int[] numbers = [.. known.Split(' ').Select(w => int.TryParse(w, out int n) ? n : -1).Where(n => n >= 0)];
        Assert.InRange(numbers[0], 100, 1_500);
        Assert.Equal(1_500, numbers[0] + numbers[1]);
    }

    // The list is far longer than what the models are asked about, as in tools/measure-millions.sh.
    [Fact]
    public void Twenty_thousand_rows_over_a_few_images_are_all_known()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "links need a permission there");
        string[] files = Directory.GetFiles(_bench.Path("data"), "*.png", SearchOption.AllDirectories);
        using (StreamWriter list = new(_bench.Path("list.csv")))
        {
            list.WriteLine("path,class");
            for (int copy = 0; copy * files.Length < 20_000; copy++)
            {
                File.CreateSymbolicLink(_bench.Path($"c{copy}"), _bench.Path("data"));
                foreach (string file in files)
                {
                    string name = Path.GetRelativePath(_bench.Path("data"), file);
                    list.WriteLine($"c{copy}/{name},{Path.GetDirectoryName(name)}");
                }
            }
        }
        int rows = File.ReadLines(_bench.Path("list.csv")).Count() - 1;
        Run("mine", index: true);
        int wrong = Mined();
        string[] mine = Workbench.With(Command("mine"), "--images", _bench.Path("list.csv"));
        Ran ran = Ran.Retouch([.. mine, "--overwrite", "--index", _bench.Path("index")]).Good();
        Assert.Equal("knew 12 answers of this model; 0 were added", Known(ran));
        Assert.Equal(wrong * (rows / Images), Mined());
        string[] check = Workbench.With(Command("check"), "--images", _bench.Path("list.csv"));
        ran = Ran.Retouch([.. check, "--json", "--index", _bench.Path("index")]).Good();
        System.Text.Json.JsonElement after = ran.Objects[0].GetProperty("after");
        Assert.Equal(rows, after.GetProperty("images").GetInt32());
        Assert.Equal(rows - Mined(), after.GetProperty("right").GetInt32());

        int Mined() => BenchmarkFileImages(_bench.Path("mined.json"));
    }

    static int BenchmarkFileImages(string path) =>
        Retouch.Benchmarks.BenchmarkFile.Load(path).Groups.Sum(g => g.Images.Count);

    (string Out, string? Known) Run(string verb, bool index, params string[] more)
    {
        File.Delete(_bench.Path("mined.json"));
        string[] known = index ? ["--index", _bench.Path("index")] : [];
        Ran ran = Ran.Retouch([.. Command(verb), .. known, .. more]).Good();
        return (ran.Out, index ? Known(ran) : null);
    }

    string Known(Ran ran) =>
        Ran.Lines(ran.Err).Single(l => l.StartsWith("index: ", StringComparison.Ordinal))[
            ($"index: {_bench.Path("index")} ".Length)..
        ];

    string[] Command(string verb) =>
        [
            verb,
            "--model",
            _bench.Model,
            "--images",
            _bench.Path("data"),
            .. verb == "mine" ? (string[])["--min", "1", "--out", _bench.Path("mined.json")] : [],
        ];
}
