using System.Xml.Linq;
using Retouch.Formats;
using Retouch.Images;
using Retouch.Measurement;
using Retouch.Patches;
using Retouch.Tests.Cli;
using Retouch.UseCases;
using Retouch.Vit;

namespace Retouch.Tests.UseCases;

/// <summary>Checks as a program makes them, without the command line.</summary>
public sealed class CheckUseCaseTests : IDisposable
{
    readonly Workbench _bench = new();
    readonly ModelFile _model;
    readonly CheckRequest _request;

    public CheckUseCaseTests()
    {
        _model = ModelFile.Load(_bench.Model);
        int seed = 100;
        foreach (string c in (string[])["ant", "bee", "cow"])
        {
            Directory.CreateDirectory(_bench.Path($"photos/{c}"));
            for (int i = 0; i < 15; i++)
                _bench.WriteImage($"photos/{c}/{i}.png", seed++);
        }
        _request = new CheckRequest { Images = [_bench.Path("photos")], LabelFile = _bench.Labels };
    }

    public void Dispose()
    {
        _model.Dispose();
        _bench.Dispose();
    }

    [Fact]
    public void A_model_that_is_there_already_is_checked_like_one_of_patches()
    {
        string path = _bench.MakePatch("p.patch");
        CheckCriteria criteria = new() { MaxBroken = 1000, MinAccuracy = 0 };
        Recorder told = new();
        CheckReport report = new CheckUseCase(_model).Run(
            _request with
            {
                Patches = [path],
                Criteria = criteria,
            },
            told
        );
        Assert.True(report.Passed);
        Assert.Equal(45, report.Summary.After.Images);
        Assert.Equal(["ant", "bee", "cow"], report.Summary.ByClass.Select(c => c.Name));
        Assert.Equal(_model.Model.Fingerprint, report.Before);
        Assert.Contains("step: checking", told.Told);

        using Patch patch = PatchFile.Load(path);
        using VitModel edited = PatchLedger.Apply(_model.Model, [patch]);
        CheckReport own = new CheckUseCase(_model).Run(
            _request with
            {
                Criteria = criteria,
            },
            new CheckedModel(edited, _model.Preprocessing, "edited"),
            new CheckedModel(_model.Model, _model.Preprocessing, "model")
        );
        Assert.Equal(report.Summary.Flips, own.Summary.Flips);
        Assert.Equal(report.Summary.Confusions, own.Summary.Confusions);
        Assert.Equal(
            report.Summary.Images.Select(i => (i.After.Class, i.After.Probability)),
            own.Summary.Images.Select(i => (i.After.Class, i.After.Probability))
        );
    }

    [Theory]
    [InlineData(ImageOrientation.Stored)]
    [InlineData(ImageOrientation.Exif)]
    public void Each_of_two_models_gets_its_own_pixels(ImageOrientation orientation)
    {
        using ModelFile other = ModelFile.Load(_bench.WriteModel("other.safetensors", seed: 5));
        Preprocessing cropped = new(
            other.Model.Config.ImageSize,
            0.5,
            Interpolation.Bilinear,
            new ChannelValues(0.3, 0.4, 0.5),
            new ChannelValues(0.2, 0.2, 0.2)
        )
        {
            Orientation = orientation,
        };
        CheckUseCase check = new(_model);
        CheckReport both = check.Run(
            _request,
            new CheckedModel(_model.Model, _model.Preprocessing, "model"),
            new CheckedModel(other.Model, cropped, "other")
        );
        CheckReport alone = check.Run(_request, new CheckedModel(other.Model, cropped, "other"), null);
        Assert.Equal(
            alone.Summary.Images.Select(i => (i.After.Class, i.After.Probability)),
            both.Summary.Images.Select(i => (i.Before!.Class, i.Before.Probability))
        );
        Assert.NotEqual(
            both.Summary.Images.Select(i => i.After.Probability),
            both.Summary.Images.Select(i => i.Before!.Probability)
        );
    }

