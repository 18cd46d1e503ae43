using System.Globalization;
using System.Text.Json;
using Retouch.Benchmarks;
using Retouch.Formats;
using Retouch.Images;
using Retouch.Patches;
using Retouch.Pretraining;
using Retouch.Tests.Images;

namespace Retouch.Tests.Cli;

/// <summary>
/// Folders of images as users have them: how their classes are found, what is left out, which way up images are.
/// </summary>
public sealed class DataSetTests : IDisposable
{
    readonly Workbench _bench = new();

    public void Dispose() => _bench.Dispose();

    /// <summary>Makes images in a folder and gives the class that the model says of each.</summary>
    int[] Images(string folder, int count)
    {
        Directory.CreateDirectory(_bench.Path(folder));
        string[] paths = [.. Enumerable.Range(0, count).Select(i => _bench.WriteImage($"{folder}/{i}.png", 700 + i))];
        return
        [
            .. Ran.Retouch(["predict", "--model", _bench.Model, "--top", "1", "--json", .. paths])
                .Good()
                .Objects.Select(o => o.GetProperty("predictions")[0].GetProperty("index").GetInt32()),
        ];
    }

    /// <summary>Puts images into folders that are called by what the model says of them.</summary>
    string Right(string folder, Func<int, string> name)
    {
        int[] said = Images("all", 12);
        for (int i = 0; i < said.Length; i++)
        {
            string into = Path.Combine(_bench.Path(folder), name(said[i]));
            Directory.CreateDirectory(into);
            File.Copy(_bench.Path($"all/{i}.png"), Path.Combine(into, $"{i}.png"));
        }
        return _bench.Path(folder);
    }

    string[] Mine(string images, string labels, params string[] more) =>
        [
            "mine",
            "--model",
            _bench.Model,
            "--labels",
            labels,
            "--images",
            images,
            "--min",
            "2",
            "--out",
            _bench.Path("b.json"),
            "--overwrite",
            .. more,
        ];

    [Fact]
    public void A_model_that_gets_everything_right_has_an_empty_benchmark_and_no_error()
    {
        string[] names = File.ReadAllLines(_bench.Labels);
        string images = Right("right", index => names[index]);
        Directory.CreateDirectory(Path.Combine(images, "unknown"));
        File.Copy(_bench.Image, Path.Combine(images, "unknown", "x.png"));
        string[] mine = Mine(images, _bench.Labels, "--locality", _bench.Locality);
        Ran ran = Ran.Retouch(mine).Good();
        Assert.Contains("12 of 12 images are right", ran.Out, StringComparison.Ordinal);
        Assert.Contains("which is empty", ran.Out, StringComparison.Ordinal);
        Assert.Contains("warning: ", ran.Err, StringComparison.Ordinal);
        Assert.Contains("unknown", ran.Err, StringComparison.Ordinal);
        Benchmark benchmark = BenchmarkFile.Load(_bench.Path("b.json"));
        Assert.Empty(benchmark.Groups);
        Assert.Equal(6, benchmark.Locality.Count);
        JsonElement json = Ran.Retouch([.. mine, "--json"]).Good().Objects.Single();
        Assert.Equal((0, 12), (json.GetProperty("groups").GetArrayLength(), json.GetProperty("right").GetInt32()));

        // What takes a benchmark finds nothing to do there, which is no error either.
        string[][] next =
        [
            ["bench", "--locator", "gradient", "--out", _bench.Path("run")],
            ["bench", "masks", "--locator", "gradient"],
            ["search-location", "--out", _bench.Path("search")],
        ];
        foreach (string[] verb in next)
        {
            string[] args =
            [
                .. verb,
                "--model",
                _bench.Model,
                "--benchmark",
                _bench.Path("b.json"),
                "--images",
                images,
            ];
            Assert.Contains("The benchmark is empty", Ran.Retouch(args).Good().Out, StringComparison.Ordinal);
            Assert.False(Directory.Exists(_bench.Path("run")) || Directory.Exists(_bench.Path("search")));
        }
        string other = _bench.WriteModel("other.safetensors", seed: 9);
        _bench.Refuses(
            [
                "bench",
                "--model",
                other,
                "--benchmark",
                _bench.Path("b.json"),
                "--images",
                images,
                "--locator",
                "gradient",
                "--out",
                _bench.Path("run"),
            ],
            "failures of the model"
        );
    }

