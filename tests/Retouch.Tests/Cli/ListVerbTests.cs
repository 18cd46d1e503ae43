using System.CommandLine;
using Retouch.Cli;

namespace Retouch.Tests.Cli;

/// <summary>Every verb takes lists wherever it takes folders of images, and their columns.</summary>
public sealed class ListVerbTests(ListVerbTests.Bench bench) : IClassFixture<ListVerbTests.Bench>
{
    // Each with the rest of a command that works; LIST is named by the option.
    static readonly Dictionary<string, string> s_commands = new()
    {
        ["check --images"] = "MODEL",
        ["check --locality"] = "MODEL --images PHOTOS --patch PATCH",
        ["check --fixed-among"] = "MODEL --images PHOTOS --min-fixed 1 --patch PATCH",
        ["check --must-be-right"] = "MODEL --images PHOTOS",
        ["slices --images"] = "MODEL --out NEW.html",
        ["slices --locality"] = "MODEL --images PHOTOS --out NEW.html",
        ["edit --locality"] = "MODEL --image IMAGE --label 1 --locator gradient --out NEW",
        ["edit --near"] = "MODEL --image IMAGE --label 1 --locator gradient --out NEW",
        ["repair --images"] = "MODEL --locality ORDINARY --out NEW",
        ["repair --near"] = "MODEL --images PHOTOS --locality ORDINARY --out NEW",
        ["repair --locality"] = "MODEL --images PHOTOS --out NEW",
        ["apply --images"] = "ONLY --patch PATCH --verify --out NEW.safetensors",
        ["ledger add --images"] = "PATCH --reason why --ledger LEDGER",
        ["ledger verify --images"] = "MODEL --ledger LEDGER",
        ["ledger report --images"] = "MODEL --ledger LEDGER",
        ["export --images"] = "MODEL --patch PATCH --verify --format onnx --out NEW.onnx",
        ["solve-targets --images"] = "ONLY --bank NEW --count 1",
        ["train-locator --images"] = "ONLY --bank NEW --targets 8 --out NEW2",
        ["pretrain --images"] = "--out NEW.safetensors",
        ["prepare --images"] = "ONLY --method kfac --out NEW",
        ["mine --images"] = "MODEL --out NEW.json",
        ["mine --locality"] = "MODEL --images PHOTOS --out NEW.json",
        ["bench --images"] = "MODEL --benchmark BENCH --out NEW --methods ft",
        ["bench --locality"] = "MODEL --benchmark BENCH --images PHOTOS --out NEW --methods ft",
        ["bench --near"] = "MODEL --benchmark BENCH --images PHOTOS --locality ORDINARY --out NEW --methods ft",
        ["bench --side-effects"] = "MODEL --benchmark BENCH --images PHOTOS --locality ORDINARY --out NEW --methods ft",
        ["bench --sensitive"] = "MODEL --benchmark BENCH --images PHOTOS --locality ORDINARY --out NEW --methods ft",
        ["bench report --images"] = "RUN MODEL --gallery 1 --out NEW.html",
        ["bench report --locality"] = "RUN MODEL --gallery 1 --images PHOTOS --out NEW.html",
        ["bench masks --images"] = "ONLY --benchmark BENCH --locator gradient --out NEW",
        ["search-location --images"] = "MODEL --benchmark BENCH --locality ORDINARY --out NEW",
        ["search-location --locality"] = "MODEL --benchmark BENCH --images PHOTOS --out NEW",
        ["search-location --near"] = "MODEL --benchmark BENCH --images PHOTOS --locality ORDINARY --out NEW",
        ["shift --images"] = "--kind noise --out NEW",
        ["serve --images"] = "MODEL --work NEW --port 0",
        ["serve --near"] = "MODEL --images PHOTOS --work NEW --port 0",
        ["serve --locality"] = "MODEL --images PHOTOS --work NEW --port 0",
    };

    public static TheoryData<string> Named => [.. s_commands.Keys];

