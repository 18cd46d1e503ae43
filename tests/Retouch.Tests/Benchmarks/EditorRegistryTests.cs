using Retouch.Benchmarks;
using Retouch.Editing;
using Retouch.Locating;
using Retouch.Tests.Editing;

namespace Retouch.Tests.Benchmarks;

public sealed class EditorRegistryTests
{
    static IReadOnlyList<BenchSetting> Grid(Sweep sweep, params (string Knob, string Values)[] knobs) =>
        EditorRegistry.Settings(
            ["masked-fine-tuning"],
            sweep,
            knobs.ToDictionary(k => k.Knob, k => (IReadOnlyList<string>)k.Values.Split(',')),
            new EditorResources()
        );

    [Fact]
    public void The_values_given_are_combined()
    {
        Assert.Equal(
            [
                "masked-fine-tuning keep=0.5 locator=random lr=2E-05 steps=20",
                "masked-fine-tuning keep=0.5 locator=random lr=5E-05 steps=20",
                "masked-fine-tuning keep=0.1 locator=random lr=2E-05 steps=20",
                "masked-fine-tuning keep=0.1 locator=random lr=5E-05 steps=20",
                "masked-fine-tuning keep=1 locator=all lr=2E-05 steps=20",
                "masked-fine-tuning keep=1 locator=all lr=5E-05 steps=20",
            ],
            Grid(
                    Sweep.Published,
                    ("locator", "random,all"),
                    ("keep", "0.5,0.1"),
                    ("lr", "2e-5,0.00005"),
                    ("steps", "20")
                )
                .Select(s => s.Name)
        );
    }

    [Fact]
    public void Two_spellings_of_a_value_are_one_setting() =>
        Assert.Single(Grid(Sweep.Published, ("locator", "gradient"), ("lr", "2e-5,0.00002")));

    [Fact]
    public void A_full_sweep_has_the_papers_masks_and_is_larger_than_a_quick_one()
    {
        IReadOnlyList<BenchSetting> full = Grid(Sweep.Full);
        Assert.Equal(
            ["0.75", "0.5", "0.25", "0.1", "0.05"],
            full.Where(s => s.Settings["locator"] == "gradient").Select(s => s.Settings["keep"])
        );
        Assert.InRange(Grid(Sweep.Quick).Count, 4, full.Count - 1);
        // Without its file the hypernetwork cannot be swept.
        Assert.Equal(["gradient", "random", "all"], full.Select(s => s.Settings["locator"]).Distinct());
        Assert.All(full, s => Assert.Equal("masked-fine-tuning", s.Editor.Name));
    }

    [Fact]
    public void What_makes_no_editor_is_refused_with_its_name()
    {
        Refuses("hypernetwork", () => Grid(Sweep.Published));
        Refuses("keep ratio is 2", () => Grid(Sweep.Quick, ("keep", "0.5,2")));
        Refuses("keep is half", () => Grid(Sweep.Quick, ("keep", "half")));
        Refuses("learning rate", () => Grid(Sweep.Quick, ("lr", "NaN")));
        Refuses("whole number", () => Grid(Sweep.Quick, ("steps", "1.5")));
        Refuses("no locator guess", () => Grid(Sweep.Quick, ("locator", "guess")));
        Refuses("setting strength", () => Grid(Sweep.Quick, ("strength", "1")));
        Refuses(
            "no method romeo",
            () =>
                EditorRegistry.Settings(
                    ["romeo"],
                    Sweep.Quick,
                    new Dictionary<string, IReadOnlyList<string>>(),
                    new EditorResources()
                )
        );

        static void Refuses(string word, Func<object> work) =>
            Assert.Contains(word, Assert.Throws<BadInputException>(work).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_method_of_the_library_has_a_grid_and_what_it_was_prepared_with_is_among_its_settings()
    {
        EditorResources none = new();
        IReadOnlyList<BenchSetting> ft = EditorRegistry.Settings(
            ["ft", "ft-l2"],
            Sweep.Quick,
            new Dictionary<string, IReadOnlyList<string>> { ["strength"] = ["0.5"] },
            none
        );
        Assert.Equal(
            [
                "ft lr=1E-05 steps=100",
                "ft lr=2E-05 steps=100",
                "ft lr=5E-05 steps=100",
                "ft-l2 lr=2E-05 steps=100 strength=0.5",
            ],
            ft.Select(s => s.Name)
        );
        Assert.Contains(
            "'keys'",
            Assert
                .Throws<BadInputException>(() =>
                    EditorRegistry.Settings(
                        ["rome"],
                        Sweep.Published,
                        new Dictionary<string, IReadOnlyList<string>>(),
                        none
                    )
                )
                .Message,
            StringComparison.Ordinal
        );

        using MethodBed bed = new();
        using Preparation keys = bed.Prepare(new KeyStatistics());
        EditorResources prepared = new()
        {
            Preparations = new Dictionary<string, Preparation> { ["keys"] = keys },
            PreparationIds = new Dictionary<string, string> { ["keys"] = "abc" },
        };
        BenchSetting rome = Assert.Single(
            EditorRegistry.Settings(
                ["rome"],
                Sweep.Published,
                new Dictionary<string, IReadOnlyList<string>>(),
                prepared
            )
        );
        Assert.Equal(("rome", "abc"), (rome.Editor.Name, rome.Settings["prepared"]));
    }
}
