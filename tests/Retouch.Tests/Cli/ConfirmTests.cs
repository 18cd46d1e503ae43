using System.Globalization;
using System.Net;
using System.Text.Json;
using System.Text.RegularExpressions;
using Retouch.Benchmarks;
using Retouch.Images;

namespace Retouch.Tests.Cli;

/// <summary>Unlabelled images, from two models that disagree over a page to a benchmark.</summary>
public sealed partial class ConfirmTests : IDisposable
{
    const int Count = 40;

    // Nobody vouches for a file's name.
    const string Odd = "<b onclick='x'>&\"{}.png";

    readonly Workbench _bench = new();
    readonly string _stronger;

    public ConfirmTests()
    {
        _stronger = _bench.WriteModel("stronger.safetensors", seed: 5);
        Directory.CreateDirectory(_bench.Path("flickr/deep/er"));
        for (int i = 0; i < Count; i++)
            _bench.WriteImage(Place(i), 500 + i);
        File.WriteAllText(_bench.Path("flickr/broken.jpg"), "no image");
    }

    public void Dispose() => _bench.Dispose();

    static string Place(int i) =>
        i == 7 && !OperatingSystem.IsWindows() ? $"flickr/{Odd}"
        : i % 5 == 0 ? $"flickr/deep/er/{i}.png"
        : $"flickr/{i}.png";

    string[] Sheet(params string[] more) =>
        [
            "mine",
            "--model",
            _bench.Model,
            "--stronger",
            _stronger,
            "--labels",
            _bench.Labels,
            "--images",
            _bench.Path("flickr"),
            "--min",
            "3",
            "--out",
            _bench.Path("sheet.html"),
            .. more,
        ];

    int[] Predict(string model) =>
        [
            .. Ran.Retouch([
                    "predict",
                    "--model",
                    model,
                    "--top",
                    "1",
                    "--json",
                    .. Enumerable.Range(0, Count).Select(i => _bench.Path(Place(i))),
                ])
                .Good()
                .Objects.Select(o => o.GetProperty("predictions")[0].GetProperty("index").GetInt32()),
        ];

    /// <summary>What the page saves with the given boxes ticked.</summary>
    string Save(string page, Func<string, bool> ticked)
    {
        Match sheet = SheetTag().Match(page);
        var groups = page.Split("<section ")
            .Skip(1)
            .Select(section => new
            {
                source = Attribute(section, "source"),
                @class = Attribute(section, "class"),
                label = int.Parse(Attribute(section, "label"), CultureInfo.InvariantCulture),
                wrong = int.Parse(Attribute(section, "wrong"), CultureInfo.InvariantCulture),
                images = Box()
                    .Matches(section)
                    .Select(b => new { path = WebUtility.HtmlDecode(b.Groups[1].Value), sha256 = b.Groups[2].Value })
                    .Where(i => ticked(i.path))
                    .ToArray(),
            })
            .Where(g => g.images.Length > 0);
        return JsonSerializer.Serialize(
            new
            {
                format = "retouch-confirmed",
                version = 1,
                model = sheet.Groups[1].Value,
                stronger = sheet.Groups[2].Value,
                groups,
            }
        );

        static string Attribute(string text, string name) =>
            WebUtility.HtmlDecode(Regex.Match(text, $"data-{name}=\"([^\"]*)\"").Groups[1].Value);
    }

    [GeneratedRegex("data-model=\"([^\"]*)\" data-stronger=\"([^\"]*)\"")]
    private static partial Regex SheetTag();

    [GeneratedRegex("<input type=\"checkbox\" data-path=\"([^\"]*)\" data-sha256=\"([^\"]*)\">")]
    private static partial Regex Box();

    [GeneratedRegex("src=\"data:image/jpeg;base64,([^\"]*)\"")]
    private static partial Regex Thumbnail();

