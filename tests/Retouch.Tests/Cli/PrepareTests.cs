using System.Text.Json;

namespace Retouch.Tests.Cli;

/// <summary>The verbs <c>methods</c> and <c>prepare</c>.</summary>
public sealed class PrepareTests : IDisposable
{
    readonly Workbench _bench = new();

    public void Dispose() => _bench.Dispose();

    [Fact]
    public void Methods_lists_papers_knobs_and_preparations()
    {
        JsonElement[] methods = [.. Ran.Retouch("methods", "--json").Good().Objects];
        JsonElement rome = Assert.Single(methods, m => m.GetProperty("name").GetString() == "rome");
        Assert.Equal("keys", rome.GetProperty("preparation").GetString());
        Assert.Contains("NeurIPS 2022", rome.GetProperty("paper").GetString(), StringComparison.Ordinal);
        Assert.Contains(
            "stopLoss",
            rome.GetProperty("knobs").EnumerateArray().Select(k => k.GetProperty("name").GetString())
        );
        string text = Ran.Retouch("methods").Good().Out;
        Assert.All(
            methods,
            m => Assert.Contains(m.GetProperty("name").GetString()! + ": ", text, StringComparison.Ordinal)
        );
    }

    [Fact]
    public void Prepare_writes_a_file_once_a_model_and_refuses_another_models()
    {
        string output = _bench.Path("keys.prep");
        string other = _bench.WriteModel("other.safetensors", seed: 4);
        string[] prepare =
        [
            "prepare",
            "--model",
            _bench.Model,
            "--images",
            _bench.Locality,
            "--method",
            "rome",
            "--out",
            output,
        ];
        JsonElement made = Assert.Single(Ran.Retouch([.. prepare, "--json"]).Good().Objects);
        Assert.Equal(
            ("keys", "6"),
            (made.GetProperty("kind").GetString(), made.GetProperty("settings").GetProperty("images").GetString())
        );
        byte[] bytes = File.ReadAllBytes(output);
        DateTime written = File.GetLastWriteTimeUtc(output);
        Ran.Retouch(Workbench.With(prepare, "--method", "alphaedit")).Good(); // the same preparation
        Assert.Equal(written, File.GetLastWriteTimeUtc(output));
        _bench.Refuses(Workbench.With(prepare, "--model", other), "keys", "made for the model");
        _bench.Refuses(Workbench.With(prepare, "--method", "t-patcher"), "'memory'", "'keys'");
        Ran.Retouch([.. Workbench.With(prepare, "--model", other), "--overwrite"]).Good();
        Assert.NotEqual(bytes, File.ReadAllBytes(output));
    }

    [Fact]
    public void Methods_that_need_nothing_or_are_none_are_refused()
    {
        string[] prepare =
        [
            "prepare",
            "--model",
            _bench.Model,
            "--images",
            _bench.Locality,
            "--method",
            "ft",
            "--out",
            _bench.Path("x"),
        ];
        _bench.Refuses(prepare, "ft", "no preparation", "rome", "fisher");
        _bench.Refuses(Workbench.With(prepare, "--method", "fit"), "no method fit");
        Ran.Retouch(Workbench.With(prepare, "--method", "fisher")).Good();
    }
}