    [Fact]
    public void Mining_that_ends_without_a_group_says_what_it_left_out()
    {
        int[] said = Images("all", 8);
        // Every image in a class of its own mistake: none shares both.
        string[] names = File.ReadAllLines(_bench.Labels);
        Directory.CreateDirectory(_bench.Path("wrong/unknown"));
        string wrong = names[(said[0] + 1) % names.Length];
        Directory.CreateDirectory(_bench.Path($"wrong/{wrong}"));
        File.Copy(_bench.Path("all/0.png"), _bench.Path($"wrong/{wrong}/0.png"));
        File.Copy(_bench.Path("all/1.png"), _bench.Path("wrong/unknown/1.png"));
        File.WriteAllText(_bench.Path($"wrong/{wrong}/broken.png"), "no image");
        string[] mine = Mine(_bench.Path("wrong"), _bench.Labels);
        Ran ran = Ran.Retouch(mine);
        Assert.Equal(2, ran.Code);
        Assert.Contains("smaller groups with --min", ran.Err, StringComparison.Ordinal);
        string[] warnings = [.. Ran.Lines(ran.Err).Where(l => l.StartsWith("warning: ", StringComparison.Ordinal))];
        Assert.Equal(2, warnings.Length);
        Assert.Contains(warnings, w => w.Contains("unknown", StringComparison.Ordinal));
        Assert.Contains(warnings, w => w.Contains("broken.png", StringComparison.Ordinal));
        Assert.False(File.Exists(_bench.Path("b.json")));

        // No image that can be decoded is not a model that gets all right.
        File.WriteAllText(_bench.Path($"wrong/{wrong}/0.png"), "no image");
        Assert.Contains("None of the 2 images can be decoded", _bench.Refuses(mine), StringComparison.Ordinal);
        Directory.Delete(_bench.Path($"wrong/{wrong}"), recursive: true);
        ran = Ran.Retouch(mine);
        Assert.Equal(2, ran.Code);
        Assert.Contains("No folder's name is a class", ran.Err, StringComparison.Ordinal);
        Assert.Contains("warning: ", ran.Err, StringComparison.Ordinal);
    }

    [Fact]
    public void Two_models_that_agree_on_everything_leave_nothing_to_confirm()
    {
        string twin = _bench.WriteModel(
            "twin.safetensors",
            seed: 0,
            change: tensors =>
            {
                using TorchSharp.torch.Tensor all = tensors["head.bias"];
                tensors["head.bias"] = all + 1;
            }
        );
        Images("all", 6);
        string[] sheet =
        [
            "mine",
            "--model",
            _bench.Model,
            "--stronger",
            twin,
            "--labels",
            _bench.Labels,
            "--images",
            _bench.Path("all"),
            "--out",
            _bench.Path("sheet.html"),
        ];
        Ran ran = Ran.Retouch(sheet).Good();
        Assert.Contains("agree on 6 of 6", ran.Out, StringComparison.Ordinal);
        Assert.Contains("nothing to confirm", ran.Out, StringComparison.Ordinal);
        Assert.True(File.Exists(_bench.Path("sheet.html")));
    }

