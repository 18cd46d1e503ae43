using System.Globalization;
using System.Security.Cryptography;
using Retouch.Formats;
using Retouch.Images;
using Retouch.Tests.Images;
using Retouch.Vit;
using SkiaSharp;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Tests.Cli;

/// <summary>A folder with a tiny model, its label file, images and a locator, in which commands are run.</summary>
sealed class Workbench : IDisposable
{
    public const int Classes = 7;

    /// <summary>A rate at which an edit of the tiny model succeeds.</summary>
    public const string Rate = "0.01";

    public Workbench()
    {
        Root = Directory.CreateTempSubdirectory("retouch-cli-").FullName;
        Model = WriteModel("model.safetensors", seed: 0);
        Labels = Write("labels.txt", "ant\nbee\ncow\ndog\nelk\nfox\ngnu\n");
        Directory.CreateDirectory(Path("locality"));
        for (int i = 0; i < 6; i++)
            WriteImage($"locality/{i}.png", 10 + i);
        Image = WriteImage("image.png", 1);
    }

    public string Root { get; }

    public string Model { get; }

    public string Labels { get; }

    public string Image { get; }

    public string Locality => Path("locality");

    public string Path(string name) => System.IO.Path.Combine(Root, name);

    public string Write(string name, string text)
    {
        File.WriteAllText(Path(name), text);
        return Path(name);
    }

    public string Write(string name, byte[] bytes)
    {
        File.WriteAllBytes(Path(name), bytes);
        return Path(name);
    }

    public string WriteImage(string name, int seed)
    {
        byte[] pixels = new byte[20 * 16 * 3];
        new Random(seed).NextBytes(pixels);
        return Write(
            name,
            TestImage.Encode(new RgbImage(20, 16, (ReadOnlySpan<byte>)pixels), SKEncodedImageFormat.Png)
        );
    }

    /// <summary>Writes a tiny model; <paramref name="change"/> may spoil its tensors first.</summary>
    public string WriteModel(
        string name,
        int seed,
        ScalarType type = ScalarType.Float32,
        Action<Dictionary<string, Tensor>>? change = null,
        string heads = "3"
    )
    {
        using DisposeScope scope = NewDisposeScope();
        using VitModel model = TinyVit.Create(seed, classes: Classes);
        Dictionary<string, Tensor> tensors = model.Tensors.ToDictionary(t => t.Key, t => t.Value.to(type));
        change?.Invoke(tensors);
        SafeTensorsWriter.Write(
            Path(name),
            tensors.Select(t => (t.Key, t.Value)),
            new Dictionary<string, string> { ["num_heads"] = heads },
            overwrite: true
        );
        return Path(name);
    }

    /// <summary>Writes a random hypernetwork that fits the tiny model, or, at another width, does not.</summary>
    public string WriteHypernetwork(string name, int width = 24, int hidden = 40, int matrices = 6)
    {
        using DisposeScope scope = NewDisposeScope();
        using Generator generator = new(5, CPU);
        List<(string, Tensor)> tensors = [("cls_token", zeros([1, matrices, width]))];
        foreach (string norm in (string[])["attention_norm", "ffn_norm"])
            tensors.AddRange([($"layer.0.{norm}.weight", ones([width])), ($"layer.0.{norm}.bias", zeros([width]))]);
        foreach (string linear in (string[])["attn.query", "attn.key", "attn.value", "attn.out", "ffn.fc1", "ffn.fc2"])
            tensors.AddRange([
                ($"layer.0.{linear}.weight", randn([width, width], generator: generator) * 0.3),
                ($"layer.0.{linear}.bias", zeros([width])),
            ]);
        for (int m = 0; m < matrices; m++)
            tensors.AddRange([
                ($"out_layer.{m}.out.weight", randn([hidden, width], generator: generator) * 0.1),
                ($"out_layer.{m}.out.bias", zeros([hidden])),
            ]);
        SafeTensorsWriter.Write(
            Path(name),
            tensors,
            new Dictionary<string, string> { ["heads"] = "3" },
            overwrite: true
        );
        return Path(name);
    }

    /// <summary>
    /// The class that the tiny model finds least likely for an image: a label that it surely has to be taught.
    /// </summary>
    public string WrongLabel(string? image = null) =>
        Ran.Retouch("predict", "--model", Model, "--top", "7", "--json", image ?? Image)
            .Good()
            .Objects[0]
            .GetProperty("predictions")[Classes - 1]
            .GetProperty("index")
            .GetInt32()
            .ToString(CultureInfo.InvariantCulture);

    /// <summary>An edit that succeeds, with further or other options.</summary>
    public string[] Edit(string output, params string[] more) =>
        [
            "edit",
            "--model",
            Model,
            "--image",
            Image,
            "--label",
            WrongLabel(),
            "--locator",
            "gradient",
            "--keep",
            "0.2",
            "--lr",
            Rate,
            "--out",
            output,
            .. more,
        ];

    /// <summary>A command with another value of an option that it has.</summary>
    public static string[] With(string[] args, string option, string value)
    {
        string[] changed = [.. args];
        changed[Array.IndexOf(args, option) + 1] = value;
        return changed;
    }

    /// <summary>Makes a patch and gives its path.</summary>
    public string MakePatch(string name, params string[] more)
    {
        Ran.Retouch(Edit(Path(name), more)).Good();
        return Path(name);
    }

    /// <summary>Every file and folder with its contents: equal before and after where nothing was written.</summary>
    public string[] Contents() =>
        [
            .. Directory
                .EnumerateFileSystemEntries(Root, "*", SearchOption.AllDirectories)
                .Order(StringComparer.Ordinal)
                .Select(p =>
                    Directory.Exists(p) ? p : $"{p} {Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(p)))}"
                ),
        ];

    /// <summary>
    /// Runs a command that must be refused: exit code 2, one sentence that holds the given words, no output, no file.
    /// </summary>
    public string Refuses(string[] args, params string[] words)
    {
        string[] before = Contents();
        Ran ran = Ran.Retouch(args);
        Assert.True(ran.Code == 2, $"exit code {ran.Code}: {ran.Out}{ran.Err}");
        Assert.Equal("", ran.Out);
        // How the model is understood, which method is chosen, how images become pixels and what was left out is said
        // before.
        string line = Assert.Single(
            Ran.Lines(ran.Err),
            l => !((string[])["preprocessing: ", "model: ", "method: ", "warning: "]).Any(l.StartsWith)
        );
        Assert.StartsWith("error: ", line, StringComparison.Ordinal);
        Assert.True(line[^1] is '.' or '?', line);
        Assert.DoesNotContain("..", line.Replace("...", "", StringComparison.Ordinal), StringComparison.Ordinal);
        foreach (string word in (string[])["Exception", "   at ", "Parameter '", "System."])
            Assert.DoesNotContain(word, line, StringComparison.Ordinal);
        foreach (string word in words)
            Assert.Contains(word, line, StringComparison.Ordinal);
        Assert.Equal(before, Contents());
        return line;
    }

    public void Dispose() => Directory.Delete(Root, recursive: true);
}
