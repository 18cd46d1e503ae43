using Retouch.Cli;
using Retouch.Data;
using Retouch.Editing;
using Retouch.Formats;
using Retouch.Images;
using Retouch.Locating;
using Retouch.Patches;
using Retouch.Suffix;
using Retouch.Tests.Cli;
using Retouch.UseCases;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Tests.UseCases;

/// <summary>Edits as a program makes them, without the command line.</summary>
public sealed class EditUseCaseTests : IDisposable
{
    readonly Workbench _bench = new();
    readonly ModelFile _model;
    readonly EditRequest _request;

    public EditUseCaseTests()
    {
        _model = ModelFile.Load(_bench.Model);
        _request = new EditRequest
        {
            Images = [_bench.Image],
            Label = $"{Class(last: true)}",
            Settings = new Dictionary<string, string>
            {
                ["locator"] = "gradient",
                ["keep"] = "0.2",
                ["lr"] = Workbench.Rate,
            },
            Output = _bench.Path("p.patch"),
        };
    }

    public void Dispose()
    {
        _model.Dispose();
        _bench.Dispose();
    }

    [Fact]
    public void A_mistake_is_corrected_measured_and_written_with_its_provenance()
    {
        File.Copy(_bench.Image, _bench.Path("locality/copy.png"));
        Recorder told = new();
        EditRequest request = _request with { Locality = ImageFolder.Open(_bench.Locality) };
        using EditReport report = new EditUseCase(_model).Run(request, told);

        EditedImage image = Assert.Single(report.Images);
        Assert.Equal((false, true, true), (image.Before.Right, image.After.Right, report.Success));
        Assert.Equal(report.Label, image.After.Likeliest[0].Class);
        Assert.Equal(image.After.Probability, image.After.Likeliest[0].Probability, 1e-6);
        Assert.Equal(3, image.Before.Likeliest.Count);
        Assert.Equal(["copy.png"], report.LeftOut);
        Assert.Equal(6, report.Locality!.Images);
        Assert.Equal(1 - report.Locality.Changed.Count / 6.0, report.Locality.Rate, 1e-12);
        Assert.Equal(new LocalityReference(_bench.Model, _model.Model.Fingerprint, IsBase: false), report.Reference);
        Assert.Equal((47, 47 * 24), (report.Units, report.Parameters));
        Assert.True(report.Steps > 0 && report.Seconds > 0);
        Assert.Equal(["step: editing", "step: measuring locality"], told.Told.Where(t => t.StartsWith("step: ")));
        Assert.Contains(told.Told, t => t.StartsWith("note: preprocessing: "));

        Assert.Equal((_request.Output, null), (report.Patch, report.NotWritten));
        using Patch written = PatchFile.Load(report.Patch!);
        Assert.Equal(report.Provenance!.Measurements, written.Provenance.Measurements);
        Assert.Equal(report.Locality.Rate, written.Provenance.Measurements!.LocalityRate);
        Assert.Equal("image.png", Assert.Single(written.Provenance.Images).Path);
        // The report's own patch is still there for whoever shows it.
        Assert.Equal(written.Change.Parameters, report.Result!.Patch.Change.Parameters);
        Assert.True(report.Result.Patch.Change.IsFinite);
        using ModelFile unchanged = ModelFile.Load(_bench.Model);
        Assert.Equal(_model.Model.Fingerprint, unchanged.Model.Fingerprint);
    }

    [Fact]
    public void Without_a_file_to_write_the_edit_is_in_the_report_alone()
    {
        string[] before = _bench.Contents();
        using EditReport report = new EditUseCase(_model).Run(_request with { Output = null });
        Assert.Equal((true, NotWritten.NotAsked), (report.Success, report.NotWritten));
        Assert.Null(Assert.Single(report.Result!.Patch.Provenance.Images).Path);
        Assert.Equal(before, _bench.Contents());
    }

    [Fact]
    public void What_is_right_already_is_left_as_it_is_unless_that_is_asked_for()
    {
        EditRequest right = _request with { Label = $"{Class(last: false)}" };
        using (EditReport report = new EditUseCase(_model).Run(right))
        {
            Assert.Equal((true, NotWritten.AlreadyRight), (report.Success, report.NotWritten));
            Assert.Null(report.Result);
            EditedImage image = Assert.Single(report.Images);
            Assert.True(image.Before.Right);
            Assert.Same(image.Before, image.After);
            Assert.False(File.Exists(right.Output));
        }
        using EditReport forced = new EditUseCase(_model).Run(right with { Force = true });
        Assert.Null(forced.NotWritten);
        Assert.True(File.Exists(right.Output));
    }

