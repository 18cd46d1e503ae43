using Retouch.Measurement;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Tests.Measurement;

/// <summary>Groups of directions, and how many there are.</summary>
public sealed class ClustersTests
{
    const int Each = 60;

    [Theory]
    [InlineData(3)]
    [InlineData(6)]
    public void Groups_that_are_there_are_found_and_as_many(int groups)
    {
        using DisposeScope scope = NewDisposeScope();
        using Clusters clusters = Clusters.Of(Rows(groups));
        Assert.Equal(groups, clusters.Count);
        Assert.InRange(clusters.Bits, 0.9 * Math.Log2(groups), Math.Log2(groups));
        (IReadOnlyList<int> found, IReadOnlyList<float> likeness) = clusters.Assign(Rows(groups));
        for (int g = 0; g < groups; g++)
            Assert.Single(found.Skip(g * Each).Take(Each).Distinct());
        Assert.Equal(groups, found.Distinct().Count());
        Assert.All(likeness, l => Assert.InRange(l, 0.5f, 1.0001f));
    }

    [Fact]
    public void What_has_no_groups_is_one()
    {
        using DisposeScope scope = NewDisposeScope();
        using Clusters clusters = Clusters.Of(Unit(randn([400, 32], generator: new Generator(3))));
        Assert.Equal((1, 0.0), (clusters.Count, clusters.Bits));
        using Clusters alone = Clusters.Of(Rows(1)[..1]);
        Assert.Equal(1, alone.Count);
        Assert.Throws<ArgumentException>(() => Clusters.Of(Rows(1)[..0]));
    }

    [Fact]
    public void The_same_seed_gives_the_same_groups()
    {
        using DisposeScope scope = NewDisposeScope();
        using Clusters one = Clusters.Of(Rows(6), seed: 5);
        using Clusters other = Clusters.Of(Rows(6), seed: 5);
        Assert.Equal(one.Centres.data<float>().ToArray(), other.Centres.data<float>().ToArray());
    }

    [Fact]
    public void Groups_have_as_many_rows_as_is_asked_for()
    {
        using DisposeScope scope = NewDisposeScope();
        using Clusters clusters = Clusters.Of(Rows(6), fewest: 150);
        Assert.InRange(clusters.Count, 1, 2);
        using Clusters few = Clusters.Of(Rows(6), most: 1);
        Assert.Equal(1, few.Count);
    }

    // Directions about so many others.
    static Tensor Rows(int groups)
    {
        Generator random = new(1);
        Tensor centres = Unit(randn([groups, 16], generator: random));
        return Unit(centres.repeat_interleave(Each, 0) + 0.1f * randn([groups * Each, 16], generator: random));
    }

    static Tensor Unit(Tensor rows) => rows / rows.norm(1, keepdim: true);
}