    [Fact]
    public void Every_verb_that_takes_images_takes_columns_and_is_tried_here()
    {
        Assert.Equal(Pairs().Order(), s_commands.Keys.Order());
        foreach ((string path, Command command) in All(App.Commands(), ""))
        {
            bool images = Pairs().Any(p => p[..p.LastIndexOf(' ')] == path) || path == "predict";
            Assert.Equal(images, command.Options.Any(o => o.Name == "--columns"));
        }
    }

    [Theory]
    [MemberData(nameof(Named))]
    public void A_list_of_which_a_row_names_nothing_is_refused_by_that_row(string pair)
    {
        string[] words = pair.Split(' ');
        string[] rest = [.. s_commands[pair].Split(' ', StringSplitOptions.RemoveEmptyEntries).SelectMany(bench.Word)];
        Ran ran = Ran.Retouch([.. words[..^1], .. rest, words[^1], bench.Torn, "--columns", "path=where,label=what"]);
        Assert.True(ran.Code == 2, $"{ran.Code} {ran.Out} {ran.Err}");
        Assert.True(ran.Err.Contains("not below"), ran.Err);
    }

    static IEnumerable<string> Pairs() =>
        All(App.Commands(), "")
            .SelectMany(c => c.Command.Options.Select(o => $"{c.Path} {o.Name}"))
            .Where(p =>
                p.Split(' ')[^1]
                    is "--images"
                        or "--near"
                        or "--locality"
                        or "--side-effects"
                        or "--sensitive"
                        or "--fixed-among"
                        or "--must-be-right"
            );

    static IEnumerable<(string Path, Command Command)> All(Command command, string path) =>
        command.Subcommands.SelectMany(c => All(c, $"{path} {c.Name}".Trim())).Append((path, command));

    public sealed class Bench : IDisposable
    {
        readonly Workbench _bench = new();

        public Bench()
        {
            foreach (string kind in (string[])["ant", "bee", "cow"])
            {
                Directory.CreateDirectory(_bench.Path($"photos/{kind}"));
                for (int i = 1; i <= 6; i++)
                    _bench.WriteImage($"photos/{kind}/{i}.png", i + kind[0]);
            }
            Torn = _bench.Write("torn.csv", "where,what\nphotos/ant/1.png,ant\nphotos/ant/none.png,ant\n");
            _bench.MakePatch("p");
            Ran.Retouch([
                    "mine",
                    .. Model,
                    "--images",
                    _bench.Path("photos"),
                    "--locality",
                    _bench.Locality,
                    "--min",
                    "1",
                    "--out",
                    _bench.Path("b.json"),
                ])
                .Good();
            Ran.Retouch(["ledger", "init", .. Model[..2], "--reason", "why", "--ledger", _bench.Path("ledger.json")])
                .Good();
            Ran.Retouch([
                "bench",
                .. Model,
                "--benchmark",
                _bench.Path("b.json"),
                "--images",
                _bench.Path("photos"),
                "--locality",
                _bench.Locality,
                "--methods",
                "ft",
                "--max-edits-per-group",
                "1",
                "--steps",
                "1",
                "--out",
                _bench.Path("run"),
            ]);
        }

        public string Torn { get; }

        string[] Model => ["--model", _bench.Model, "--labels", _bench.Labels];

        public string[] Word(string word) =>
            word switch
            {
                "MODEL" => Model,
                "ONLY" => Model[..2],
                "LEDGER" => [_bench.Path("ledger.json")],
                "RUN" => [_bench.Path("run")],
                "PHOTOS" => [_bench.Path("photos")],
                "ORDINARY" => [_bench.Locality],
                "IMAGE" => [_bench.Image],
                "PATCH" => [_bench.Path("p")],
                "BENCH" => [_bench.Path("b.json")],
                _ when word.StartsWith("NEW", StringComparison.Ordinal) =>
                [
                    _bench.Path($"{Guid.NewGuid():N}{word[3..]}"),
                ],
                _ => [word],
            };

        public void Dispose() => _bench.Dispose();
    }
}