    [Fact]
    public void Folders_of_another_numbering_go_by_their_word_net_ids_or_are_left_out()
    {
        // The model's classes in the order of these ids; the folders have ImageNet's numbers.
        string[] ids = ["n01440764", "n01443537", "n01484850", "n01491361", "n01494475", "n01496331", "n01498041"];
        string images = Right(
            "numbered",
            index => string.Create(CultureInfo.InvariantCulture, $"{(index + 1) % 7:0000}_{ids[index]}")
        );
        string known = _bench.Write("ids.txt", string.Concat(ids.Select((id, i) => $"{id} class number {i}\n")));
        Assert.Contains(
            "12 of 12 images are right",
            Ran.Retouch(Mine(images, known)).Good().Out,
            StringComparison.Ordinal
        );
        Assert.Contains(
            "12 of 12 images are right",
            Ran.Retouch(Mine(images, _bench.Write("bare.txt", string.Join('\n', ids)))).Good().Out,
            StringComparison.Ordinal
        );
        // Without ids nothing says that number 1 is the model's.
        Ran ran = Ran.Retouch(Mine(images, _bench.Labels));
        Assert.Equal(2, ran.Code);
        Assert.Contains("labels with WordNet ids", ran.Err, StringComparison.Ordinal);
    }

    [Fact]
    public void Classes_that_are_called_by_numbers_are_found_by_name_everywhere()
    {
        string[] names = ["1", "10", "2", "3", "4", "5", "6"];
        string labels = _bench.Write("numbers.txt", string.Join('\n', names));
        string images = Right("numbers", index => names[index]);
        Assert.Contains(
            "12 of 12 images are right",
            Ran.Retouch(Mine(images, labels)).Good().Out,
            StringComparison.Ordinal
        );
        string[] edit = [.. _bench.Edit(_bench.Path("p.patch")), "--labels", labels, "--json", "--force"];
        Ran ran = Ran.Retouch(Workbench.With(edit, "--label", "1"));
        Assert.Equal(0, ran.Objects.Single().GetProperty("label").GetProperty("index").GetInt32());
        Assert.Contains("--label index:1", ran.Err, StringComparison.Ordinal);
        ran = Ran.Retouch([.. Workbench.With(edit, "--label", "index:1"), "--overwrite"]);
        Assert.Equal(1, ran.Objects.Single().GetProperty("label").GetProperty("index").GetInt32());
        _bench.Refuses(
            Workbench.With(Workbench.With(edit, "--label", "01"), "--out", _bench.Path("q.patch")),
            "two readings",
            "0 (\"1\")",
            "1 (\"10\")"
        );
    }

    [Fact]
    public void Folders_that_count_from_one_are_refused()
    {
        string images = Right("counted", index => (index + 1).ToString(CultureInfo.InvariantCulture));
        Directory.CreateDirectory(Path.Combine(images, "7"));
        File.Copy(_bench.Image, Path.Combine(images, "7", "x.png"));
        _bench.Refuses(Mine(images, _bench.Labels), "numbered otherwise than the classes", "\"7\"", "--accept");
    }