    [Fact]
    public void What_two_models_disagree_about_is_shown_and_what_is_confirmed_becomes_the_benchmark()
    {
        Ran ran = Ran.Retouch(Sheet("--json")).Good();
        string page = File.ReadAllText(_bench.Path("sheet.html"));
        int[] weak = Predict(_bench.Model);
        int[] strong = Predict(_stronger);
        var expected = Enumerable
            .Range(0, Count)
            .Where(i => weak[i] != strong[i])
            .GroupBy(i => (Label: strong[i], Wrong: weak[i]))
            .Where(g => g.Count() >= 3)
            .OrderByDescending(g => g.Count())
            .ThenBy(g => g.Key)
            .ToArray();
        Assert.InRange(expected.Length, 2, 12);
        JsonElement[] groups = [.. ran.Objects[0].GetProperty("groups").EnumerateArray()];
        Assert.Equal(
            expected.Select(g => (g.Key.Label, g.Key.Wrong, g.Count())),
            groups.Select(g =>
                (
                    g.GetProperty("label").GetProperty("index").GetInt32(),
                    g.GetProperty("wrong").GetProperty("index").GetInt32(),
                    g.GetProperty("images").GetInt32()
                )
            )
        );
        Assert.Equal(
            (Count, weak.Zip(strong).Count(p => p.First == p.Second)),
            (ran.Objects[0].GetProperty("images").GetInt32(), ran.Objects[0].GetProperty("agreed").GetInt32())
        );
        Assert.Contains(
            "broken.jpg",
            Assert.Single(ran.Objects[0].GetProperty("skipped").EnumerateArray()).GetString(),
            StringComparison.Ordinal
        );

        // The page needs nothing from elsewhere, and a name from a file is text in it.
        Assert.DoesNotContain(
            "http",
            page.Replace("http-equiv", "", StringComparison.Ordinal),
            StringComparison.Ordinal
        );
        Assert.DoesNotContain("<b onclick", page, StringComparison.Ordinal);
        string[] shown = [.. Box().Matches(page).Select(b => WebUtility.HtmlDecode(b.Groups[1].Value))];
        Assert.Equal(expected.SelectMany(g => g.Select(i => Place(i)["flickr/".Length..])).Order(), shown.Order());
        RgbImage small = ImageDecoder.Decode(
            Convert.FromBase64String(Thumbnail().Match(page).Groups[1].Value),
            "thumbnail"
        );
        Assert.Equal((20, 16), (small.Width, small.Height));

        // All of the first group but one, two of the second: too few of it.
        string left = shown[0];
        HashSet<string> second = [.. expected[1].Take(2).Select(i => Place(i)["flickr/".Length..])];
        HashSet<string> first = [.. expected[0].Select(i => Place(i)["flickr/".Length..]).Where(p => p != left)];
        string list = _bench.Write("confirmed.json", Save(page, p => first.Contains(p) || second.Contains(p)));
        string[] confirm =
        [
            "mine",
            "--model",
            _bench.Model,
            "--labels",
            _bench.Labels,
            "--confirmed",
            list,
            "--images",
            _bench.Path("flickr"),
            "--locality",
            _bench.Locality,
            "--min",
            "3",
            "--out",
            _bench.Path("b.json"),
        ];
        JsonElement mined = Ran.Retouch([.. confirm, "--json"]).Good().Objects[0];
        Benchmark benchmark = BenchmarkFile.Load(_bench.Path("b.json"));
        FailureGroup group = Assert.Single(benchmark.Groups);
        Assert.Equal(first.Order(StringComparer.Ordinal), group.Images.Select(i => i.Path));
        Assert.Equal(
            ("flickr", expected[0].Key.Label, expected[0].Key.Wrong, 6),
            (group.Source, group.Label, group.Wrong, benchmark.Locality.Count)
        );
        Assert.Equal(new[] { "ant", "bee", "cow", "dog", "elk", "fox", "gnu" }[group.Label], group.Class);
        Assert.Equal(
            (1, first.Count + 2),
            (mined.GetProperty("smallGroups").GetInt32(), mined.GetProperty("images").GetInt32())
        );
        // And it is one that can be run.
        Ran.Retouch(
                "bench",
                "--model",
                _bench.Model,
                "--benchmark",
                _bench.Path("b.json"),
                "--images",
                _bench.Path("flickr"),
                "--locality",
                _bench.Locality,
                "--locator",
                "gradient",
                "--keep",
                "0.2",
                "--steps",
                "2",
                "--max-edits-per-group",
                "1",
                "--out",
                _bench.Path("run")
            )
            .Good();

        Ran.Retouch(confirm[..^1].Append(_bench.Path("again.json")).ToArray()).Good();
        Assert.Equal(File.ReadAllBytes(_bench.Path("b.json")), File.ReadAllBytes(_bench.Path("again.json")));
        confirm = Workbench.With(confirm, "--out", _bench.Path("bad.out"));
        _bench.Refuses(Workbench.With(confirm, "--model", _stronger), "failures of the model");
        _bench.Refuses(Workbench.With(confirm, "--min", "30"), "no 30 of one group");
        _bench.Refuses(Workbench.With(confirm, "--images", _bench.Locality), "mined from");
        Refused(confirm, Save(page, _ => false), "no confirmed image");
        string text = File.ReadAllText(list);
        Refused(
            confirm,
            text.Replace("\"path\":\"", "\"path\":\"/", StringComparison.Ordinal),
            "not one below a folder"
        );
        Refused(
            confirm,
            text.Replace($"\"wrong\":{group.Wrong}", $"\"wrong\":{group.Label}", StringComparison.Ordinal),
            "damaged"
        );
        Refused(
            confirm,
            text.Replace("confirmed\",", "benchmark\",", StringComparison.Ordinal),
            "not a list of confirmed images"
        );
        Refused(confirm, "[]", "not a list of confirmed images");
        Refused(confirm, "{}", "not a list of confirmed images");
        Refused(confirm, text[..^5], "not a list of confirmed images");
        // Another wrong class than the model gives: nothing is left.
        int other = Enumerable
            .Range(0, Workbench.Classes)
            .First(c => c != group.Wrong && c != group.Label && !expected.Any(g => g.Key == (group.Label, c)));
        Ran wrong = Ran.Retouch(
            Workbench.With(
                confirm,
                "--confirmed",
                _bench.Write(
                    "other.json",
                    text.Replace($"\"wrong\":{group.Wrong}", $"\"wrong\":{other}", StringComparison.Ordinal)
                )
            )
        );
        Assert.Equal(2, wrong.Code);

        void Refused(string[] args, string json, string words) =>
            _bench.Refuses(Workbench.With(args, "--confirmed", _bench.Write("bad.json", json)), words);
    }

    [Fact]
    public void What_makes_no_sense_is_refused()
    {
        string list = _bench.Write("list.json", "{}");
        _bench.Refuses(Workbench.With(Sheet(), "--out", _bench.Path("sheet.json")), ".html");
        _bench.Refuses(Workbench.With(Sheet(), "--stronger", _bench.Model), "the model itself");
        _bench.Refuses(Workbench.With(Sheet(), "--min", "39"), "smaller groups with --min");
        _bench.Refuses(Sheet("--accept", list), "--accept");
        _bench.Refuses(Sheet("--locality", _bench.Locality), "--locality");
        _bench.Refuses(Sheet("--confirmed", list), "--confirmed");
        _bench.Refuses(Sheet("--images", _bench.Path("flickr/deep")), "two of the folders");
        Ran.Retouch(Sheet()).Good();
        _bench.Refuses(Sheet(), "--overwrite");
    }
}
