namespace Retouch.Tests.Cli;

/// <summary>Command lines that make no sense.</summary>
public sealed class UsageTests : IDisposable
{
    readonly Workbench _bench = new();

    public void Dispose() => _bench.Dispose();

    [Fact]
    public void An_unknown_verb_is_named_and_the_known_ones_are_listed() =>
        _bench.Refuses(
            ["retuch", "--model", "x"],
            "There is no command retuch",
            "demo, predict, check, slices, edit, repair, apply, revert, export, log, ledger, serve, pull, "
                + "solve-targets, train-locator, pretrain, methods, prepare, mine, bench, merge, search-location, "
                + "shift, doctor"
        );

    [Fact]
    public void No_verb_at_all_is_answered_with_the_verbs() =>
        _bench.Refuses(
            [],
            "demo, predict, check, slices, edit, repair, apply, revert, export, log, ledger, serve, pull, "
                + "solve-targets, train-locator, pretrain, methods, prepare, mine, bench, merge, search-location, "
                + "shift, doctor"
        );

    [Theory]
    [InlineData("predict", "--botom")]
    [InlineData("edit", "--botom")]
    [InlineData("apply", "--botom")]
    [InlineData("log", "--json-lines")]
    [InlineData("doctor", "--model")]
    [InlineData("mine", "--botom")]
    [InlineData("bench", "--botom")]
    [InlineData("predict", "-k")]
    public void An_unknown_option_is_named_and_never_taken_for_a_file(string verb, string option)
    {
        string[] args = verb switch
        {
            "predict" => ["predict", "--model", _bench.Model, _bench.Image],
            "edit" =>
            [
                "edit",
                "--model",
                _bench.Model,
                "--label",
                "1",
                "--out",
                _bench.Path("p"),
                "--image",
                _bench.Image,
            ],
            "apply" => ["apply", "--model", _bench.Model, "--out", _bench.Path("m"), "--patch", _bench.Image],
            "log" => ["log", _bench.Image],
            "mine" => ["mine", "--model", _bench.Model, "--out", _bench.Path("b"), "--images", _bench.Locality],
            "bench" =>
            [
                "bench",
                "--model",
                _bench.Model,
                "--benchmark",
                "b",
                "--out",
                _bench.Path("d"),
                "--images",
                _bench.Locality,
            ],
            _ => ["doctor"],
        };
        _bench.Refuses([.. args, option], option, $"'retouch {verb} --help'");
    }

    [Theory]
    [InlineData("predict", "--model")]
    [InlineData("edit", "--model")]
    [InlineData("edit --model m --image i --out o", "--label")]
    [InlineData("edit --model m --label 1 --out o", "--image")]
    [InlineData("edit --model m --label 1 --image i", "--out")]
    [InlineData("apply --model m --out o", "--patch")]
    [InlineData("apply --model m --patch p", "--out")]
    [InlineData("log", "log")]
    [InlineData("predict --model m", "predict")]
    public void A_missing_required_option_is_named(string line, string option) =>
        _bench.Refuses(line.Split(' '), option);

    [Theory]
    [InlineData("--lr", "-1", "above 0")]
    [InlineData("--lr", "0", "above 0")]
    [InlineData("--lr", "NaN", "finite number")]
    [InlineData("--lr", "Infinity", "finite number")]
    [InlineData("--lr", "∞", "finite number")]
    [InlineData("--lr", "fast", "number")]
    [InlineData("--keep", "0", "above 0 and at most 1")]
    [InlineData("--keep", "-0.1", "above 0 and at most 1")]
    [InlineData("--keep", "1.01", "above 0 and at most 1")]
    [InlineData("--keep", "NaN", "above 0 and at most 1")]
    [InlineData("--keep", "5%", "number")]
    [InlineData("--steps", "0", "at least 1")]
    [InlineData("--steps", "-3", "at least 1")]
    [InlineData("--steps", "1.5", "whole number")]
    [InlineData("--steps", "99999999999", "whole number")]
    [InlineData("--seed", "x", "whole number")]
    [InlineData("--threads", "0", "from 1 to 1024")]
    [InlineData("--threads", "many", "from 1 to 1024")]
    [InlineData("--locator", "guess", "hypernetwork, gradient, fisher, random, all")]
    public void A_value_out_of_range_is_named_with_its_range(string option, string value, string range)
    {
        string[] args =
        [
            "edit",
            "--model",
            _bench.Model,
            "--image",
            _bench.Image,
            "--label",
            "1",
            "--out",
            _bench.Path("p"),
            option,
            value,
        ];
        _bench.Refuses(args, option, value, range);
    }

    [Theory]
    [InlineData("0")]
    [InlineData("-1")]
    [InlineData("all")]
    public void Top_is_a_number_from_one_on(string top) =>
        _bench.Refuses(["predict", "--model", _bench.Model, "--top", top, _bench.Image], "--top", top);

    [Fact]
    public void Json_is_not_offered_by_a_verb_that_reports_nothing() =>
        _bench.Refuses(
            ["apply", "--model", _bench.Model, "--patch", "p", "--out", _bench.Path("m"), "--json"],
            "--json"
        );

    [Theory]
    [InlineData("--help")]
    [InlineData("edit --help")]
    public void Help_calls_the_tool_by_its_name(string line)
    {
        Ran ran = Ran.Retouch(line.Split(' ')).Good();
        Assert.Contains("retouch", ran.Out, StringComparison.Ordinal);
        Assert.DoesNotContain("Retouch.Cli", ran.Out, StringComparison.Ordinal);
        Assert.Equal("", ran.Err);
    }

    [Fact]
    public void A_name_that_begins_with_an_at_sign_is_a_file() =>
        Ran.Retouch("predict", "--model", _bench.Model, _bench.WriteImage("@image.png", 3)).Good();
}
