using System.Text;
using Retouch.Tests.Formats;
using Retouch.Tests.Images;
using SkiaSharp;
using static TorchSharp.torch;

namespace Retouch.Tests.Cli;

/// <summary>Files and values that cannot be used: exit code 2, one sentence, no file.</summary>
public sealed class BadInputTests : IDisposable
{
    readonly Workbench _bench = new();

    public void Dispose() => _bench.Dispose();

    [Fact]
    public void Images_that_cannot_be_used()
    {
        string missing = _bench.Path("missing.png");
        RefusesImage(missing, missing, "no image file");
        string folder = Directory.CreateDirectory(_bench.Path("none")).FullName;
        _bench.Refuses(["predict", "--model", _bench.Model, folder], folder, "holds no image");
        _bench.Refuses(
            ["edit", "--model", _bench.Model, "--image", folder, "--label", "1", "--out", _bench.Path("p")],
            folder,
            "is a folder"
        );
        string list = _bench.Write("l.csv", "path,class\nimage.png,ant\n");
        _bench.Refuses(
            ["edit", "--model", _bench.Model, "--image", list, "--label", "1", "--out", _bench.Path("p")],
            "holds 1 images, where one is needed",
            "l.csv!/ant/image.png"
        );
        RefusesImage(_bench.Write("empty.png", ""), "empty.png", "0 bytes");
        byte[] jpeg = TestImage.Encode(TestImage.Noise(60, 50), SKEncodedImageFormat.Jpeg, 90);
        RefusesImage(_bench.Write("cut.jpg", jpeg[..(jpeg.Length / 2)]), "cut.jpg", "truncated");
        RefusesImage(
            _bench.Write("bomb.png", TestImage.Png(100_000, 100_000, 8, colorType: 2, new byte[100])),
            "bomb.png",
            "100000x100000"
        );
        RefusesImage(_bench.Labels, "labels.txt", "not an image");
        RefusesImage(_bench.Model, "model.safetensors", "not an image");
    }

    void RefusesImage(string image, params string[] words)
    {
        _bench.Refuses(["predict", "--model", _bench.Model, image], words);
        _bench.Refuses(
            [
                "edit",
                "--model",
                _bench.Model,
                "--image",
                image,
                "--label",
                "1",
                "--locator",
                "gradient",
                "--out",
                _bench.Path("p"),
            ],
            words
        );
    }

    [Fact]
    public void One_bad_image_among_several_is_named_and_the_others_are_reported()
    {
        string missing = _bench.Path("missing.png");
        string second = _bench.WriteImage("second.png", 2);
        Ran ran = Ran.Retouch("predict", "--model", _bench.Model, "--quiet", "--json", _bench.Image, missing, second);
        Assert.Equal(2, ran.Code);
        Assert.Equal([_bench.Image, second], ran.Objects.Select(o => o.GetProperty("image").GetString()));
        Assert.Contains(missing, Assert.Single(Ran.Lines(ran.Err)), StringComparison.Ordinal);
    }

    [Fact]
    public void Files_that_are_no_model()
    {
        string missing = _bench.Path("missing.safetensors");
        RefusesModel(missing, missing, "no file");
        RefusesModel(_bench.Locality, _bench.Locality, "is a directory");
        RefusesModel(_bench.Write("empty.safetensors", ""), "empty.safetensors", "0 bytes");
        RefusesModel(_bench.Labels, "labels.txt", "a text file");
        RefusesModel(_bench.Image, "image.png", "not a safetensors file");
        RefusesModel(
            _bench.Write("long.safetensors", [.. BitConverter.GetBytes(5000L), .. "{}"u8]),
            "long.safetensors",
            "header of 5000 bytes"
        );
        RefusesModel(_bench.WriteHypernetwork("locator.safetensors"), "locator.safetensors", "no ViT");
    }

