using System.Text.Json;
using Retouch.Suffix;
using Retouch.Vit;

namespace Retouch.Tests.Cli;

public sealed class ApplyLogDoctorTests : IDisposable
{
    readonly Workbench _bench = new();

    public void Dispose() => _bench.Dispose();

    [Fact]
    public void A_model_with_a_patch_gives_the_edited_prediction_and_the_base_the_old_one()
    {
        string patch = _bench.Path("p");
        string edited = _bench.Path("edited.safetensors");
        JsonElement edit = Ran.Retouch(_bench.Edit(patch, "--json")).Good().Objects[0];
        byte[] original = File.ReadAllBytes(_bench.Model);

        Ran ran = Ran.Retouch("apply", "--model", _bench.Model, "--patch", patch, "--out", edited).Good();
        Assert.Contains("1 patch", ran.Out, StringComparison.Ordinal);
        Assert.Equal(original, File.ReadAllBytes(_bench.Model));
        AssertSame(edit.GetProperty("after"), Predictions(edited));
        AssertSame(edit.GetProperty("before"), Predictions(_bench.Model));
    }

    JsonElement Predictions(string model) =>
        Ran.Retouch("predict", "--model", model, "--top", "3", "--json", _bench.Image)
            .Good()
            .Objects[0]
            .GetProperty("predictions");

    static void AssertSame(JsonElement expected, JsonElement actual)
    {
        Assert.Equal(expected.GetArrayLength(), actual.GetArrayLength());
        foreach ((JsonElement e, JsonElement a) in expected.EnumerateArray().Zip(actual.EnumerateArray()))
        {
            Assert.Equal(e.GetProperty("index").GetInt32(), a.GetProperty("index").GetInt32());
            Assert.Equal(e.GetProperty("probability").GetDouble(), a.GetProperty("probability").GetDouble(), 1e-4);
        }
    }

    [Fact]
    public void A_stack_in_any_order_gives_the_same_model_and_its_overlap_is_told()
    {
        string second = _bench.WriteImage("second.png", 2);
        string a = _bench.MakePatch("a");
        string b = _bench.Path("b");
        Ran.Retouch(
                "edit",
                "--model",
                _bench.Model,
                "--image",
                second,
                "--label",
                _bench.WrongLabel(second),
                "--locator",
                "all",
                "--lr",
                Workbench.Rate,
                "--out",
                b
            )
            .Good();
        Ran ran = Ran.Retouch(
                "apply",
                "--model",
                _bench.Model,
                "--patch",
                a,
                b,
                "--out",
                _bench.Path("ab"),
                "--verify",
                "false"
            )
            .Good();
        Assert.Contains($"{a} and {b} both touch 47 units (IoU 0.196)", ran.Err, StringComparison.Ordinal);
        Ran.Retouch(
                "apply",
                "--model",
                _bench.Model,
                "--patch",
                b,
                "--patch",
                a,
                "--out",
                _bench.Path("ba"),
                "--quiet",
                "--verify",
                "false"
            )
            .Good();
        Assert.Equal(File.ReadAllBytes(_bench.Path("ab")), File.ReadAllBytes(_bench.Path("ba")));
    }

    [Fact]
    public void Apply_may_replace_the_model_itself_on_request()
    {
        string patch = _bench.MakePatch("p");
        string copy = _bench.WriteModel("copy.safetensors", 0);
        _bench.Refuses(
            ["apply", "--model", copy, "--patch", patch, "--out", copy, "--overwrite"],
            "copy.safetensors",
            "--replace-original"
        );
        Ran ran = Ran.Retouch("apply", "--model", copy, "--patch", patch, "--out", copy, "--replace-original").Good();
        Assert.Contains("no copy of the original was kept", ran.Out, StringComparison.Ordinal);
        Assert.NotEqual(File.ReadAllBytes(_bench.Model), File.ReadAllBytes(copy));
    }

    [Fact]
    public void Log_tells_where_a_patch_comes_from()
    {
        string patch = _bench.MakePatch("p", "--labels", _bench.Labels, "--locality", _bench.Locality, "--seed", "4");
        JsonElement log = Ran.Retouch("log", "--json", patch).Good().Objects[0];
        Assert.Equal(patch, log.GetProperty("patch").GetString());
        Assert.Matches("^[0-9a-f]{64}$", log.GetProperty("model").GetString());
        Assert.Equal("image.png", log.GetProperty("images")[0].GetProperty("name").GetString());
        Assert.Equal("masked-fine-tuning", log.GetProperty("method").GetString());
        Assert.Equal(4, log.GetProperty("seed").GetInt32());
        JsonElement settings = log.GetProperty("settings");
        Assert.Equal(
            ("gradient", "0.2", "0.01", "100"),
            (Setting("locator"), Setting("keep"), Setting("lr"), Setting("steps"))
        );
        Assert.Equal(47, log.GetProperty("units").GetInt32());
        Assert.Equal(47, log.GetProperty("matrices").EnumerateArray().Sum(m => m.GetProperty("units").GetInt32()));
        Assert.Equal(new FileInfo(patch).Length, log.GetProperty("bytes").GetInt64());
        Assert.True(log.GetProperty("measurements").GetProperty("success").GetBoolean());
        Assert.Contains("centre crop 12", log.GetProperty("preprocessing").GetString(), StringComparison.Ordinal);

        string text = Ran.Retouch("log", patch, patch).Good().Out;
        foreach (
            string part in (string[])["image.png", "lr 0.01", "seed 4", "6 other images", "blocks.1.mlp.fc1.weight"]
        )
            Assert.Contains(part, text, StringComparison.Ordinal);

        string? Setting(string name) => settings.GetProperty(name).GetString();
    }

    [Fact]
    public void Doctor_finds_this_machine_healthy()
    {
        Ran ran = Ran.Retouch("doctor", "--json").Good();
        JsonElement doctor = Assert.Single(ran.Objects);
        Assert.True(doctor.GetProperty("healthy").GetBoolean());
        Assert.All(
            doctor.GetProperty("libraries").EnumerateArray(),
            l => Assert.True(l.GetProperty("loads").GetBoolean())
        );
        foreach (string field in (string[])["retouch", "os", "architecture", "runtime", "cpu", "libtorch"])
            Assert.NotEqual("", doctor.GetProperty(field).GetString());
        Assert.InRange(doctor.GetProperty("memoryBytes").GetInt64(), 1L << 28, 1L << 50);
        Assert.Equal(
            PrecisionChoice.HasKernels(Precision.Full),
            doctor.GetProperty("kernels").EnumerateArray().Any(k => k.GetString() == "float32")
        );
        Assert.InRange(doctor.GetProperty("threads").GetInt32(), 1, 1024);
        Assert.Contains("All native libraries load.", Ran.Retouch("doctor").Good().Out, StringComparison.Ordinal);
    }
}
