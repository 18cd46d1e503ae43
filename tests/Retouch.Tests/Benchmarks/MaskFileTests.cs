using Retouch.Benchmarks;
using Retouch.Cli;
using Retouch.Tests.Formats;
using Retouch.Tests.Reports;

namespace Retouch.Tests.Benchmarks;

public sealed class MaskFileTests
{
    static MaskComparison Of(string locator, double within, double keep = 0.05, string model = ReportSamples.Model) =>
        new()
        {
            Model = model,
            Locator = locator,
            Keep = keep,
            Seed = 0,
            Specificity = new MaskSpecificity
            {
                Within = within,
                Across = 0.1,
                Groups = ["a/b→1", "a/c→2"],
                Matrix =
                [
                    [within, 0.1],
                    [0.1, within],
                ],
            },
        };

    [Fact]
    public void A_comparison_takes_the_place_of_an_earlier_one_of_the_same_masks()
    {
        using TemporaryFolder folder = new();
        string run = folder.File("run");
        MaskFile.Add(run, Of("gradient", 0.2));
        MaskFile.Add(run, Of("random", 0.05));
        MaskFile.Add(run, Of("gradient", 0.3, keep: 0.1));
        Assert.Equal(Path.Combine(run, "masks.json"), MaskFile.Add(run, Of("gradient", 0.4)));
        Assert.Equal(
            [("random", 0.05, 0.05), ("gradient", 0.3, 0.1), ("gradient", 0.4, 0.05)],
            MaskFile.Read(run).Select(m => (m.Locator, m.Specificity.Within, m.Keep))
        );
        Assert.Contains(
            "another folder",
            RemedyText.Of(
                Assert.Throws<BadInputException>(() =>
                    MaskFile.Add(run, Of("gradient", 0.4, model: new string('b', 64)))
                )
            ),
            StringComparison.Ordinal
        );
    }

    [Theory]
    [InlineData("nonsense")]
    [InlineData("null")]
    [InlineData("[null]")]
    [InlineData(
        """[{"model":"m","locator":"l","keep":0.1,"seed":0,"specificity":{"within":1,"across":null,"groups":["a"],"matrix":[[1],[2]]}}]"""
    )]
    [InlineData(
        """[{"model":"m","locator":"l","keep":0.1,"seed":0,"specificity":{"within":1,"across":null,"groups":[],"matrix":[]}}]"""
    )]
    public void A_damaged_file_is_refused(string text)
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder.File("masks.json"), text);
        Assert.Contains(
            "masks.json",
            Assert
                .Throws<BadInputException>(() => MaskFile.Read(Path.GetDirectoryName(folder.File("masks.json"))!))
                .Message,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void A_folder_without_the_file_has_no_comparisons()
    {
        using TemporaryFolder folder = new();
        Assert.Empty(MaskFile.Read(Path.GetDirectoryName(folder.File("x"))!));
    }
}