    [Theory]
    [InlineData(
        """{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}""",
        12,
        "overlap"
    )]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 4, "has only 4 bytes")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}""", 8, "before its begin")]
    [InlineData("""{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}""", 8, "by its shape")]
    [InlineData("""{"a":{"dtype":"F31","shape":[2],"data_offsets":[0,8]}}""", 8, "F31")]
    [InlineData("""{"a":{"dtype":"F32","shape":[9223372036854775807,9],"data_offsets":[0,8]}}""", 8, "too large")]
    public void Headers_that_lie(string header, int length, string word) =>
        RefusesModel(
            _bench.Write("lie.safetensors", SafeTensorsSamples.File(header, length)),
            "lie.safetensors",
            "\"a\"",
            word
        );

    [Fact]
    public void Tensors_that_do_not_fit_are_named()
    {
        const string name = "blocks.2.mlp.fc1.weight";
        RefusesModel(Spoilt(t => t.Remove(name)), name, "missing");
        RefusesModel(Spoilt(t => t[name] = zeros([40, 23])), name, "[40, 23]", "[40, 24]");
        RefusesModel(Spoilt(t => t[name] = t[name].to(ScalarType.Int32)), name, "I32");
        RefusesModel(Spoilt(t => t[name][3, 5] = float.NaN), name, "NaN");
        RefusesModel(Spoilt(t => t[name][3, 5] = float.PositiveInfinity), name, "infinite");
        RefusesModel(
            Spoilt(t => t["blocks.0.attn.q_norm.weight"] = ones([8])),
            "blocks.0.attn.q_norm.weight",
            "missing"
        );
        RefusesModel(Spoilt(t => t["head.weight"] = zeros([24])), "head.weight", "2 dimensions");
    }

    [Theory]
    [InlineData("5", "5 attention heads")]
    [InlineData("0", "0 attention heads")]
    [InlineData("some", "num_heads")]
    public void Heads_that_the_metadata_states_wrongly(string heads, string word) =>
        RefusesModel(_bench.WriteModel("spoilt.safetensors", 0, heads: heads), word);

    string Spoilt(Action<Dictionary<string, Tensor>> change) =>
        _bench.WriteModel("spoilt.safetensors", 0, change: change);

    void RefusesModel(string model, params string[] words)
    {
        words = [Path.GetFileName(model), .. words];
        _bench.Refuses(["predict", "--model", model, _bench.Image], words);
        _bench.Refuses(
            [
                "edit",
                "--model",
                model,
                "--image",
                _bench.Image,
                "--label",
                "1",
                "--locator",
                "all",
                "--out",
                _bench.Path("p"),
            ],
            words
        );
        _bench.Refuses(["apply", "--model", model, "--patch", _bench.Path("q"), "--out", _bench.Path("m")], words);
    }

    [Fact]
    public void A_label_that_is_none()
    {
        string[] edit =
        [
            "edit",
            "--model",
            _bench.Model,
            "--image",
            _bench.Image,
            "--locator",
            "all",
            "--out",
            _bench.Path("p"),
        ];
        _bench.Refuses([.. edit, "--label", "elc", "--labels", _bench.Labels], "\"elc\"", "\"elk\" (4)");
        _bench.Refuses([.. edit, "--label", "7"], "\"7\"", "0 to 6");
        _bench.Refuses([.. edit, "--label", "-1"], "\"-1\"", "0 to 6");
        _bench.Refuses([.. edit, "--label", "elk"], "--labels");
        _bench.Refuses([.. edit, "--label", ""], "names no class");
    }

    [Fact]
    public void Label_files_that_do_not_fit()
    {
        RefusesLabels(_bench.Write("six.txt", "a\nb\nc\nd\ne\nf\n"), "names 6 classes, but the model has 7");
        RefusesLabels(_bench.Path("missing.txt"), "no file");
        RefusesLabels(_bench.Write("empty.txt", ""), "no labels");
        RefusesLabels(_bench.Image, "not a file of class names");
        RefusesLabels(_bench.Write("bad.json", "[\"a\","), "JSON");
        RefusesLabels(_bench.Locality, "is a directory");
    }

    void RefusesLabels(string labels, string word)
    {
        _bench.Refuses(["predict", "--model", _bench.Model, "--labels", labels, _bench.Image], labels, word);
        _bench.Refuses(
            [
                "edit",
                "--model",
                _bench.Model,
                "--labels",
                labels,
                "--image",
                _bench.Image,
                "--label",
                "1",
                "--locator",
                "all",
                "--out",
                _bench.Path("p"),
            ],
            labels,
            word
        );
    }

    [Fact]
    public void Settings_that_contradict_each_other()
    {
        string[] edit =
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
        ];
        _bench.Refuses([.. edit, "--locator", "all", "--keep", "0.5"], "locator all", "--keep");
        _bench.Refuses([.. edit, "--locator", "hypernetwork"], "--locator-file");
        _bench.Refuses([.. edit, "--method", "masked-fine-tuning"], "--locator-file");
        _bench.Refuses([.. edit, "--locator", "gradient", "--locator-file", _bench.Model], "--locator-file");
        _bench.Refuses([.. edit, "--locator", "gradient", "--keep", "0.001"], "keep", "240 units");
    }

    [Fact]
    public void Locators_that_do_not_fit()
    {
        string[] edit =
        [
            "edit",
            "--model",
            _bench.Model,
            "--image",
            _bench.Image,
            "--label",
            _bench.WrongLabel(),
            "--out",
            _bench.Path("p"),
            "--locator-file",
        ];
        _bench.Refuses([.. edit, _bench.WriteHypernetwork("wide.safetensors", width: 48)], "another model", "width 48");
        _bench.Refuses(
            [.. edit, _bench.WriteHypernetwork("few.safetensors", matrices: 4)],
            "another model",
            "4 matrices"
        );
        _bench.Refuses([.. edit, _bench.Model], "model.safetensors", "not a locator");
        _bench.Refuses([.. edit, _bench.Path("missing")], "missing", "no file");
        _bench.Refuses([.. edit, _bench.Labels], "labels.txt", "a text file");
    }

    [Fact]
    public void Locality_folders_without_images()
    {
        string empty = Directory.CreateDirectory(_bench.Path("empty")).FullName;
        string broken = Directory.CreateDirectory(_bench.Path("broken")).FullName;
        _bench.Write("broken/x.png", "no png");
        _bench.Refuses(_bench.Edit(_bench.Path("p"), "--locality", empty), empty, "no image");
        _bench.Refuses(
            _bench.Edit(_bench.Path("p"), "--locality", _bench.Path("missing")),
            _bench.Path("missing"),
            "no folder"
        );
        _bench.Refuses(_bench.Edit(_bench.Path("p"), "--locality", _bench.Image), _bench.Image, "is a file");
        _bench.Refuses(_bench.Edit(_bench.Path("p"), "--locality", broken), broken, "x.png");
    }

    [Fact]
    public void Places_where_no_file_can_be_written()
    {
        string patch = _bench.MakePatch("old.safetensors");
        foreach (
            Func<string, string[]> command in (Func<string, string[]>[])
                [path => _bench.Edit(path), path => ["apply", "--model", _bench.Model, "--patch", patch, "--out", path]]
        )
        {
            _bench.Refuses(command(_bench.Path("absent/p")), _bench.Path("absent"), "does not exist");
            _bench.Refuses(command(patch), patch, "--overwrite");
            _bench.Refuses(command(_bench.Locality), _bench.Locality, "is a directory");
            _bench.Refuses(command(""), "name of the file");
        }
    }

    [Fact]
    public void A_full_disk_leaves_no_file()
    {
        string patch = _bench.MakePatch("patch.safetensors");
        string disk = Directory.CreateDirectory(_bench.Path("disk")).FullName;
        Assert.SkipUnless(
            OperatingSystem.IsLinux() && Shell.Run("mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", disk) == 0,
            "needs the right to mount a small disk"
        );
        try
        {
            _bench.Refuses(_bench.Edit(Path.Combine(disk, "p")), "full", "nothing there has changed");
            _bench.Refuses(
                ["apply", "--model", _bench.Model, "--patch", patch, "--out", Path.Combine(disk, "m")],
                "full",
                "nothing there has changed"
            );
        }
        finally
        {
            Assert.Equal(0, Shell.Run("umount", disk));
        }
    }

    [Fact]
    public void A_patch_of_another_model_is_refused_with_both_fingerprints()
    {
        string other = _bench.WriteModel("other.safetensors", seed: 9);
        string patch = _bench.MakePatch("patch.safetensors");
        _bench.Refuses(
            ["apply", "--model", other, "--patch", patch, "--out", _bench.Path("m")],
            patch,
            Fingerprint(_bench.Model),
            Fingerprint(other)
        );
    }

    static string Fingerprint(string model)
    {
        using Retouch.Formats.ModelFile file = Retouch.Formats.ModelFile.Load(model);
        return file.Model.Fingerprint;
    }

    [Fact]
    public void Files_that_are_no_patch()
    {
        byte[] good = File.ReadAllBytes(_bench.MakePatch("good.safetensors"));
        RefusesPatch(_bench.Path("missing"), "no file");
        RefusesPatch(_bench.Write("empty", ""), "0 bytes");
        RefusesPatch(_bench.Model, "not a patch");
        RefusesPatch(_bench.Image, "not a safetensors file");
        RefusesPatch(_bench.Locality, "is a directory");
        RefusesPatch(_bench.Write("cut", good[..(good.Length / 2)]), "has only");
        RefusesPatch(_bench.Write("version", Replaced(good, "\"version\":\"1\"", "\"version\":\"3\"")), "version 3");
        RefusesPatch(_bench.Write("label", Replaced(good, "\"label\":\"", "\"lable\":\"")), "'label'");
        RefusesPatch(_bench.Write("space", Replaced(good, "\\\"blocks\\\":3", "\\\"blocks\\\":0")), "edit space");
    }

    void RefusesPatch(string patch, string word)
    {
        _bench.Refuses(["log", patch], patch, word);
        _bench.Refuses(["apply", "--model", _bench.Model, "--patch", patch, "--out", _bench.Path("m")], patch, word);
    }

    static byte[] Replaced(byte[] file, string from, string to)
    {
        string text = Encoding.Latin1.GetString(file);
        Assert.Contains(from, text, StringComparison.Ordinal);
        return Encoding.Latin1.GetBytes(text.Replace(from, to, StringComparison.Ordinal));
    }

    [Fact]
    public void An_edit_that_diverges_writes_nothing()
    {
        string[] edit = Workbench.With(_bench.Edit(_bench.Path("p"), "--force"), "--lr", "1e30");
        _bench.Refuses(edit, "diverged", "--lr");
        _bench.Refuses([.. edit, "--json"], "diverged", "--lr");
    }

    [Fact]
    public void Verbose_shows_where_an_error_arose_and_nothing_else_does()
    {
        string[] predict = ["predict", "--model", _bench.Path("missing")];
        Assert.DoesNotContain("   at ", Ran.Retouch([.. predict, "x"]).Err, StringComparison.Ordinal);
        Ran ran = Ran.Retouch([.. predict, "x", "--verbose"]);
        Assert.Equal(2, ran.Code);
        Assert.StartsWith("error: ", ran.Err, StringComparison.Ordinal);
        Assert.Contains("   at Retouch.", ran.Err, StringComparison.Ordinal);
    }
}
