using Retouch.Editing;
using Retouch.Suffix;
using static TorchSharp.torch;

namespace Retouch.Tests.Editing;

public sealed class WiseFtTests : IDisposable
{
    const double Rate = 3e-3;

    readonly MethodBed _bed = new();

    public void Dispose() => _bed.Dispose();

    [Theory]
    [InlineData(1)]
    [InlineData(0.25)]
    public void The_change_is_a_share_of_fine_tunings(double mix)
    {
        using EditResult tuned = new FineTuning(new() { LearningRate = Rate }).Edit(_bed.Split, [_bed.Failure])[0];
        using EditResult mixed = Edit(mix);
        Assert.Equal(tuned.Losses, mixed.Losses);
        Assert.Equal(tuned.Steps, mixed.Steps);
        for (int m = 0; m < tuned.Patch.Delta.Rows.Count; m++)
            Assert.InRange(TinyVit.MaxDifference(mixed.Patch.Delta.Rows[m], tuned.Patch.Delta.Rows[m] * mix), 0, 1e-7);
        Assert.True(mix < 1 || mixed.Success);
    }

    [Fact]
    public void None_of_the_way_is_the_model_and_the_edit_is_judged_there()
    {
        using EditResult none = Edit(0);
        Assert.False(none.Success);
        Assert.True(none.Losses[^1] < 0.01f);
        using Tensor before = _bed.Split.Logits(_bed.State);
        using Tensor after = _bed.Split.Logits(_bed.State, none.Patch.Change);
        Assert.InRange(TinyVit.MaxDifference(before, after), 0, 1e-5);
    }

    [Fact]
    public void Several_failures_keep_their_order()
    {
        using PrefixState other = _bed.Split.Prefix(TinyVit.Pixels(_bed.Model, 1, seed: 8));
        WiseFt editor = new(
            new()
            {
                Mix = 1,
                Tuning = new() { LearningRate = Rate },
            }
        );
        IReadOnlyList<EditResult> both = editor.Edit(_bed.Split, [_bed.Failure, new(other, 2)]);
        Assert.Equal([_bed.Label, 2], both.Select(r => r.Patch.Provenance.Label));
        using EditResult alone = Edit(1);
        Assert.Equal(alone.Steps, both[0].Steps);
        foreach (EditResult result in both)
            result.Dispose();
    }

    [Fact]
    public void A_share_out_of_range_is_named()
    {
        Assert.Contains(
            "mix",
            Assert.Throws<BadInputException>(() => new WiseFt(new() { Mix = 1.5 })).Message,
            StringComparison.Ordinal
        );
        Assert.Contains(
            "learning rate",
            Assert.Throws<BadInputException>(() => new WiseFt(new() { Tuning = new() { LearningRate = 0 } })).Message,
            StringComparison.Ordinal
        );
    }

    EditResult Edit(double mix) =>
        new WiseFt(
            new()
            {
                Mix = mix,
                Tuning = new() { LearningRate = Rate },
            }
        ).Edit(_bed.Split, [_bed.Failure])[0];
}
