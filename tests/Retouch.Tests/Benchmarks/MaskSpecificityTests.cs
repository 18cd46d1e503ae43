using Retouch.Benchmarks;
using Retouch.Suffix;
using Retouch.Vit;

namespace Retouch.Tests.Benchmarks;

public sealed class MaskSpecificityTests
{
    static readonly EditSpace Space = new(
        new VitConfig
        {
            ImageSize = 8,
            PatchSize = 4,
            Width = 2,
            Depth = 1,
            Heads = 1,
            MlpWidth = 8,
            Classes = 2,
            QkvBias = true,
        },
        0,
        1
    );

    static UnitSelection Fc1(params int[] units) => new(Space, [units, []]);

    [Fact]
    public void Masks_are_compared_pair_by_pair_within_groups_and_across()
    {
        MaskSpecificity s = MaskSpecificity.Of(
            ["a", "b", "c"],
            [
                [Fc1(0, 1, 2), Fc1(1, 2, 3), Fc1(0, 1, 2)], // 2/4, 1, 2/4
                [Fc1(4, 5), Fc1(5, 6)], // 1/3
                [Fc1(0, 1, 2, 4, 5), Fc1(0, 1, 2, 4, 5)], // 1
            ]
        );
        // With c: a's masks share 3 of 5, 2 of 6 and 3 of 5; b's 2 of 5 and 1 of 6.
        double ac = (0.6 + 1.0 / 3 + 0.6) / 3;
        double bc = (0.4 + 1.0 / 6) / 2;
        double[][] expected =
        [
            [2.0 / 3, 0, ac],
            [0, 1.0 / 3, bc],
            [ac, bc, 1],
        ];
        for (int g = 0; g < 3; g++)
        {
            for (int h = 0; h < 3; h++)
                Assert.Equal(expected[g][h], s.Matrix[g][h], 1e-12);
        }
        Assert.Equal((2.0 / 3 + 1.0 / 3 + 1) / 3, s.Within, 1e-12);
        Assert.Equal((0 + ac + bc) / 3, s.Across!.Value, 1e-12);
    }

    [Fact]
    public void One_group_has_nothing_across_and_a_lone_mask_nothing_within()
    {
        Assert.Null(
            MaskSpecificity
                .Of(
                    ["a"],
                    [
                        [Fc1(0), Fc1(1)],
                    ]
                )
                .Across
        );
        Assert.Throws<ArgumentException>(() =>
            MaskSpecificity.Of(
                ["a"],
                [
                    [Fc1(0)],
                ]
            )
        );
        Assert.Throws<ArgumentException>(() => MaskSpecificity.Of([], []));
    }
}
