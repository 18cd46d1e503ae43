using System.Text.Json;
using Retouch.Data;
using Retouch.Editing;
using Retouch.Formats;
using Retouch.Images;
using Retouch.Locating;
using Retouch.Measurement;
using Retouch.Patches;
using Retouch.Suffix;
using Retouch.Tests.Formats;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Tests.Cli;

/// <summary>
/// The promise itself: a real model's mistakes on real paintings, corrected with little else changed.
/// </summary>
public sealed class RealEditTests : IDisposable
{
    const int Paintings = 10;
    const double LeastLocality = 0.95;
    const long MostBytes = 400_000;

    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    static string Model => SharedData.Require("real", "vit_tiny_patch16_224.augreg_in21k_ft_in1k.safetensors");

    static string Labels => SharedData.Require("real", "imagenet1k_labels.json");

    static string Photos => SharedData.Require("real", "imagenet-sample", "locality");

    [Fact]
    public void Ten_paintings_are_corrected_by_either_locator_and_the_photos_keep_their_classes()
    {
        using DisposeScope scope = NewDisposeScope();
        using ModelFile file = ModelFile.Load(Model);
        SplitVit split = new(file.Model);
        List<(string Painting, PrefixState State, int Label)> failures = [.. Failures(file, split)];
        Assert.Equal(Paintings, failures.Count);
        ImageFolder folder = ImageFolder.Open(Photos);
        Assert.Equal(300, folder.Files.Count);
        using LocalitySet photos = new(
            split,
            split.Prefix(ImageLoader.LoadBatch([.. folder.Files.Select(folder.FullPath)], file.Preprocessing))
        );

        foreach (
            (ILocator locator, double keep) in ((ILocator, double)[])
                [(new GradientLocator(), 0.05), (new AllLocator(), 1)]
        )
        {
            MaskedFineTuning editor = new(locator, new MaskedFineTuningSettings { KeepRatio = keep });
            foreach ((string painting, PrefixState state, int label) in failures)
            {
                using EditResult result = editor.Edit(split, [new Failure(state, label)])[0];
                Assert.True(result.Success, $"{locator.Name} fails on {painting}");
                Assert.Equal(label, split.Logits(state, result.Patch.Delta).argmax(1).item<long>());
                LocalityMeasurement measured = photos.Measure(result.Patch.Delta);
                Assert.True(measured.Rate >= LeastLocality, $"{locator.Name} on {painting}: LR {measured.Rate:0.0000}");
                TestContext.Current.SendDiagnosticMessage(
                    "{0} on {1}: {2} steps, LR {3:0.0000}",
                    locator.Name,
                    painting,
                    result.Steps,
                    measured.Rate
                );
                if (keep < 1)
                {
                    string path = _folder.File(Guid.NewGuid().ToString("N"));
                    PatchFile.Save(result.Patch, path, overwrite: false);
                    Assert.InRange(new FileInfo(path).Length, 1, MostBytes);
                }
            }
        }
        failures.ForEach(f => f.State.Dispose());
    }

    [Fact]
    public void The_command_corrects_a_painting_and_a_patched_file_gives_the_edited_prediction()
    {
        string painting = First();
        string patch = _folder.File("patch.safetensors");
        string edited = _folder.File("edited.safetensors");
        JsonElement old = Predict(Model, painting);
        JsonElement edit = Assert.Single(
            Ran.Retouch(
                    "edit",
                    "--model",
                    Model,
                    "--labels",
                    Labels,
                    "--image",
                    painting,
                    "--label",
                    "n02504458",
                    "--locator",
                    "gradient",
                    "--keep",
                    "0.05",
                    "--locality",
                    Photos,
                    "--out",
                    patch,
                    "--json"
                )
                .Good()
                .Objects
        );

        Assert.Equal(
            (386, "African elephant"),
            (
                edit.GetProperty("label").GetProperty("index").GetInt32(),
                edit.GetProperty("label").GetProperty("name").GetString()
            )
        );
        Assert.True(edit.GetProperty("success").GetBoolean());
        Assert.Equal(386, edit.GetProperty("after")[0].GetProperty("index").GetInt32());
        Assert.Equal(300, edit.GetProperty("localityImages").GetInt32());
        Assert.InRange(edit.GetProperty("localityRate").GetDouble(), LeastLocality, 1);
        Assert.Equal(229, edit.GetProperty("units").GetInt32());
        Assert.InRange(new FileInfo(patch).Length, 1, MostBytes);

        Ran.Retouch("apply", "--model", Model, "--patch", patch, "--out", edited).Good();
        JsonElement now = Predict(edited, painting);
        Assert.Equal(386, now[0].GetProperty("index").GetInt32());
        Assert.Equal(
            edit.GetProperty("after")[0].GetProperty("probability").GetDouble(),
            now[0].GetProperty("probability").GetDouble(),
            1e-4
        );
        JsonElement untouched = Predict(Model, painting);
        Assert.Equal(old.GetRawText(), untouched.GetRawText());
        Assert.NotEqual(386, untouched[0].GetProperty("index").GetInt32());
        // The header says what is in the model now; the weights take as much as before.
        Assert.Equal(WeightBytes(Model), WeightBytes(edited));
    }

