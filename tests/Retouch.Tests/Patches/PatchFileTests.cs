using System.Text.Json;
using Retouch.Formats;
using Retouch.Patches;
using Retouch.Suffix;
using Retouch.Tests.Formats;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Tests.Patches;

public sealed class PatchFileTests : IDisposable
{
    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(0.3)]
    [InlineData(1)]
    [InlineData(0)]
    public void A_patch_comes_back_to_the_bit(double share)
    {
        using DisposeScope scope = NewDisposeScope();
        using VitModel model = TinyVit.Create();
        using Patch patch = PatchSamples.Random(model, seed: 2, share);
        string path = _folder.File("p");
        PatchFile.Save(patch, path, overwrite: false);
        using Patch read = PatchFile.Load(path);

        Assert.Equal(patch.Delta.Space, read.Delta.Space);
        for (int m = 0; m < patch.Delta.Space.Matrices; m++)
        {
            Assert.Equal(patch.Delta.Units[m].ToArray(), read.Delta.Units[m].ToArray());
            Assert.Equal(patch.Delta.Rows[m].shape, read.Delta.Rows[m].shape);
            Assert.Equal(SafeTensorsSamples.Bits(patch.Delta.Rows[m]), SafeTensorsSamples.Bits(read.Delta.Rows[m]));
        }
        // The lists within compare by reference; their JSON compares by what they hold.
        Assert.Equal(
            JsonSerializer.Serialize(
                patch.Provenance with
                {
                    Settings = new SortedDictionary<string, string>(
                        patch.Provenance.Settings.ToDictionary(),
                        StringComparer.Ordinal
                    ),
                }
            ),
            JsonSerializer.Serialize(read.Provenance)
        );
    }

    [Fact]
    public void The_same_patch_gives_the_same_bytes_and_no_path_or_date()
    {
        using VitModel model = TinyVit.Create();
        using Patch patch = PatchSamples.Random(model);
        using Patch same = PatchSamples.Random(model);
        using Patch reordered = same.With(
            same.Provenance with
            {
                Settings = same.Provenance.Settings.Reverse().ToDictionary(),
            }
        );
        PatchFile.Save(patch, _folder.File("a"), overwrite: false);
        PatchFile.Save(reordered, _folder.File("b"), overwrite: false);
        Assert.Equal(File.ReadAllBytes(_folder.File("a")), File.ReadAllBytes(_folder.File("b")));
    }

    [Fact]
    public void Keys_and_codebook_entries_come_back_and_are_a_later_version()
    {
        using DisposeScope scope = NewDisposeScope();
        using VitModel model = TinyVit.Create();
        string name = VitNames.Block(3, "mlp.fc2.weight");
        using Patch rewriting = PatchSamples.Rewriting(model, 3, unit: 5, seed: 1);
        using Patch patch = new(
            new TensorDelta(
                rewriting.Change.Space,
                new Dictionary<string, TensorChange>
                {
                    [name] = TensorChange.AddProduct(TinyVit.Normal(1, 24, 2), TinyVit.Normal(2, 2, 40)),
                }
            ),
            rewriting.Provenance with
            {
                Codebook = [new CodebookEntry(5, 3, 0.25), new CodebookEntry(1, 0, 1.75)],
                On = ["b1", "a2"],
            }
        )
        {
            Keys = new Dictionary<string, Tensor> { [name] = TinyVit.Normal(3, 2, 40).DetachFromDisposeScope() },
        };
        PatchFile.Save(patch, _folder.File("p"), overwrite: false);
        using Patch read = PatchFile.Load(_folder.File("p"));
        Assert.Equal(SafeTensorsSamples.Bits(patch.Keys[name]), SafeTensorsSamples.Bits(read.Keys[name]));
        Assert.Equal(patch.Provenance.Codebook, read.Provenance.Codebook);
        Assert.Equal(["b1", "a2"], read.Provenance.On);
        Assert.Equal("2", Version("p"));
        // What keys are for is no part of what a patch does.
        using Patch bare = new(patch.Change, patch.Provenance);
        Assert.Equal(PatchFile.Digest(patch), PatchFile.Digest(bare));
        PatchFile.Save(bare, _folder.File("bare"), overwrite: false);
        Assert.Equal("1", Version("bare"));

        Refused((t, _) => t[name + ".keys"] = TinyVit.Normal(3, 2, 24), "keys");
        Refused((t, _) => t[name + ".keys"] = full([2, 40], float.NaN), "NaN");
        Refused((t, _) => t[VitNames.Block(2, "mlp.fc2.weight") + ".keys"] = TinyVit.Normal(3, 2, 40), "keys");
        Refused((_, m) => m["version"] = "1", "no change of a tensor");
        Refused((_, m) => m["codebook"] = """[{"unit":40,"label":0,"radius":1}]""", "'codebook'");
        Refused((_, m) => m["codebook"] = """[{"unit":4,"label":0,"radius":0}]""", "'codebook'");
        Refused((_, m) => m["codebook"] = "[null]", "'codebook'");
        Refused((_, m) => m["on"] = "[null]", "'on'");
        Refused((_, m) => m["on"] = "7", "'on'");

        string Version(string file)
        {
            using SafeTensorsFile opened = SafeTensorsFile.Open(_folder.File(file));
            return opened.Metadata["version"];
        }

        void Refused(Action<Dictionary<string, Tensor>, Dictionary<string, string>> damage, string word)
        {
            string bad = _folder.File("bad");
            using (SafeTensorsFile file = SafeTensorsFile.Open(_folder.File("p")))
            {
                Dictionary<string, Tensor> tensors = file.Tensors.Keys.ToDictionary(n => n, file.Read);
                Dictionary<string, string> metadata = file.Metadata.ToDictionary();
                damage(tensors, metadata);
                SafeTensorsWriter.Write(bad, tensors.Select(t => (t.Key, t.Value)), metadata, overwrite: true);
            }
            string message = Assert.Throws<BadInputException>(() => PatchFile.Load(bad)).Message;
            Assert.Contains(word, message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void What_is_not_known_stays_unknown()
    {
        using VitModel model = TinyVit.Create();
        using Patch full = PatchSamples.Random(model);
        using Patch bare = full.With(
            new PatchProvenance
            {
                ModelFingerprint = model.Fingerprint,
                Label = 0,
                Method = "m",
                Settings = new Dictionary<string, string>(),
            }
        );
        PatchFile.Save(bare, _folder.File("p"), overwrite: false);
        using Patch read = PatchFile.Load(_folder.File("p"));
        Assert.Null(read.Provenance.LabelName);
        Assert.Null(read.Provenance.Preprocessing);
        Assert.Null(read.Provenance.Measurements);
        Assert.Empty(read.Provenance.Images);
    }

    const string Fc1 = "blocks.1.mlp.fc1.weight";

    public static TheoryData<string, string> Damages { get; } =
        new()
        {
            { "units beyond the last", "0 … 39" },
            { "a negative unit", "0 … 39" },
            { "units that do not increase", "increase" },
            { "a unit twice", "increase" },
            { "units without a delta", "units without a delta" },
            { "a delta without units", "delta without units" },
            { "a delta too narrow", "do not fit together" },
            { "a delta too short", "do not fit together" },
            { "units as floats", "do not fit together" },
            { "a delta in half precision", "do not fit together" },
            { "NaN", "NaN" },
            { "infinity", "infinite" },
            { "a stranger's tensor", "belong to no matrix" },
        };

    [Theory]
    [MemberData(nameof(Damages))]
    public void Damaged_tensors_are_refused(string damage, string word)
    {
        using DisposeScope scope = NewDisposeScope();
        AssertRefused(
            (tensors, _) =>
            {
                Tensor units = tensors[Fc1 + ".units"];
                Tensor delta = tensors[Fc1 + ".delta"];
                switch (damage)
                {
                    case "units beyond the last":
                        units[^1] = 40;
                        break;
                    case "a negative unit":
                        units[0] = -1;
                        break;
                    case "units that do not increase":
                        tensors[Fc1 + ".units"] = units.flip(0);
                        break;
                    case "a unit twice":
                        units[1] = units[0].item<int>();
                        break;
                    case "units without a delta":
                        tensors.Remove(Fc1 + ".delta");
                        break;
                    case "a delta without units":
                        tensors.Remove(Fc1 + ".units");
                        break;
                    case "a delta too narrow":
                        tensors[Fc1 + ".delta"] = delta[.., ..^1];
                        break;
                    case "a delta too short":
                        tensors[Fc1 + ".delta"] = delta[..^1];
                        break;
                    case "units as floats":
                        tensors[Fc1 + ".units"] = units.to(ScalarType.Float32);
                        break;
                    case "a delta in half precision":
                        tensors[Fc1 + ".delta"] = delta.to(ScalarType.Float16);
                        break;
                    case "NaN":
                        delta[0, 0] = float.NaN;
                        break;
                    case "infinity":
                        delta[0, 0] = float.NegativeInfinity;
                        break;
                    case "a stranger's tensor":
                        tensors["blocks.0.mlp.fc1.weight.units"] = units;
                        break;
                }
            },
            word
        );
    }

    [Theory]
    [InlineData("space", """{"firstBlock":-1,"blocks":3,"hidden":40,"width":24}""", "edit space")]
    [InlineData("space", """{"firstBlock":1,"blocks":1000000000,"hidden":40,"width":24}""", "edit space")]
    [InlineData("space", """{"firstBlock":1,"blocks":3,"hidden":2147483647,"width":24}""", "edit space")]
    [InlineData("space", """{"firstBlock":1,"blocks":3,"hidden":99999999999999999999,"width":24}""", "'space'")]
    [InlineData("space", """{"firstBlock":1,"blocks":3,"hidden":40}""", "'space'")]
    [InlineData("space", "null", "'space'")]
    [InlineData("space", "", "'space'")]
    [InlineData("space", """{"firstBlock":2,"blocks":2,"hidden":40,"width":24}""", "belong to no matrix")]
    [InlineData("space", """{"firstBlock":1,"blocks":3,"hidden":2,"width":24}""", "0 … 1")]
    [InlineData("images", "[null]", "'images'")]
    [InlineData("images", """[{"name":"x"}]""", "'images'")]
    [InlineData("settings", "[]", "'settings'")]
    [InlineData("settings", """{"lr":null}""", "'settings'")]
    [InlineData("measurements", """{"success":true,"steps":1,"localityRate":1.5}""", "'measurements'")]
    [InlineData("measurements", """{"success":true,"steps":-1}""", "'measurements'")]
    [InlineData("measurements", """{"success":"yes"}""", "'measurements'")]
    [InlineData("measurements", """{"success":true,"steps":1,"localityRate":1e999}""", "'measurements'")]
    [InlineData("label", "-1", "label")]
    [InlineData("label", "99999999999", "label")]
    [InlineData("seed", "x", "seed")]
    [InlineData("version", "3", "version 3")]
    [InlineData("format", "pt", "not a patch")]
    public void Damaged_metadata_are_refused(string key, string value, string word) =>
        AssertRefused((_, metadata) => metadata[key] = value, word);

    [Theory]
    [InlineData("format")]
    [InlineData("version")]
    [InlineData("model")]
    [InlineData("space")]
    [InlineData("images")]
    [InlineData("label")]
    [InlineData("method")]
    [InlineData("settings")]
    [InlineData("seed")]
    public void Missing_metadata_are_named(string key) =>
        AssertRefused((_, metadata) => metadata.Remove(key), key == "format" ? "not a patch" : $"'{key}'");

    void AssertRefused(Action<Dictionary<string, Tensor>, Dictionary<string, string>> damage, string word)
    {
        using DisposeScope scope = NewDisposeScope();
        using VitModel model = TinyVit.Create();
        using Patch patch = PatchSamples.Random(model);
        string good = _folder.File("good");
        string bad = _folder.File("bad");
        PatchFile.Save(patch, good, overwrite: true);
        using (SafeTensorsFile file = SafeTensorsFile.Open(good))
        {
            Dictionary<string, Tensor> tensors = file.Tensors.Keys.ToDictionary(n => n, file.Read);
            Dictionary<string, string> metadata = file.Metadata.ToDictionary();
            damage(tensors, metadata);
            SafeTensorsWriter.Write(bad, tensors.Select(t => (t.Key, t.Value)), metadata, overwrite: false);
        }
        string message = Assert.Throws<BadInputException>(() => PatchFile.Load(bad)).Message;
        Assert.Contains(bad, message, StringComparison.Ordinal);
        Assert.Contains(word, message, StringComparison.Ordinal);
        Assert.DoesNotContain("Parameter", message, StringComparison.Ordinal);
        Assert.EndsWith(".", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_patch_that_could_not_be_read_again_is_not_written()
    {
        using VitModel model = TinyVit.Create();
        using Patch patch = PatchSamples.Random(model);
        patch.Delta.Rows[0][0, 0] = float.NaN;
        Assert.Throws<BadInputException>(() => PatchFile.Save(patch, _folder.File("p"), overwrite: false));
        Assert.Empty(_folder.Names());
    }
}
