using Retouch.Data;
using Retouch.Formats;
using Retouch.UseCases;

namespace Retouch.Tests.UseCases;

/// <summary>Where a model is unsure together, without labels.</summary>
[Collection(nameof(LettersWorld))]
public sealed class SliceUseCaseTests(LettersWorld letters)
{
    [Fact]
    public void Letters_that_look_alike_to_the_model_are_found_together()
    {
        using ModelFile file = ModelFile.Load(letters.Model);
        (LiveModel live, _) = LiveModel.Open(file, LabelSet.Load(letters.Labels), null, new TrainedFiles());
        using LiveModel opened = live;
        (IReadOnlyList<LiveImages> images, IReadOnlyList<string> classes) = Read(
            live,
            ["natural", "oil", "stage"],
            letters.Images,
            1
        );
        SliceReport report = new SliceUseCase(live).Run(images, new());
        SliceReport again = new SliceUseCase(live).Run(images, new());
        Assert.Equal(report.Slices.Select(s => s.Images), again.Slices.Select(s => s.Images));

        LiveAnswer[] answers = [.. images.SelectMany(i => i.Answers)];
        Assert.Equal(Math.Max(answers.Count(a => a.Margin < 0.5), answers.Length / 10), report.Unsure);
        Assert.True(report.Slices.Count > 1);
        Assert.All(
            report.Slices,
            s =>
            {
                Assert.True(s.Images.Count >= 5);
                Assert.InRange(s.Classes.Count, 1, 3);
                Assert.True(s.Classes.Zip(s.Classes.Skip(1)).All(p => p.First.Probability >= p.Second.Probability));
            }
        );
        int[] all = [.. report.Slices.SelectMany(s => s.Images)];
        Assert.Equal(all.Length, all.Distinct().Count());
        Assert.True(Pure(report, classes) > 3 * MostCommon(all, classes), $"{Pure(report, classes)}");
        foreach (LiveImages some in images)
            some.Dispose();
    }

    [Fact]
    public void Paintings_that_a_real_model_is_unsure_of_are_grouped_by_what_they_show()
    {
        using ModelFile file = RealModel.Load();
        LabelSet labels = LabelSet.Load(SharedData.Require("real", "imagenet1k_labels.json"));
        (LiveModel live, _) = LiveModel.Open(file, labels, null, new TrainedFiles());
        using LiveModel opened = live;
        (IReadOnlyList<LiveImages> images, IReadOnlyList<string> classes) = Read(
            live,
            ["art_painting"],
            set => SharedData.Require("real", "pacs", set),
            Every
        );
        SliceReport report = new SliceUseCase(live).Run(images, new());
        double chance = MostCommon([.. report.Slices.SelectMany(s => s.Images)], classes);
        string found =
            $"{classes.Count} paintings, unsure of {report.Unsure}, {report.Slices.Count} slices, "
            + $"{report.Bits:F2} bits, {Pure(report, classes):F3} of a slice are of one class, {chance:F3} by chance";
        TestContext.Current.TestOutputHelper?.WriteLine(found);
        Assert.True(Pure(report, classes) > 2 * chance, found);
        foreach (LiveImages some in images)
            some.Dispose();
    }

    [Theory]
    [InlineData(0, 10)]
    [InlineData(1.5, 10)]
    [InlineData(0.5, 1)]
    public void Settings_out_of_range_are_refused(double unsure, int fewest) =>
        Assert.Throws<BadInputException>(() => new SliceSettings { Unsure = unsure, Fewest = fewest }.Validate());

    // All of them take minutes: docs/studio.md has their figures, from RETOUCH_SLICES=1.
    static int Every => Environment.GetEnvironmentVariable("RETOUCH_SLICES") is null ? 5 : 1;

    static (IReadOnlyList<LiveImages>, IReadOnlyList<string>) Read(
        LiveModel live,
        IReadOnlyList<string> sets,
        Func<string, string> at,
        int every
    )
    {
        List<LiveImages> images = [];
        List<string> classes = [];
        foreach (string set in sets)
        {
            ImageFolder folder = ImageFolder.Open(at(set));
            foreach (string[] files in folder.Files.Where((_, i) => i % every == 0).Chunk(64))
            {
                (LiveImages read, _, _) = live.Read([.. files.Select(folder.FullPath)]);
                images.Add(read);
                classes.AddRange(files.Select(f => f.Split('/')[0]));
            }
        }
        return (images, classes);
    }

    // Of the images of a slice, the share of its commonest class.
    static double Pure(SliceReport report, IReadOnlyList<string> classes) =>
        (double)report.Slices.Sum(s => s.Images.GroupBy(i => classes[i]).Max(g => g.Count()))
        / report.Slices.Sum(s => s.Images.Count);

    static double MostCommon(int[] images, IReadOnlyList<string> classes) =>
        (double)images.GroupBy(i => classes[i]).Max(g => g.Count()) / images.Length;
}
