namespace Retouch.Tests.Cli;

/// <summary>
/// Nothing is made twice: what was made says what it was made of, so that a changed model or image is noticed, and one
/// that was moved or touched is not. The index is in <see cref="IndexTests"/>.
/// </summary>
public sealed class DependencyTests : IDisposable
{
    readonly Workbench _bench = new();

    public void Dispose() => _bench.Dispose();

    [Fact]
    public void Statistics_are_of_a_model_and_of_images()
    {
        string[] prepare =
        [
            "prepare",
            "--model",
            _bench.Model,
            "--images",
            _bench.Locality,
            "--method",
            "kfac",
            "--out",
            _bench.Path("k.prep"),
        ];
        Ran.Retouch(prepare).Good();
        byte[] made = File.ReadAllBytes(_bench.Path("k.prep"));
        Unchanged(
            prepare,
            "is there already, made for this model; nothing is learned again",
            () => Assert.Equal(made, File.ReadAllBytes(_bench.Path("k.prep")))
        );
        Changed(prepare, "k.prep was made of other images", "made for the model");
    }

    [Fact]
    public void A_bank_is_of_a_model_and_of_images_and_a_locator_of_its_bank()
    {
        string[] solve =
        [
            "solve-targets",
            "--model",
            _bench.Model,
            "--images",
            _bench.Locality,
            "--bank",
            _bench.Path("bank"),
            "--count",
            "8",
            "--batch",
            "2",
            "--outer-steps",
            "1",
            "--inner-steps",
            "1",
        ];
        Ran.Retouch(solve).Good();
        Unchanged(solve, "", () => { });
        string[] train =
        [
            "train-locator",
            "--model",
            _bench.Model,
            "--bank",
            _bench.Path("bank"),
            "--out",
            _bench.Path("l"),
            "--batch",
            "4",
            "--epochs",
            "1",
        ];
        Ran.Retouch(train).Good();
        string[] edit = _bench.Edit(_bench.Path("p.patch"));
        edit = [.. Workbench.With(edit, "--locator", "hypernetwork"), "--locator-file", _bench.Path("l")];
        OtherModel(edit, "l was trained for the model");
        OtherModel(Workbench.With(train, "--out", _bench.Path("l2")), "bank");
        Changed(solve, "bank was made for images", "bank was made for model");
    }

    [Fact]
    public void Answers_of_a_check_are_of_a_model_and_of_images()
    {
        Directory.CreateDirectory(_bench.Path("data"));
        Directory.Move(_bench.Locality, _bench.Path("data/1"));
        Directory.CreateSymbolicLink(_bench.Locality, _bench.Path("data/1"));
        string[] check =
        [
            "check",
            "--model",
            _bench.Model,
            "--images",
            _bench.Path("data"),
            "--out",
            _bench.Path("rows.jsonl"),
            "--resume",
        ];
        string said = Ran.Retouch(check).Good().Out;
        Assert.Contains(
            "6 of 6 images were asked about before",
            Ran.Retouch(check).Good().Err,
            StringComparison.Ordinal
        );
        File.SetLastWriteTimeUtc(_bench.Path("data/1/0.png"), DateTime.UtcNow);
        Directory.Move(_bench.Path("data"), _bench.Path("elsewhere"));
        Ran moved = Ran.Retouch(Workbench.With(check, "--images", _bench.Path("elsewhere"))).Good();
        Assert.Equal(said, moved.Out);
        Assert.Contains("6 of 6 images were asked about before", moved.Err, StringComparison.Ordinal);
        Directory.Move(_bench.Path("elsewhere"), _bench.Path("data"));
        OtherModel(check, "holds the answers of another check");
        Spoil(_bench.Path("data/1/0.png"));
        _bench.Refuses(check, "holds the answers of another check");
    }

    [Fact]
    public void Rows_of_a_run_are_of_a_model_and_of_images()
    {
        Directory.CreateDirectory(_bench.Path("paint/cat"));
        for (int i = 0; i < 6; i++)
            _bench.WriteImage($"paint/cat/{i}.png", 200 + i);
        string accept = _bench.Write("accept.json", $$"""{"cat": [{{_bench.WrongLabel()}}]}""");
        string[] shared = ["--model", _bench.Model, "--images", _bench.Path("paint"), "--locality", _bench.Locality];
        string benchmark = _bench.Path("b.json");
        Ran.Retouch(["mine", .. shared, "--accept", accept, "--min", "2", "--out", benchmark]).Good();
        string[] bench =
        [
            "bench",
            .. shared,
            "--benchmark",
            benchmark,
            "--methods",
            "masked-fine-tuning",
            "--locator",
            "random",
            "--keep",
            "0.2",
            "--steps",
            "1",
            "--gallery",
            "0",
            "--out",
            _bench.Path("run"),
            "--resume",
        ];
        Ran.Retouch(bench).Good();
        string rows = File.ReadAllText(_bench.Path("run/rows.jsonl"));
        Unchanged(bench, " done before", () => Assert.Equal(rows, File.ReadAllText(_bench.Path("run/rows.jsonl"))));
        Changed(bench, "is not the image that the benchmark names", "The benchmark holds the failures of the mod");
    }

    // Touched, and moved away to where the command then looks.
    void Unchanged(string[] command, string said, Action holds)
    {
        foreach (string file in Directory.GetFiles(_bench.Locality))
            File.SetLastWriteTimeUtc(file, DateTime.UtcNow.AddHours(-1));
        Directory.Move(_bench.Locality, _bench.Path("moved"));
        Ran ran = Ran.Retouch([.. command.Select(a => a == _bench.Locality ? _bench.Path("moved") : a)]).Good();
        Assert.Contains(said, ran.Err + ran.Out, StringComparison.Ordinal);
        holds();
        Directory.Move(_bench.Path("moved"), _bench.Locality);
    }

    void Changed(string[] command, string otherImages, string otherModel)
    {
        OtherModel(command, otherModel);
        string file = Directory.GetFiles(_bench.Locality).Order(StringComparer.Ordinal).First();
        byte[] image = File.ReadAllBytes(file);
        Spoil(file);
        Assert.Contains(otherImages, Refused(command), StringComparison.Ordinal);
        File.WriteAllBytes(file, image);
        Ran.Retouch(command).Good();
    }

    void OtherModel(string[] command, string said)
    {
        byte[] model = File.ReadAllBytes(_bench.Model);
        _bench.WriteModel("model.safetensors", seed: 9);
        Assert.Contains(said, Refused(command), StringComparison.Ordinal);
        File.WriteAllBytes(_bench.Model, model);
    }

    static string Refused(string[] command)
    {
        Ran ran = Ran.Retouch(command);
        Assert.True(ran.Code == 2, $"exit code {ran.Code}: {ran.Out}{ran.Err}");
        return Ran.Lines(ran.Err).Single(l => l.StartsWith("error: ", StringComparison.Ordinal));
    }

    // Another picture of the same length, with the time of the first.
    static void Spoil(string image)
    {
        DateTime time = File.GetLastWriteTimeUtc(image);
        byte[] bytes = File.ReadAllBytes(image);
        bytes[bytes.Length / 2]++;
        File.WriteAllBytes(image, bytes);
        File.SetLastWriteTimeUtc(image, time);
    }
}