    [Fact]
    public void An_interrupted_check_says_what_is_kept_and_goes_on()
    {
        using CancellationTokenSource stop = new();
        Recorder told = new()
        {
            OnProgress = (_, done) =>
            {
                if (done >= 16)
                    stop.Cancel();
            },
        };
        CheckRequest request = _request with { Rows = _bench.Path("r.jsonl") };
        RunInterruptedException e = Assert.Throws<RunInterruptedException>(() =>
            new CheckUseCase(_model).Run(request, told, stop.Token)
        );
        Assert.Equal(Remedy.GoOn, e.Problem.Remedy);
        Assert.Contains("16 of 45 images", e.Message, StringComparison.Ordinal);
        Assert.Equal(17, File.ReadAllLines(request.Rows!).Length);

        Recorder again = new();
        CheckReport report = new CheckUseCase(_model).Run(request with { Resume = true }, again);
        Assert.Contains("note: 16 of 45 images were asked about before", again.Told);
        CheckReport whole = new CheckUseCase(_model).Run(_request);
        Assert.Equal(
            whole.Summary.Images.Select(i => (i.FullPath, i.After.Class, i.After.Probability)),
            report.Summary.Images.Select(i => (i.FullPath, i.After.Class, i.After.Probability))
        );

        RunInterruptedException none = Assert.Throws<RunInterruptedException>(() =>
            new CheckUseCase(_model).Run(_request, null, stop.Token)
        );
        Assert.Contains("nothing was written", none.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void While_one_writes_the_answers_another_is_refused()
    {
        CheckRequest request = _request with { Rows = _bench.Path("r.jsonl") };
        BadInputException? second = null;
        Recorder told = new()
        {
            OnProgress = (_, _) =>
                second ??= Assert.Throws<BadInputException>(() =>
                    new CheckUseCase(_model).Run(request with { Resume = true })
                ),
        };
        new CheckUseCase(_model).Run(request, told);
        Assert.Equal(BadInputKind.Busy, second!.Kind);
    }

    [Fact]
    public void Names_that_are_markup_stay_text()
    {
        const string evil = "</script><img src=x onerror=alert(1)>\"'&";
        string labels = _bench.Write(
            "evil.json",
            $$"""{{System.Text.Json.JsonSerializer.Serialize(new[] { evil, "b\u0001", "c", "d", "e", "f", "g" })}}"""
        );
        string accept = _bench.Write("accept.json", """{"ant": [0], "bee": [1], "cow": [2]}""");
        string page = _bench.Path("page.html");
        string junit = _bench.Path("junit.xml");
        CheckReport report = new CheckUseCase(_model).Run(
            _request with
            {
                LabelFile = labels,
                Accepted = accept,
                Page = page,
                JUnit = junit,
                Criteria = new CheckCriteria { MustBeRight = [_bench.Path("photos")] },
            }
        );
        Assert.False(report.Passed);
        string html = File.ReadAllText(page);
        Assert.DoesNotContain("<img src=x", html, StringComparison.Ordinal);
        Assert.Single(html.Split("<script>").Skip(1));
        Assert.Single(html.Split("</script>").Skip(1));
        Assert.Contains("&lt;/script&gt;", html, StringComparison.Ordinal);
        Assert.Contains("\uFFFD", File.ReadAllText(junit), StringComparison.Ordinal);
        Assert.Equal(45 - report.Summary.After.Right, report.Pictured);
        XElement failure = XDocument.Load(junit).Descendants("failure").Single();
        Assert.Equal(45 - report.Summary.After.Right + 1, failure.Value.Split('\n').Length);
    }

    [Fact]
    public void Criteria_that_are_written_are_read_back_from_any_folder()
    {
        CheckCriteria criteria = new()
        {
            MaxBroken = 1,
            MaxBrokenPerClass = 0,
            MaxNegativeFlipRate = 0.01,
            MinFixed = 2,
            FixedAmong = [_bench.Path("photos")],
            MinNetGain = -3,
            MinAccuracy = 0.5,
            MinLocality = 0.99,
            Locality = _bench.Locality,
            MustBeRight = [_bench.Path("a.csv"), _bench.Path("photos/b.csv")],
        };
        string json = CriteriaFile.ToJson(criteria, _bench.Path("photos"));
        Assert.Contains("\"mustBeRight\":[\"../a.csv\",\"b.csv\"]", json, StringComparison.Ordinal);
        CheckCriteria read = CriteriaFile.FromJson(json, "ledger", _bench.Path("photos"));
        Assert.Equivalent(criteria, read, strict: true);
        Assert.Equal("{}", CriteriaFile.ToJson(new CheckCriteria(), _bench.Root));
        Assert.True(CriteriaFile.FromJson("{}", "ledger", _bench.Root).AskNothing);
    }

    [Fact]
    public void Models_of_other_classes_cannot_be_compared()
    {
        using VitModel other = TinyVit.Create(seed: 1, classes: Workbench.Classes + 1);
        BadInputException e = Assert.Throws<BadInputException>(() =>
            new CheckUseCase(_model).Run(
                _request,
                new CheckedModel(_model.Model, _model.Preprocessing, "model"),
                new CheckedModel(other, _model.Preprocessing, "other")
            )
        );
        Assert.Equal(BadInputKind.Mismatch, e.Kind);
        Assert.Contains("other has 8 classes", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_model_against_itself_changes_nothing_and_that_is_said()
    {
        Recorder told = new();
        CheckReport report = new CheckUseCase(_model).Run(_request with { Against = _bench.Model }, told);
        Assert.Equal(
            (0, 0, 0),
            (report.Summary.Flips!.Value.Fixed, report.Summary.Flips.Value.Broken, report.Summary.Flips.Value.Otherwise)
        );
        Assert.All(report.Summary.Images, i => Assert.Equal(i.Before!.Probability, i.After.Probability));
        Assert.Contains("warning: the model and the one that it is compared with have the same weights", told.Told);
    }

    [Fact]
    public void A_class_of_several_indices_is_called_by_its_folder()
    {
        string accept = _bench.Write("accept.json", """{"ant": [0, 1, 5], "bee": [3], "cow": []}""");
        CheckReport report = new CheckUseCase(_model).Run(_request with { Accepted = accept });
        Assert.Equal(["ant", "dog"], report.Summary.ByClass.Select(c => c.Name));
        Assert.Equal(30, report.Summary.After.Images);
        Assert.Equal(
            report.Summary.Images.Count(i => i.Label == 0 && i.After.Class is 0 or 1 or 5),
            report.Summary.ByClass[0].Right
        );
    }

    [Fact]
    public void Pictures_are_of_every_kind_of_mistake_where_there_is_room_for_few()
    {
        string path = _bench.MakePatch("p.patch");
        CheckReport report = new CheckUseCase(_model).Run(_request with { Patches = [path] });
        CheckSummary s = report.Summary;
        int broken = s.Flips!.Value.Broken;
        Assert.True(broken >= 3);
        IReadOnlyList<CheckedImage> shown = Retouch.Reports.ShownMistakes.Of(s, 3);
        Assert.Equal(3, shown.Count);
        Assert.True(shown.Count(i => i.Flip == FlipKind.Broken) >= 2);
        Assert.Equal(s.After.Images - s.After.Right, Retouch.Reports.ShownMistakes.Of(s, 1000).Count);
        Assert.Empty(Retouch.Reports.ShownMistakes.Of(s, 0));
        Assert.All(shown, i => Assert.False(i.IsRight));
    }
}
