using System.Text.Json;

namespace Retouch.Tests.Cli;

/// <summary>The window of blocks to edit, on the tiny model of four blocks, whose usual window is 1-3.</summary>
public sealed class BlocksTests : IDisposable
{
    readonly Workbench _bench = new();

    public void Dispose() => _bench.Dispose();

    [Fact]
    public void An_edit_stays_in_the_blocks_that_are_named()
    {
        JsonElement edit = Ran.Retouch(_bench.Edit(_bench.Path("p"), "--blocks", "0-1", "--json")).Good().Objects[0];
        Assert.Equal("0-1", edit.GetProperty("blocks").GetString());
        JsonElement log = Ran.Retouch("log", "--json", _bench.Path("p")).Good().Objects[0];
        string[] touched =
        [
            .. log.GetProperty("matrices")
                .EnumerateArray()
                .Select(m => m.GetProperty("name").GetString()![.."blocks.0".Length])
                .Distinct(),
        ];
        Assert.Equal(["blocks.0", "blocks.1"], touched);

        // Three spellings of one window, and the usual one by name.
        Ran.Retouch(_bench.Edit(_bench.Path("q"), "--blocks", "0,1")).Good();
        Ran.Retouch(_bench.Edit(_bench.Path("r"), "--blocks", "0–1")).Good();
        Assert.Equal(File.ReadAllBytes(_bench.Path("p")), File.ReadAllBytes(_bench.Path("q")));
        Assert.Equal(File.ReadAllBytes(_bench.Path("p")), File.ReadAllBytes(_bench.Path("r")));
        Ran.Retouch(_bench.Edit(_bench.Path("usual"))).Good();
        Ran.Retouch(_bench.Edit(_bench.Path("named"), "--blocks", "1-3")).Good();
        Assert.Equal(File.ReadAllBytes(_bench.Path("usual")), File.ReadAllBytes(_bench.Path("named")));
        Assert.Equal(
            "2",
            Ran.Retouch(_bench.Edit(_bench.Path("one"), "--blocks", "2", "--json"))
                .Good()
                .Objects[0]
                .GetProperty("blocks")
                .GetString()
        );
    }

    [Theory]
    [InlineData("3-1", "blocks in a row")]
    [InlineData("0,2", "blocks in a row")]
    [InlineData("1,0", "blocks in a row")]
    [InlineData("a-b", "blocks in a row")]
    [InlineData("1-", "blocks in a row")]
    [InlineData("99999-100000", "blocks in a row")]
    [InlineData("2-4", "0 to 3")]
    public void What_is_no_window_is_refused(string blocks, string words) =>
        _bench.Refuses(_bench.Edit(_bench.Path("p"), "--blocks", blocks), words);

    [Fact]
    public void A_locator_is_trained_for_a_window_and_refused_for_another()
    {
        Ran.Retouch(
                "solve-targets",
                "--model",
                _bench.Model,
                "--images",
                _bench.Locality,
                "--bank",
                _bench.Path("bank"),
                "--count",
                "36",
                "--batch",
                "2",
                "--outer-steps",
                "1",
                "--inner-steps",
                "1",
                "--blocks",
                "0-2"
            )
            .Good();
        string[] train =
        [
            "train-locator",
            "--model",
            _bench.Model,
            "--bank",
            _bench.Path("bank"),
            "--out",
            _bench.Path("locator"),
            "--batch",
            "2",
            "--epochs",
            "1",
        ];
        _bench.Refuses(train, "0-2", "1-3", "--blocks 0-2");
        // a number alone is the hypernetwork's depth, not a window
        _bench.Refuses([.. train, "--blocks", "2"], "0-2", "1-3", "--blocks 0-2");
        Ran.Retouch([.. train, "--blocks", "0-2", "--hypernetwork-blocks", "1"]).Good();

        string[] edit = Workbench.With(
            [.. _bench.Edit(_bench.Path("p")), "--locator-file", _bench.Path("locator")],
            "--locator",
            "hypernetwork"
        );
        _bench.Refuses(edit, "for the blocks 0-2", "are 1-3", "--blocks 0-2");
        Ran.Retouch([.. edit, "--blocks", "0-2"]).Good();
    }

    [Fact]
    public void Help_lists_what_is_required_first_and_what_all_verbs_have_last()
    {
        string help = Ran.Retouch("edit", "--help").Good().Out;
        int[] places =
        [
            .. (
                (string[])
                    [
                        "--model",
                        "--image",
                        "--label",
                        "--out",
                        "--locality",
                        "--blocks",
                        "--json",
                        "--threads",
                        "--verbose",
                        "--quiet",
                    ]
            ).Select(o => help.IndexOf("  " + o + " ", StringComparison.Ordinal)),
        ];
        Assert.All(places, p => Assert.True(p >= 0, help));
        Assert.True(places[..4].Max() < places[4..6].Min() && places[4..6].Max() < places[6..].Min(), help);
        string merge = Ran.Retouch("merge", "--help").Good().Out;
        Assert.True(
            merge.IndexOf("--out", StringComparison.Ordinal) < merge.IndexOf("--json", StringComparison.Ordinal),
            merge
        );
    }
}
