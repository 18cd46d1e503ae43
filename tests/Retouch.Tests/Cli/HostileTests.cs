using Retouch.Formats;
using Retouch.Tests.Images;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Tests.Cli;

/// <summary>
/// What would take the machine is refused with the figure before memory is taken, and with an exit code of 2.
/// </summary>
public sealed class HostileTests : IDisposable
{
    readonly Workbench _bench = new();

    public void Dispose() => _bench.Dispose();

    [Fact]
    public void An_image_size_that_no_pass_could_take_is_refused_with_memory_and_time()
    {
        // Of patches of four pixels: four million tokens, 24 wide.
        string line = _bench.Refuses(
            [
                "predict",
                "--model",
                _bench.WriteModel("wide.safetensors", 0, change: Widen),
                "--heads",
                "1024",
                "--image-size",
                "8192",
                _bench.Image,
            ],
            "8192",
            "patches",
            "of memory",
            "this process may use",
            "smaller --image-size"
        );
        Assert.Matches("about [0-9.]+ (minutes|hours|days)", line);

        static void Widen(Dictionary<string, Tensor> tensors)
        {
            using VitModel wide = TinyVit.Create(width: 4096, hidden: 8, depth: 1, heads: 1024);
            tensors.Clear();
            foreach ((string name, Tensor tensor) in wide.Tensors)
                tensors[name] = tensor.clone();
        }
    }

    [Fact]
    public void An_image_size_that_takes_long_is_said_with_memory_and_time()
    {
        VitCost small = VitCost.Of(
            new VitConfig
            {
                ImageSize = 224,
                PatchSize = 16,
                Width = 768,
                Depth = 12,
                Heads = 12,
                MlpWidth = 3072,
                Classes = 1000,
                QkvBias = true,
            }
        );
        Assert.InRange(small.Operations, 34e9, 36e9); // 17.6 G multiplications and additions, as published
        Assert.InRange(small.Bytes, 4e6, 12e6);
        Assert.Equal(16, small.ImagesTogether(16));
        VitCost large = VitCost.Of(
            new VitConfig
            {
                ImageSize = 8192,
                PatchSize = 16,
                Width = 192,
                Depth = 12,
                Heads = 3,
                MlpWidth = 768,
                Classes = 1000,
                QkvBias = true,
            }
        );
        Assert.Equal(1, large.ImagesTogether(16));
        Assert.Matches(@"^[0-9.]+ GiB of memory and about [0-9.]+ (minutes|hours)$", large.ToString());
    }

    [Fact]
    public void Images_that_are_too_large_to_go_through_together_go_one_by_one()
    {
        string[] images = [.. Enumerable.Range(0, 3).Select(i => _bench.WriteImage($"more{i}.png", 20 + i))];
        Ran ran = Ran.Retouch(["predict", "--model", _bench.Model, "--image-size", "48", "--json", .. images]).Good();
        Assert.Equal(3, ran.Objects.Length);
    }

    [Theory]
    [InlineData("--hypernetwork-blocks", "64", "--mlp-width", "65536", "hypernetwork")]
    [InlineData("--targets", "2147483647", "--epochs", "1", "targets")]
    public void A_locator_that_no_memory_holds_is_refused_with_the_figure(
        string option,
        string value,
        string another,
        string its,
        string word
    )
    {
        string wide = _bench.WriteModel(
            "wide.safetensors",
            0,
            change: tensors =>
            {
                using VitModel model = TinyVit.Create(width: 2048, hidden: 512, depth: 5, heads: 512);
                tensors.Clear();
                foreach ((string name, Tensor tensor) in model.Tensors)
                    tensors[name] = tensor.clone();
            },
            heads: "512"
        );
        _bench.Refuses(
            [
                "train-locator",
                "--model",
                wide,
                "--images",
                _bench.Locality,
                "--batch",
                "2",
                "--bank",
                _bench.Path("bank"),
                "--out",
                _bench.Path("l"),
                option,
                value,
                another,
                its,
            ],
            word,
            "of memory",
            "this process may use"
        );
    }

