using Retouch.Formats;
using Retouch.Images;
using Retouch.Patches;
using Retouch.Tests.Patches;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Tests.Formats;

/// <summary>Files that change while they are read: what was opened is what counts, or it is said.</summary>
public sealed class ReplacedFileTests : IDisposable
{
    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_model_that_another_was_renamed_over_is_written_as_it_was_loaded()
    {
        using DisposeScope scope = NewDisposeScope();
        string path = Model("model.safetensors", 0);
        string output = _folder.File("out.safetensors");
        using ModelFile file = ModelFile.Load(path);
        using Patch patch = PatchSamples.Random(file.Model);
        Dictionary<string, Tensor> edited = PatchLedger.Edited(file.Model, [patch]);
        File.Move(Model("other.safetensors", 1), path, overwrite: true);
        file.WriteWith(output, edited, overwrite: false);

        using ModelFile written = ModelFile.Load(output);
        using VitModel expected = PatchLedger.Apply(file.Model, [patch]);
        Assert.Equal(expected.Fingerprint, written.Model.Fingerprint);
    }

    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.Float16)]
    public void A_model_that_was_overwritten_in_place_is_refused_even_with_its_old_time(ScalarType type)
    {
        using DisposeScope scope = NewDisposeScope();
        string path = Model("model.safetensors", 0, type);
        string output = _folder.File("out.safetensors");
        DateTime time = File.GetLastWriteTimeUtc(path);
        using ModelFile file = ModelFile.Load(path);
        using Patch patch = PatchSamples.Random(file.Model);
        Dictionary<string, Tensor> edited = PatchLedger.Edited(file.Model, [patch]);
        InPlace(path, File.ReadAllBytes(Model("other.safetensors", 1, type)));
        File.SetLastWriteTimeUtc(path, time);
        Assert.Contains(
            "was written to while",
            Refusal(() => file.WriteWith(output, edited, overwrite: false)),
            StringComparison.Ordinal
        );
        Assert.False(File.Exists(output));
    }

    [Fact]
    public void A_file_that_is_cut_short_is_an_error_in_words_and_no_crash()
    {
        using DisposeScope scope = NewDisposeScope();
        string path = Model("model.safetensors", 0);
        string output = _folder.File("out.safetensors");
        using ModelFile file = ModelFile.Load(path);
        using SafeTensorsFile opened = SafeTensorsFile.Open(path);
        using Patch patch = PatchSamples.Random(file.Model);
        Dictionary<string, Tensor> edited = PatchLedger.Edited(file.Model, [patch]);
        using (FileStream stream = new(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete))
            stream.SetLength(opened.Head.Length + 100);
        Assert.Contains(
            "cut short",
            Refusal(() => opened.Tensors.Keys.ToList().ForEach(n => opened.Read(n).Dispose())),
            StringComparison.Ordinal
        );
        Assert.Contains("has another length", Refusal(opened.RequireUnchanged), StringComparison.Ordinal);
        Assert.Contains(
            "cut short",
            Refusal(() => file.WriteWith(output, edited, overwrite: false)),
            StringComparison.Ordinal
        );
        Assert.False(File.Exists(output));
    }

    [Fact]
    public void An_ONNX_file_is_read_from_what_was_opened_and_a_change_in_place_is_noticed()
    {
        string path = _folder.Write("a", "0123456789");
        string next = _folder.Write("b", "abcdefghij");
        using OpenedFile opened = OpenedFile.Open(path);
        File.Move(next, path, overwrite: true);
        using (StreamReader reader = new(opened.Range(2, 5)))
            Assert.Equal("23456", reader.ReadToEnd());
        opened.RequireUnchanged();

        using OpenedFile second = OpenedFile.Open(path);
        File.SetLastWriteTimeUtc(path, DateTime.UtcNow.AddHours(-1));
        Assert.Contains("was written to", Refusal(second.RequireUnchanged), StringComparison.Ordinal);
        InPlace(path, [1, 2, 3]);
        Assert.Contains("another length", Refusal(second.RequireUnchanged), StringComparison.Ordinal);
        Assert.Contains("cut short", Refusal(() => second.Read(2, new byte[4])), StringComparison.Ordinal);
    }

    [Fact]
    public void Weights_beside_an_ONNX_file_are_never_replaced_through_a_link_to_their_folder()
    {
        Assert.SkipUnless(!OperatingSystem.IsWindows(), "links need rights on Windows");
        using DisposeScope scope = NewDisposeScope();
        using VitModel model = TinyVit.Create();
        using Patch patch = PatchSamples.Random(model);
        Dictionary<string, Tensor> after = PatchLedger.Edited(model, [patch]);
        OnnxExport.Write(
            model,
            Preprocessing.Inception(model.Config.ImageSize, 1),
            null,
            _folder.File("whole.onnx"),
            overwrite: false
        );
        Directory.CreateDirectory(_folder.File("served"));
        Directory.CreateSymbolicLink(_folder.File("link"), _folder.File("served"));
        using MemoryStream weights = new();
        string served = _folder.Write(
            "served/model.onnx",
            OnnxSamples.Rewritten(
                File.ReadAllBytes(_folder.File("whole.onnx")),
                n => n,
                external: weights,
                only: n => n.Contains(".mlp.", StringComparison.Ordinal)
            )
        );
        byte[] before = weights.ToArray();
        _folder.Write("served/weights.bin", before);
        string message = Refusal(() =>
            OnnxPatcher.Write(
                served,
                _folder.File("link/new.onnx"),
                after.ToDictionary(a => a.Key, a => model.Tensors[a.Key]),
                after,
                overwrite: true
            )
        );
        Assert.Contains("another folder", message, StringComparison.Ordinal);
        Assert.Equal(before, File.ReadAllBytes(_folder.File("served/weights.bin")));
    }

    string Model(string name, int seed, ScalarType type = ScalarType.Float32)
    {
        using DisposeScope scope = NewDisposeScope();
        using VitModel made = TinyVit.Create(seed);
        SafeTensorsWriter.Write(
            _folder.File(name),
            made.Tensors.Select(t => (t.Key, t.Value.to(type))),
            new Dictionary<string, string> { ["num_heads"] = "3" },
            overwrite: true
        );
        return _folder.File(name);
    }

    static void InPlace(string path, byte[] bytes)
    {
        using FileStream stream = new(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete);
        stream.Write(bytes);
        stream.SetLength(bytes.Length);
    }

    static string Refusal(Action action) => Assert.Throws<BadInputException>(action).Message;
}
