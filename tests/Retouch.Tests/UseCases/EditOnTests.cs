using Retouch.Cli;
using Retouch.Data;
using Retouch.Editing;
using Retouch.Formats;
using Retouch.Patches;
using Retouch.Tests.Cli;
using Retouch.UseCases;
using Retouch.Vit;

namespace Retouch.Tests.UseCases;

/// <summary>Edits on top of patches in use: whose patches they are, what they keep and are measured by.</summary>
public sealed class EditOnTests : IDisposable
{
    readonly Workbench _bench = new();
    readonly ModelFile _model;
    readonly string _second;

    public EditOnTests()
    {
        _model = ModelFile.Load(_bench.Model);
        _second = _bench.WriteImage("second.png", 77);
    }

    public void Dispose()
    {
        _model.Dispose();
        _bench.Dispose();
    }

    public static TheoryData<string, string> Pairs() =>
        new()
        {
            { "masked-fine-tuning", "masked-fine-tuning" },
            { "gate", "gate" },
            { "remember", "remember" },
            { "gate", "remember" },
            { "masked-fine-tuning", "gate" },
            { "x-edit", "kfac" },
            { "gate", "head-alone" },
            { "remember", "t-patcher" },
        };

    [Theory]
    [MemberData(nameof(Pairs))]
    public void Both_patches_are_of_the_unedited_model_and_together_give_both_answers(string first, string second)
    {
        int one = Wrong(_bench.Image);
        using EditReport earlier = Edit(_bench.Image, one, first, "one.patch");
        int two = Wrong(_second);
        using EditReport report = Edit(_second, two, second, "two.patch", "one.patch");

        Assert.True(report.Success);
        RememberedImage kept = Assert.Single(report.Remembered);
        Assert.Equal((_bench.Path("one.patch"), one, true), (kept.Patch, kept.Label, kept.RightBefore));
        Assert.Equal(new LocalityReference(_bench.Model, _model.Model.Fingerprint, IsBase: true), report.Reference);

        using LoadedPatch a = LoadedPatch.Load(_bench.Path("one.patch"));
        using LoadedPatch b = LoadedPatch.Load(_bench.Path("two.patch"));
        Assert.Equal(_model.Model.Fingerprint, b.Patch.Provenance.ModelFingerprint);
        Assert.Equal([a.Change], b.Patch.Provenance.On);
        Assert.Empty(a.Patch.Provenance.On);
        Assert.Empty(PatchLedger.Contradictions([a.Patch, b.Patch]));
        using VitModel edited = PatchLedger.Apply(_model.Model, [b.Patch, a.Patch]);
        Assert.Equal(two, Says(edited, _second));
        Assert.Equal(kept.RightAfter, Says(edited, _bench.Image) == one);
    }

    [Theory]
    [InlineData("gate")]
    [InlineData("remember")]
    [InlineData("masked-fine-tuning")]
    public void What_an_edit_breaks_of_what_was_corrected_before_is_named(string method)
    {
        // The same picture but for a pixel, with another label: it cannot be told from the first.
        string twin = _bench.Path("twin.png");
        using (SkiaSharp.SKBitmap bitmap = SkiaSharp.SKBitmap.Decode(_bench.Image))
        {
            bitmap.SetPixel(0, 0, SkiaSharp.SKColors.Gray);
            using SkiaSharp.SKData data = bitmap.Encode(SkiaSharp.SKEncodedImageFormat.Png, 100);
            _bench.Write("twin.png", data.ToArray());
        }
        int said = Says(_model.Model, _bench.Image);
        (int one, int two) = ((said + 1) % Workbench.Classes, (said + 2) % Workbench.Classes);
        using EditReport earlier = Edit(_bench.Image, one, "gate", "one.patch");
        using EditReport report = Edit(twin, two, method, "two.patch", "one.patch");
        RememberedImage image = Assert.Single(report.Remembered);
        Assert.True(image.RightBefore);
        // Either it is kept and the twin is not corrected, or it is lost and said to be.
        Assert.NotEqual(report.Success, image.RightAfter);
        if (report.Success)
            Assert.Equal(
                [
                    $"lost: {Path.GetFileName(_bench.Image)}, which {_bench.Path("one.patch")} corrected to "
                        + report.Labels[one].Name,
                ],
                Retouch.Cli.Verbs.LostImages.Lines(report.Remembered, report.Labels)
            );
    }