    [Fact]
    public void A_guarded_edit_takes_the_statistics_that_come_along_and_keeps_to_its_bound()
    {
        string painting = First();
        string patch = _folder.File("patch.safetensors");
        string few = Directory.CreateDirectory(_folder.File("photos")).FullName;
        ImageFolder photos = ImageFolder.Open(Photos);
        foreach (string photo in photos.Files.Where((_, i) => i % 5 == 0))
            File.Copy(photos.FullPath(photo), Path.Combine(few, photo.Replace('/', '-')));
        string[] edit =
        [
            "edit",
            "--model",
            Model,
            "--image",
            painting,
            "--label",
            "386",
            "--guard",
            "0.98",
            "--locality",
            few,
            "--out",
            patch,
            "--json",
        ];
        JsonElement found = Assert.Single(Ran.Retouch(edit).Good().Objects);
        Assert.Equal(
            ("gate", 60, true),
            (
                found.GetProperty("method").GetString(),
                found.GetProperty("localityImages").GetInt32(),
                found.GetProperty("success").GetBoolean()
            )
        );
        Assert.InRange(found.GetProperty("localityRate").GetDouble(), 0.98, 1);
        Assert.InRange(found.GetProperty("steps").GetInt32(), 1, 10);
        Assert.All(
            found.GetProperty("curve").EnumerateArray(),
            p =>
                Assert.True(
                    p.GetProperty("setting").GetDouble() <= found.GetProperty("guardedSetting").GetDouble()
                        || p.GetProperty("locality").GetDouble() < 0.98
                )
        );
        using Patch read = PatchFile.Load(patch);
        Assert.Equal(found.GetProperty("localityRate").GetDouble(), read.Provenance.Measurements!.LocalityRate);
    }

    static JsonElement Predict(string model, string image) =>
        Ran.Retouch("predict", "--model", model, "--labels", Labels, "--json", "--quiet", image)
            .Good()
            .Objects[0]
            .GetProperty("predictions");

    static string First()
    {
        using DisposeScope scope = NewDisposeScope();
        using ModelFile file = ModelFile.Load(Model);
        (string painting, PrefixState state, _) = Failures(file, new SplitVit(file.Model)).First(f => f.Label == 386);
        state.Dispose();
        return painting;
    }

    // The first paintings that the model gets wrong, in the order of their names: four elephants, three guitars, three
    // horses.
    static IEnumerable<(string Painting, PrefixState State, int Label)> Failures(ModelFile file, SplitVit split)
    {
        foreach (
            (string kind, int label, int count, int[] right) in ((string, int, int, int[])[])
                [("elephant", 386, 4, [386, 101, 385]), ("guitar", 402, 3, [402, 546]), ("horse", 339, 3, [339])]
        )
        {
            ImageFolder folder = ImageFolder.Open(SharedData.Require("real", "pacs", "art_painting", kind));
            int found = 0;
            foreach (string painting in folder.Files.Select(folder.FullPath).TakeWhile(_ => found < count))
            {
                PrefixState state = split.Prefix(ImageLoader.LoadBatch([painting], file.Preprocessing));
                if (right.Contains((int)split.Logits(state).argmax(1).item<long>()))
                {
                    state.Dispose();
                    continue;
                }
                found++;
                yield return (painting, state, label);
            }
        }
    }

    static long WeightBytes(string path)
    {
        using FileStream stream = File.OpenRead(path);
        using BinaryReader reader = new(stream);
        return stream.Length - sizeof(ulong) - (long)reader.ReadUInt64();
    }
}
