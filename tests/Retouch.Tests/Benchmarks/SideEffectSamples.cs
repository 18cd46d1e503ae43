using Retouch.Benchmarks;
using Retouch.Measurement;

namespace Retouch.Tests.Benchmarks;

/// <summary>Side effects made up for tests.</summary>
static class SideEffectSamples
{
    /// <summary>
    /// Two edits of a method in two groups, one of another, on ten dogs and five cats, of which 8 and 4 are right when
    /// clean, 5 and 2 when spoilt.
    /// </summary>
    public static SideEffects Of(string run = "0123456789abcdef") =>
        new()
        {
            Run = run,
            Images = new string('b', 64),
            Count = 15,
            Seed = 0,
            Edits = [Edit("gate", "a"), Edit("gate", "b"), Edit("ft", "a")],
            Measured =
            [
                .. Corruption.All.Select(c =>
                    c.IsClean
                        ? new SideEffectMeasurement(
                            c,
                            Folders(new(10, 8, 0, 0, 0), new(5, 4, 0, 0, 0)),
                            [
                                // A dog is broken; two cats are; one of each becomes right.
                                Folders(new(10, 8, 0, 1, 0), new(5, 4, 0, 0, 0)),
                                Folders(new(10, 8, 0, 0, 0), new(5, 4, 0, 2, 0)),
                                Folders(new(10, 8, 1, 0, 0), new(5, 4, 1, 0, 0)),
                            ]
                        )
                        : new SideEffectMeasurement(
                            c,
                            Folders(new(10, 5, 0, 0, 0), new(5, 2, 0, 0, 0)),
                            [
                                // By noise the first edit breaks a dog at one strength, two at the others.
                                c.Shift == "noise"
                                    ? Folders(new(10, 5, 0, c.Strength < 0.4 ? 1 : 2, 0), new(5, 2, 0, 0, 0))
                                    : Folders(new(10, 5, 0, 0, 0), new(5, 2, 0, 0, 0)),
                                Folders(new(10, 5, 0, 0, 0), new(5, 2, 0, 0, 0)),
                                Folders(new(10, 5, 0, 0, 0), new(5, 2, 0, 0, 0)),
                            ]
                        )
                ),
            ],
        };

    static SideEffectEdit Edit(string method, string group) =>
        new(method, new SortedDictionary<string, string> { ["leak"] = "0.02" }, group, $"{group}.png");

    static Dictionary<string, Flips> Folders(Flips dogs, Flips cats) =>
        new() { ["photo/dog"] = dogs, ["photo/cat"] = cats };
}