    [Fact]
    public void Images_that_are_gone_are_remembered_by_their_patch_where_that_is_enough_and_missed_elsewhere()
    {
        string image = _bench.WriteImage("gone.png", 78);
        using EditReport earlier = Edit(image, Wrong(image), "remember", "one.patch");
        File.Delete(image);
        Recorder told = new();
        using EditReport report = Edit(_second, Wrong(_second), "remember", "two.patch", "one.patch", told: told);
        Assert.True(Assert.Single(report.Remembered).RightAfter);
        Assert.DoesNotContain(told.Told, t => t.Contains("not where they were", StringComparison.Ordinal));

        string other = _bench.WriteImage("other.png", 79);
        using EditReport gates = Edit(other, Wrong(other), "gate", "gate.patch");
        File.Delete(other);
        using EditReport blind = Edit(_second, Wrong(_second), "gate", "three.patch", "gate.patch", told: told);
        Assert.Empty(blind.Remembered);
        Assert.Contains(told.Told, t => t.Contains("1 of the images that earlier patches", StringComparison.Ordinal));
    }

    [Fact]
    public void Patches_that_add_units_want_a_method_that_does()
    {
        using EditReport earlier = Edit(_bench.Image, Wrong(_bench.Image), "remember", "one.patch");
        BadInputException refusal = Assert.Throws<BadInputException>(() =>
            Edit(_second, Wrong(_second), "masked-fine-tuning", "two.patch", "one.patch")
        );
        Assert.Contains("--method remember", RemedyText.Of(refusal), StringComparison.Ordinal);
    }

    [Fact]
    public void A_base_beside_patches_in_use_is_refused()
    {
        using EditReport earlier = Edit(_bench.Image, Wrong(_bench.Image), "gate", "one.patch");
        EditRequest request = Request(_second, 0, "gate", "two.patch", "one.patch") with { Base = _bench.Model };
        BadInputException refusal = Assert.Throws<BadInputException>(() =>
            new EditUseCase(_model).Run(request).Dispose()
        );
        Assert.Contains("--base", RemedyText.Of(refusal), StringComparison.Ordinal);
    }

    EditReport Edit(
        string image,
        int label,
        string method,
        string output,
        string? on = null,
        IUseCaseEvents? told = null
    ) => new EditUseCase(_model).Run(Request(image, label, method, output, on), told);

    EditRequest Request(string image, int label, string method, string output, string? on) =>
        new()
        {
            Images = [image],
            Label = $"index:{label}",
            Method = Methods.Find(method),
            Settings =
                method == "masked-fine-tuning"
                    ? new Dictionary<string, string>
                    {
                        ["locator"] = "gradient",
                        ["keep"] = "0.2",
                        ["lr"] = Workbench.Rate,
                    }
                    : new Dictionary<string, string>(),
            Locality = ImageFolder.Open(_bench.Locality),
            Output = _bench.Path(output),
            On = on is null ? [] : [_bench.Path(on)],
            Force = true,
        };

    // A class that the model does not say.
    int Wrong(string image) => (Says(_model.Model, image) + 1) % Workbench.Classes;

    int Says(VitModel model, string image)
    {
        using TorchSharp.torch.Tensor pixels = Retouch.Images.ImageLoader.LoadBatch([image], _model.Preprocessing);
        using TorchSharp.torch.Tensor logits = model.Logits(pixels);
        return (int)logits.argmax(1).item<long>();
    }
}
