using Retouch.Formats;
using Retouch.Measurement;

namespace Retouch.Tests.Measurement;

public sealed class CheckSummaryTests
{
    static readonly LabelSet s_labels = LabelSet.FromNames(["ant", "bee", "cow", "dog", "elk", "fox", "gnu"]);

    [Fact]
    public void Everything_is_counted_as_by_hand()
    {
        CheckSummary s = CheckSummary.Of(
            [
                Image("a/ant", [0], after: [0, 1, 2, 3, 4], before: [0, 1, 2, 3, 4]),
                Image("a/ant", [0], after: [1, 0, 2, 3, 4], before: [0, 1, 2, 3, 4]), // broken
                Image("a/bee", [1], after: [1, 0, 2, 3, 4], before: [2, 1, 0, 3, 4]), // fixed
                Image("a/bee", [1], after: [2, 0, 3, 4, 5], before: [2, 1, 0, 3, 4]), // unchanged, not in the top 5
                Image("b/bee", [1], after: [2, 1, 3, 4, 5], before: [3, 0, 2, 4, 5]), // otherwise
                Image("b/cow", [2, 3], after: [3, 1, 0, 4, 5], before: [2, 1, 0, 4, 5]), // both count
            ],
            s_labels
        );
        Assert.Equal((6, 3, 5), (s.After.Images, s.After.Right, s.After.InTopFive));
        Assert.Equal((3, 5), (s.Before!.Right, s.Before.InTopFive));
        Assert.Equal(new Flips(6, 3, 1, 1, 1), s.Flips);
        Assert.Equal([new Confusion(1, 2, 2, 2), new Confusion(0, 1, 1, 0)], s.Confusions);
        Assert.Equal(["ant", "bee", "cow"], s.ByClass.Select(c => c.Name));
        Assert.Equal([(2, 1), (3, 1), (1, 1)], s.ByClass.Select(c => (c.Images, c.Right)));
        Assert.Equal(["a/ant", "a/bee", "b/bee", "b/cow"], s.ByFolder.Select(f => f.Name));
        Assert.Equal(new Flips(3, 0, 1, 0, 1), s.ByClass[1].Flips);
        Assert.Equal(s.Flips, Flips.Sum(s.ByFolder.Select(f => f.Flips!.Value)));
        Assert.Equal(
            [
                FlipKind.Unchanged,
                FlipKind.Broken,
                FlipKind.Fixed,
                FlipKind.Unchanged,
                FlipKind.Otherwise,
                FlipKind.Unchanged,
            ],
            s.Images.Select(i => i.Flip!.Value)
        );
        Assert.Equal("1", Assert.Single(s.Flipped(FlipKind.Broken)).Path);
    }

    [Fact]
    public void Alone_a_model_has_no_flips_and_of_five_classes_no_top_five()
    {
        CheckSummary s = CheckSummary.Of(
            [new("a/ant", [0], "x", "/x", new RankedAnswer([1, 0], 0.5), null)],
            LabelSet.FromNames(["ant", "bee"])
        );
        Assert.Null(s.Flips);
        Assert.Null(s.Before);
        Assert.Null(s.After.InTopFive);
        Assert.Null(s.After.TopFiveAccuracy);
        Assert.Equal([new Confusion(0, 1, 1, null)], s.Confusions);
        Assert.Null(Assert.Single(s.Images).Flip);
    }

    int _images;

    CheckedImage Image(string folder, int[] accepted, int[] after, int[] before)
    {
        string path = $"{_images++}";
        return new(folder, accepted, path, $"/{path}", new RankedAnswer(after, 0.9), new RankedAnswer(before, 0.8));
    }
}