    [Fact]
    public void Class_folders_that_are_links_are_mined_and_doubles_named()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "links need a privilege on Windows");
        string[] names = File.ReadAllLines(_bench.Labels);
        string store = Right("store", index => names[index]);
        string linked = _bench.Path("linked");
        Directory.CreateDirectory(linked);
        foreach (string folder in Directory.GetDirectories(store))
            Directory.CreateSymbolicLink(Path.Combine(linked, Path.GetFileName(folder)), folder);
        Directory.CreateSymbolicLink(Path.Combine(linked, "zz"), Directory.GetDirectories(store)[0]);
        Ran ran = Ran.Retouch([.. Mine(linked, _bench.Labels), "--json"]).Good();
        JsonElement mined = ran.Objects.Single();
        Assert.Equal((12, 12), (mined.GetProperty("images").GetInt32(), mined.GetProperty("right").GetInt32()));
        Assert.Contains(
            "zz",
            mined.GetProperty("skipped").EnumerateArray().Single().GetString(),
            StringComparison.Ordinal
        );
        Assert.Contains("warning: ", ran.Err, StringComparison.Ordinal);
        // The same files under two folders are twice, whatever the paths.
        _bench.Refuses([.. Mine(linked, _bench.Labels), "--images", store], "lies in two of the folders");
        // And what is written through a link lands among the images.
        _bench.Refuses(
            [
                "shift",
                "--kind",
                "snow",
                "--images",
                linked,
                "--out",
                Path.Combine(Directory.GetDirectories(store)[0], "out"),
            ],
            "lies in the folder of the images"
        );
    }

    [Fact]
    public void A_label_file_of_other_classes_is_refused() =>
        _bench.Refuses(
            Mine(_bench.Locality, _bench.Write("six.csv", "index,name\n0,a\n1,b\n2,c\n3,d\n4,e\n5,f\n")),
            "names 6 classes, but the model has 7"
        );

    [Fact]
    public void Which_way_up_an_image_is_taken_is_said_and_kept()
    {
        byte[] exif = ExifOrientationTests.Exif(6);
        foreach (string format in (string[])["jpeg", "png", "webp"])
        {
            string turned = _bench.Write($"turned.{format}", ExifOrientationTests.File(format, exif));
            byte[] upward = ExifOrientationTests.File(format, ExifOrientationTests.Exif(1));
            string plain = _bench.Write($"plain.{format}", upward);
            Ran stored = Predict(turned);
            Ran upright = Predict(turned, "--orientation", "exif");
            Ran same = Predict(plain);
            Assert.Equal(Probabilities(same), Probabilities(stored));
            Assert.NotEqual(Probabilities(stored), Probabilities(upright));
            Assert.Equal(Probabilities(same), Probabilities(Predict(plain, "--orientation", "exif")));
            Assert.Contains("--orientation exif turns them", stored.Err, StringComparison.Ordinal);
            Assert.DoesNotContain("orientation:", same.Err + upright.Err, StringComparison.Ordinal);
            Assert.Contains("preprocessing: turn upright by EXIF, ", upright.Err, StringComparison.Ordinal);
        }
        _bench.Refuses(
            ["predict", "--model", _bench.Model, _bench.Image, "--orientation", "up"],
            "--orientation is up",
            "stored, exif"
        );

        // A patch and an exported model keep it.
        string image = _bench.Path("turned.png");
        string[] edit =
        [
            .. Workbench.With(_bench.Edit(_bench.Path("p.patch")), "--image", image),
            "--orientation",
            "exif",
            "--force",
        ];
        Ran.Retouch(edit);
        using (Patch patch = PatchFile.Load(_bench.Path("p.patch")))
            Assert.StartsWith("turn upright by EXIF, ", patch.Provenance.Preprocessing, StringComparison.Ordinal);
        Ran.Retouch(
                "export",
                "--model",
                _bench.Model,
                "--orientation",
                "exif",
                "--format",
                "timm",
                "--out",
                _bench.Path("turning.safetensors")
            )
            .Good();
        string[] again = ["predict", "--model", _bench.Path("turning.safetensors"), "--json", image];
        Assert.Equal(Probabilities(Predict(image, "--orientation", "exif")), Probabilities(Ran.Retouch(again)));
        Assert.Equal(Probabilities(Predict(image)), Probabilities(Ran.Retouch([.. again, "--orientation", "stored"])));
    }

    [Fact]
    public void Every_verb_that_opens_images_takes_which_way_up_they_are()
    {
        string[][] verbs =
        [
            ["predict"],
            ["edit"],
            ["mine"],
            ["bench"],
            ["bench", "masks"],
            ["bench", "report"],
            ["search-location"],
            ["prepare"],
            ["solve-targets"],
            ["train-locator"],
            ["pretrain"],
            ["shift"],
        ];
        foreach (string[] verb in verbs)
            Assert.Contains(
                "--orientation <stored|exif>",
                Ran.Retouch([.. verb, "--help"]).Good().Out,
                StringComparison.Ordinal
            );
        Assert.Contains(
            "--stronger-orientation <stored|exif>",
            Ran.Retouch("mine", "--help").Good().Out,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void Mining_and_shifting_honour_which_way_up_images_are()
    {
        string[] names = File.ReadAllLines(_bench.Labels);
        byte[] file = ExifOrientationTests.File("png", ExifOrientationTests.Exif(6));
        string image = _bench.Write("turned.png", file);
        int upright = Predict(image, "--orientation", "exif")
            .Objects.Single()
            .GetProperty("predictions")[0]
            .GetProperty("index")
            .GetInt32();
        int stored = Predict(image).Objects.Single().GetProperty("predictions")[0].GetProperty("index").GetInt32();
        Directory.CreateDirectory(_bench.Path($"seen/{names[upright]}"));
        _bench.Write($"seen/{names[upright]}/x.png", file);
        Ran.Retouch([.. Mine(_bench.Path("seen"), _bench.Labels), "--orientation", "exif"]).Good();
        Assert.Equal(upright == stored ? 0 : 2, Ran.Retouch(Mine(_bench.Path("seen"), _bench.Labels)).Code);

        string[] shift = ["shift", "--kind", "snow", "--images", _bench.Path("seen"), "--out", _bench.Path("snow")];
        Ran.Retouch(shift).Good();
        Assert.Equal((64, 32), Size(_bench.Path($"snow/{names[upright]}/x.png")));
        Assert.DoesNotContain("turned", File.ReadAllText(_bench.Path("snow/shift.json")), StringComparison.Ordinal);
        // Images of one kind and of the other do not mix.
        _bench.Refuses([.. shift, "--orientation", "exif"], "another shift");
        Ran.Retouch([.. Workbench.With(shift, "--out", _bench.Path("snow2")), "--orientation", "exif"]).Good();
        Assert.Equal((32, 64), Size(_bench.Path($"snow2/{names[upright]}/x.png")));
        Assert.Contains("\"turned\":true", File.ReadAllText(_bench.Path("snow2/shift.json")), StringComparison.Ordinal);
    }

    [Fact]
    public void A_model_that_was_trained_on_upright_images_says_so()
    {
        foreach (string name in (string[])["ant", "bee"])
        {
            Directory.CreateDirectory(_bench.Path($"learn/{name}"));
            _bench.Write($"learn/{name}/x.jpg", ExifOrientationTests.File("jpeg", ExifOrientationTests.Exif(6)));
        }
        PretrainingSettings settings = new()
        {
            Width = 16,
            Depth = 2,
            Heads = 2,
            MlpWidth = 24,
            Batch = 2,
            Epochs = 1,
            WarmUpEpochs = 0.5,
            RampEpochs = 0,
        };
        string config = _bench.Write("config.json", settings.ToJson());
        string[] train =
        [
            "pretrain",
            "--images",
            _bench.Path("learn"),
            "--config",
            config,
            "--out",
            _bench.Path("upright.safetensors"),
        ];
        Ran.Retouch([.. train, "--orientation", "exif"]).Good();
        Ran.Retouch(Workbench.With(train, "--out", _bench.Path("stored.safetensors"))).Good();
        using ModelFile upright = ModelFile.Load(_bench.Path("upright.safetensors"));
        using ModelFile stored = ModelFile.Load(_bench.Path("stored.safetensors"));
        Assert.Equal(
            (ImageOrientation.Exif, ImageOrientation.Stored),
            (upright.Preprocessing.Orientation, stored.Preprocessing.Orientation)
        );
        // It did see other pixels.
        Assert.NotEqual(upright.Model.Fingerprint, stored.Model.Fingerprint);
    }

    static (int, int) Size(string path) => ImageDecoder.Load(path) is var image ? (image.Width, image.Height) : default;

    Ran Predict(string image, params string[] more) =>
        Ran.Retouch(["predict", "--model", _bench.Model, "--json", image, .. more]).Good();

    static double[] Probabilities(Ran ran) =>
        [
            .. ran
                .Objects.Single()
                .GetProperty("predictions")
                .EnumerateArray()
                .OrderBy(p => p.GetProperty("index").GetInt32())
                .Select(p => p.GetProperty("probability").GetDouble()),
        ];
}
