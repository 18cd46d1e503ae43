using System.Globalization;
using System.Text.Json;
using Retouch.Editing;
using Retouch.Formats;
using Retouch.Locating;
using Retouch.Suffix;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Tests.Editing;

public sealed class MaskedFineTuningGoldenTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Edits_are_those_of_the_authors_code_step_by_step(bool batched)
    {
        using DisposeScope scope = NewDisposeScope();
        using ModelFile real = RealModel.Load();
        using SafeTensorsFile file = SafeTensorsFile.Open(
            SharedData.Require("golden", "reference", "masked_edits.safetensors")
        );
        SplitVit split = new(real.Model);
        int[] labels = [.. RealModel.Metadata<JsonElement[][]>(file, "edits").Select(e => e[1].GetInt32())];
        List<Failure> failures = [];
        List<UnitSelection> units = [];
        for (int e = 0; e < labels.Length; e++)
        {
            failures.Add(
                new Failure(
                    split.Prefix(real.Preprocessing.Normalize(file.Read($"{e}.pixels_u8").unsqueeze(0))),
                    labels[e]
                )
            );
            units.Add(Units(split.Space, file.ReadFloat($"{e}.mask")));
        }
        MaskedFineTuning editor = new(new AllLocator());
        IReadOnlyList<EditResult> results = batched
            ? editor.Edit(split, failures, units)
            : [.. Enumerable.Range(0, labels.Length).SelectMany(e => editor.Edit(split, [failures[e]], [units[e]]))];

        for (int e = 0; e < labels.Length; e++)
        {
            using EditResult result = results[e];
            float[] losses = file.ReadFloat($"{e}.loss_per_step").data<float>().ToArray();
            Assert.Equal(losses.Length, result.Losses.Count);
            double worst = losses.Zip(result.Losses, (x, y) => Math.Abs(x - y) / x).Max();
            Assert.True(worst < 1e-3, $"loss differs by {worst}");
            double logits = TinyVit.MaxDifference(
                split.Logits(failures[e].State, result.Patch.Delta)[0],
                file.ReadFloat($"{e}.edited_logits")
            );
            Assert.True(logits < 1e-3, $"logits differ by {logits}");
            double norms = file.ReadFloat($"{e}.delta_norms")
                .data<float>()
                .ToArray()
                .Zip(result.Patch.Delta.Norms(), (x, y) => Math.Abs(x - y) / x)
                .Max();
            Assert.True(norms < 1e-4, $"delta norms differ by {norms}");
            TestContext.Current.TestOutputHelper?.WriteLine(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"edit {e}: {result.Steps} steps, loss {worst:E1}, logits {logits:E1}, norms {norms:E1}"
                )
            );
            failures[e].State.Dispose();
        }
    }

    static UnitSelection Units(EditSpace space, Tensor mask)
    {
        float[] values = mask.reshape(-1).data<float>().ToArray();
        return new UnitSelection(
            space,
            [
                .. Enumerable
                    .Range(0, space.Matrices)
                    .Select(m =>
                        Enumerable.Range(0, space.Hidden).Where(i => values[m * space.Hidden + i] == 1).ToArray()
                    ),
            ]
        );
    }
}