    [Fact]
    public void An_edit_that_fails_is_reported_and_written_only_where_that_is_asked_for()
    {
        EditRequest weak = With(("lr", "1e-9"), ("steps", "1"));
        using (EditReport report = new EditUseCase(_model).Run(weak))
        {
            Assert.Equal((false, NotWritten.StillWrong, 1), (report.Success, report.NotWritten, report.Steps));
            Assert.False(File.Exists(weak.Output));
        }
        using EditReport forced = new EditUseCase(_model).Run(weak with { Force = true });
        Assert.Equal((false, null, weak.Output), (forced.Success, forced.NotWritten, forced.Patch));
    }

    [Fact]
    public void A_guard_that_no_edit_keeps_to_writes_nothing_and_shows_what_was_tried()
    {
        using EditReport report = new EditUseCase(_model).Run(Guarded(0.9, ("step", "1e-9"), ("steps", "1")));
        Assert.Equal((false, NotWritten.GuardNotKept), (report.Success, report.NotWritten));
        Assert.Null(report.Result);
        Assert.Null(report.Locality);
        Assert.Null(report.GuardedSetting);
        Assert.Equal(6, report.GuardedImages);
        Assert.Equal(Kfac.Definition.Generalities, report.Curve.Select(p => p.Setting));
        Assert.All(report.Curve, p => Assert.False(p.Success));
        Assert.False(File.Exists(_request.Output));
    }

    [Fact]
    public void A_guarded_edit_says_which_place_it_chose_and_has_its_settings()
    {
        using EditReport report = new EditUseCase(_model).Run(Guarded(0.01, ("stopLoss", "0.7")));
        Assert.True(report.Success);
        Assert.Equal(Kfac.Definition.Generalities[0], report.GuardedSetting);
        Assert.Equal(report.GuardedSetting, report.Curve[0].Setting);
        (string Name, string Value)[] settings = [("damping", "1"), ("stopMargin", "16"), ("stopLoss", "0.7")];
        Assert.All(settings, s => Assert.Equal(s.Value, report.Settings[s.Name]));
        Assert.Contains("damping 1", report.Place(report.GuardedSetting!.Value), StringComparison.Ordinal);
        Assert.True(report.Locality!.Rate >= 0.01);
        Assert.True(File.Exists(report.Patch));
    }

    [Fact]
    public void Locality_is_measured_against_the_unedited_model_that_the_caller_opens()
    {
        string edited = _bench.WriteModel(
            "edited.safetensors",
            seed: 0,
            change: t => t["head.bias"] = t["head.bias"] + 0.5
        );
        using ModelFile model = ModelFile.Load(edited);
        List<string> opened = [];
        EditUseCase edit = new(model)
        {
            Open = path =>
            {
                opened.Add(path);
                return ModelFile.Load(path);
            },
        };
        EditRequest request = _request with { Base = _bench.Model, Locality = ImageFolder.Open(_bench.Locality) };
        using EditReport report = edit.Run(request);
        Assert.Equal([_bench.Model], opened);
        Assert.Equal(new LocalityReference(_bench.Model, _model.Model.Fingerprint, IsBase: true), report.Reference);
    }