    [Fact]
    public void A_number_of_targets_that_no_disk_holds_is_refused_with_the_figure()
    {
        string model = _bench.WriteModel(
            "wide.safetensors",
            0,
            change: tensors =>
            {
                using VitModel wide = TinyVit.Create(width: 24, hidden: 4096, depth: 5, heads: 3);
                tensors.Clear();
                foreach ((string name, Tensor tensor) in wide.Tensors)
                    tensors[name] = tensor.clone();
            }
        );
        _bench.Refuses(
            [
                "solve-targets",
                "--model",
                model,
                "--images",
                _bench.Locality,
                "--batch",
                "2",
                "--bank",
                _bench.Path("bank"),
                "--count",
                "2147483647",
            ],
            "2147483647 targets",
            "of disk",
            "smaller --count"
        );
    }

    [Fact]
    public void A_pretraining_that_no_memory_holds_is_refused_with_the_figure()
    {
        foreach (string name in (string[])["a", "b"])
        {
            Directory.CreateDirectory(_bench.Path($"classes/{name}"));
            _bench.WriteImage($"classes/{name}/1.png", name[0]);
        }
        string settings = _bench.Write(
            "settings.json",
            """{"imageSize": 1024, "patchSize": 4, "width": 4096, "heads": 64, "depth": 64, "mlpWidth": 65536}"""
        );
        _bench.Refuses(
            [
                "pretrain",
                "--images",
                _bench.Path("classes"),
                "--config",
                settings,
                "--out",
                _bench.Path("m.safetensors"),
            ],
            "of memory",
            "smaller imageSize"
        );
    }

    [Fact]
    public void A_bomb_among_images_is_named_and_a_larger_budget_reads_it()
    {
        string bomb = _bench.Write("bomb.png", TestImage.Png(9000, 5000, 8, colorType: 0, new byte[9001 * 5000]));
        Ran ran = Ran.Retouch("predict", "--model", _bench.Model, bomb, _bench.Image);
        Assert.Equal(2, ran.Code);
        Assert.Contains("9000x5000 pixels", ran.Err, StringComparison.Ordinal);
        Assert.Contains("--reading-budget 2", ran.Err, StringComparison.Ordinal);
        Ran.Retouch("predict", "--model", _bench.Model, "--reading-budget", "2", bomb).Good();
        Assert.Equal(1, ReadingBudget.Times);
        _bench.Refuses(
            ["predict", "--model", _bench.Model, "--reading-budget", "0", _bench.Image],
            "--reading-budget is 0"
        );
    }

    [Fact]
    public void A_preparation_with_NaN_is_refused_by_the_command()
    {
        string prepared = _bench.Path("gate.prep");
        Ran.Retouch(
                "prepare",
                "--model",
                _bench.Model,
                "--images",
                _bench.Locality,
                "--method",
                "gate",
                "--out",
                prepared
            )
            .Good();
        Dictionary<string, string> metadata;
        using (DisposeScope scope = NewDisposeScope())
        {
            List<(string, Tensor)> tensors;
            using (SafeTensorsFile file = SafeTensorsFile.Open(prepared))
            {
                metadata = file.Metadata.ToDictionary(m => m.Key, m => m.Value);
                tensors =
                [
                    .. file.Tensors.Keys.Select(n =>
                        (n, n == "residuals" ? full_like(file.Read(n), double.NaN) : file.Read(n))
                    ),
                ];
            }
            SafeTensorsWriter.Write(prepared, tensors, metadata, overwrite: true);
        }
        string label = _bench.WrongLabel();
        _bench.Refuses(
            [
                "edit",
                "--model",
                _bench.Model,
                "--image",
                _bench.Image,
                "--label",
                label,
                "--method",
                "gate",
                "--prepared",
                prepared,
                "--out",
                _bench.Path("p"),
            ],
            "gate.prep",
            "\"residuals\"",
            "NaN"
        );
    }
}
