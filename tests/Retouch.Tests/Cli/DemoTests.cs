using System.Text.Json;
using System.Xml.Linq;
using Retouch.Benchmarks;
using Retouch.Formats;
using Retouch.Patches;
using Retouch.Suffix;

namespace Retouch.Tests.Cli;

/// <summary>One run of <c>demo</c>, which all tests of it look at.</summary>
public sealed class DemoRun : IDisposable
{
    readonly string _root = Directory.CreateTempSubdirectory("retouch-demo-").FullName;

    public DemoRun()
    {
        Ran = Cli.Ran.Retouch("demo", "--out", Folder, "--json").Good();
        Report = Assert.Single(Ran.Objects);
    }

    internal Ran Ran { get; }

    public JsonElement Report { get; }

    public string Root => _root;

    public string Folder => Path.Combine(_root, "demo");

    public void Dispose() => Directory.Delete(_root, recursive: true);
}

public sealed class DemoTests(DemoRun run) : IClassFixture<DemoRun>
{
    [Fact]
    public void It_finds_failures_and_corrects_one_in_five_ways()
    {
        Assert.InRange(run.Report.GetProperty("ordinaryAccuracy").GetDouble(), 0.97, 1);
        Assert.True(run.Report.GetProperty("groups").GetInt32() >= 15);
        JsonElement[] edits = [.. run.Report.GetProperty("edits").EnumerateArray()];
        Assert.Equal(5, edits.Length);
        Assert.All(
            edits,
            e =>
            {
                Assert.True(e.GetProperty("success").GetBoolean(), e.ToString());
                Assert.True(e.GetProperty("after").GetDouble() > e.GetProperty("before").GetDouble());
                Assert.InRange(e.GetProperty("fixed").GetInt32(), 0, e.GetProperty("others").GetInt32());
                Assert.True(
                    e.GetProperty("broken").GetInt32() < 0.2 * e.GetProperty("ordinary").GetInt32(),
                    e.ToString()
                );
                JsonElement near = e.GetProperty("near");
                (int right, int broken) = (Count("rightBefore"), Count("broken"));
                Assert.InRange(right, 100, Count("images"));
                Assert.InRange(broken, 0, right / 2);
                Assert.InRange(Count("fixed"), 0, Count("images") - right);

                int Count(string of) => near.GetProperty(of).GetInt32();
            }
        );
    }

    [Fact]
    public void The_patch_it_leaves_corrects_the_image_and_only_where_it_is_applied()
    {
        string model = Path.Combine(run.Folder, "model.safetensors");
        string edited = Path.Combine(run.Folder, "edited.safetensors");
        string patch = run.Report.GetProperty("patch").GetString()!;
        using (Patch read = PatchFile.Load(patch))
        using (ModelFile file = ModelFile.Load(model))
        {
            read.RequireModel(file.Model, patch);
            Assert.IsType<WeightDelta>(read.Change);
            Assert.Equal(run.Report.GetProperty("model").GetString(), file.Model.Fingerprint);
        }
        string group = run.Report.GetProperty("group").GetString()!;
        string image = Path.Combine(
            run.Folder,
            "images",
            group.Split('/')[0],
            run.Report.GetProperty("image").GetString()!
        );
        FailureGroup failure = BenchmarkFile
            .Load(Path.Combine(run.Folder, "benchmark.json"))
            .Groups.First(g => g.Name == group);
        Assert.Equal(failure.Wrong, Says(model));
        Assert.Equal(failure.Label, Says(edited));

        int Says(string file) =>
            Ran.Retouch("predict", "--model", file, "--json", image)
                .Good()
                .Objects[0]
                .GetProperty("predictions")[0]
                .GetProperty("index")
                .GetInt32();
    }

    [Fact]
    public void The_report_and_the_picture_load_nothing()
    {
        string report = File.ReadAllText(run.Report.GetProperty("report").GetString()!);
        Assert.Contains("Negative flips", report, StringComparison.Ordinal);
        Assert.Contains(" became wrong, and of the others ", report, StringComparison.Ordinal);
        string picture = File.ReadAllText(run.Report.GetProperty("picture").GetString()!);
        XElement svg = XElement.Parse(picture);
        Assert.Equal("svg", svg.Name.LocalName);
        Assert.True(svg.Descendants().Count(e => e.Name.LocalName == "image") > 3);
        foreach (string text in (string[])[report, picture])
        {
            Assert.DoesNotContain("src=\"http", text, StringComparison.Ordinal);
            Assert.DoesNotContain("href=\"http", text, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void It_writes_into_its_folder_alone() =>
        Assert.Equal([run.Folder], Directory.EnumerateFileSystemEntries(run.Root));

    [Fact]
    public void A_folder_with_other_files_is_refused_and_left_as_it_is()
    {
        string other = Directory.CreateTempSubdirectory("retouch-other-").FullName;
        try
        {
            File.WriteAllText(Path.Combine(other, "mine.txt"), "mine");
            Ran ran = Ran.Retouch("demo", "--out", other);
            Assert.Equal(2, ran.Code);
            Assert.Contains("--out", ran.Err, StringComparison.Ordinal);
            Assert.Equal([Path.Combine(other, "mine.txt")], Directory.EnumerateFileSystemEntries(other));
            Assert.Equal(2, Ran.Retouch("demo", "--out", Path.Combine(other, "mine.txt")).Code);
        }
        finally
        {
            Directory.Delete(other, recursive: true);
        }
    }
}