    [Fact]
    public void A_request_that_contradicts_itself_is_refused_before_any_work()
    {
        Recorder told = new();
        EditUseCase edit = new(_model);
        Refused(_request with { Base = _bench.Model }, "--base");
        EditRequest bare = _request with { Settings = new Dictionary<string, string>() };
        Refused(bare with { Method = Kfac.Definition, Guard = 0.9 }, "--guard");
        Refused(bare with { Method = Rome.Definition, Guard = 0.9 }, "rome");
        Refused(With(("damping", "1")), "damping");
        Refused(With(("locator", "all"), ("keep", "0.5")), "keep");
        Refused(_request with { Output = _bench.Write("there.patch", "") }, "there.patch");
        Assert.Empty(told.Told);

        void Refused(EditRequest request, string word)
        {
            BadInputException refusal = Assert.Throws<BadInputException>(() => edit.Run(request, told).Dispose());
            Assert.Contains(word, RemedyText.Of(refusal), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_cancelled_edit_writes_nothing()
    {
        using CancellationTokenSource source = new();
        Recorder cancels = new() { OnProgress = (_, _) => source.Cancel() };
        EditRequest slow = With(("lr", "1e-9"), ("steps", "1000"));
        Assert.ThrowsAny<OperationCanceledException>(() =>
            new EditUseCase(_model).Run(slow, cancels, source.Token).Dispose()
        );
        Assert.False(File.Exists(slow.Output));
    }

    [Fact]
    public void Without_a_method_the_best_is_taken_and_learns_from_the_images_and_keeps_nothing_unless_asked()
    {
        EditRequest request = _request with
        {
            Settings = new Dictionary<string, string>(),
            Locality = ImageFolder.Open(_bench.Locality),
        };
        string[] before = _bench.Contents();
        for (int i = 0; i < 2; i++)
        {
            Recorder told = new();
            using EditReport report = new EditUseCase(_model).Run(request with { Output = null }, told);
            Assert.Equal("gate", report.Method.Name);
            Assert.Equal("the best that this model allows", report.Choice!.Why);
            Assert.Equal(
                ("gate", 6, 6, false, false),
                (
                    report.Statistics!.Kind,
                    report.Statistics.Images,
                    report.Statistics.Of,
                    report.Statistics.AreApart,
                    report.Statistics.WereKept
                )
            );
            Assert.Equal(
                ["step: preparing gate", "step: editing", "step: measuring locality"],
                told.Told.Where(t => t.StartsWith("step: "))
            );
        }
        Assert.Equal(before, _bench.Contents());

        EditRequest keeps = request with { Files = new() { Cache = new PreparationCache(_bench.Path("cache")) } };
        foreach (bool there in (bool[])[false, true])
        {
            Recorder told = new();
            using EditReport report = new EditUseCase(_model).Run(keeps with { Overwrite = true }, told);
            Assert.Equal(there, report.Statistics!.WereKept);
            Assert.Equal(there, !told.Told.Contains("step: preparing gate"));
            Assert.Equal(report.Choice!.Why, report.Provenance!.Chosen);
        }
    }

    [Fact]
    public void An_interrupt_while_it_learns_writes_nothing()
    {
        // More than are looked at together.
        for (int i = 0; i < 20; i++)
            _bench.WriteImage($"locality/more{i}.png", 300 + i);
        using CancellationTokenSource source = new();
        Recorder cancels = new()
        {
            OnProgress = (step, _) =>
            {
                if (step == "preparing gate")
                    source.Cancel();
            },
        };
        EditRequest request = _request with
        {
            Settings = new Dictionary<string, string>(),
            Locality = ImageFolder.Open(_bench.Locality),
            Files = new() { Cache = new PreparationCache(_bench.Path("cache")) },
        };
        Assert.ThrowsAny<OperationCanceledException>(() =>
            new EditUseCase(_model).Run(request, cancels, source.Token).Dispose()
        );
        Assert.DoesNotContain("step: editing", cancels.Told);
        Assert.False(File.Exists(request.Output));
    }

    EditRequest With(params (string Name, string Value)[] settings)
    {
        Dictionary<string, string> all = new(_request.Settings);
        foreach ((string name, string value) in settings)
            all[name] = value;
        return _request with { Settings = all };
    }

    EditRequest Guarded(double bound, params (string Name, string Value)[] settings)
    {
        string inputs = _bench.Path("inputs.safetensors");
        using (
            Preparation preparation = Kfac
                .Definition.NewPreparation!()
                .Prepare(
                    new SplitVit(_model.Model, Kfac.Definition.Window(_model.Model.Config)),
                    new PreparationImages(ImageFolders.Open([_bench.Locality]), _model.Preprocessing)
                )
        )
        {
            preparation.Save(inputs, overwrite: false);
        }
        return _request with
        {
            Method = Kfac.Definition,
            Settings = settings.Append(("locator", "all")).ToDictionary(),
            Files = new() { Prepared = [inputs] },
            Locality = ImageFolder.Open(_bench.Locality),
            Guard = bound,
        };
    }

    // The class that the model finds likeliest, or least likely.
    long Class(bool last)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor logits = _model.Model.Logits(ImageLoader.LoadBatch([_bench.Image], _model.Preprocessing));
        return (last ? logits.argmin(1) : logits.argmax(1)).item<long>();
    }
}
