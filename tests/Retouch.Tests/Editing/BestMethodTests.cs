using Retouch.Cli;
using Retouch.Editing;
using Retouch.Suffix;
using Retouch.Vit;

namespace Retouch.Tests.Editing;

/// <summary>Which method an edit is by where nobody names one.</summary>
public sealed class BestMethodTests
{
    static readonly VitConfig Class = TinyVit.Variants["plain"];
    static readonly VitConfig Average = TinyVit.Variants["average with [CLS]"];

    [Fact]
    public void The_best_that_the_model_allows_comes_first_and_the_published_edit_last()
    {
        Assert.Equal(["gate", "kfac", "masked-fine-tuning"], BestMethod.Names);
        Assert.Equal(("gate", "the best that this model allows"), Choose(new(), Class));
        Assert.Equal(("gate", "the best that this model allows"), Choose(new(), Average));
        (string name, string why) = Choose(new(), TinyVit.Families["swin"]);
        Assert.Equal(
            ("kfac", "not gate: on transformers of several stages kfac was measured to do better"),
            (name, why)
        );
    }

    [Theory]
    [InlineData("masked-fine-tuning", "locator")]
    [InlineData("masked-fine-tuning", "keep")]
    [InlineData("masked-fine-tuning", "lr")]
    [InlineData("masked-fine-tuning", "steps")]
    [InlineData("masked-fine-tuning", "locator", "keep", "stopLoss")]
    [InlineData("gate", "leak")]
    [InlineData("gate", "gain", "steps")]
    [InlineData("gate", "step")]
    [InlineData("kfac", "damping")]
    [InlineData("kfac", "stopMargin", "keep", "locator")]
    public void Settings_mean_the_published_edit_where_it_has_them_and_else_the_best_that_has(
        string expected,
        params string[] settings
    ) => Assert.Equal(expected, Choose(new() { Settings = settings }, Class).Name);

    [Theory]
    [InlineData("gate")]
    [InlineData("gate", "leak")] // refused later, where the guard searches for it
    [InlineData("kfac", "locator")]
    [InlineData("kfac", "keep", "steps")]
    [InlineData("gate", "stopLoss")]
    public void A_guard_is_kept_by_methods_that_have_a_way(string expected, params string[] settings) =>
        Assert.Equal(expected, Choose(new() { Settings = settings, Guarded = true }, Class).Name);

    [Fact]
    public void A_preparation_that_is_given_means_its_method()
    {
        Assert.Equal(
            ("kfac", "not gate: another preparation was given"),
            Choose(new() { Preparations = ["inputs"] }, Class)
        );
        Assert.Equal("gate", Choose(new() { Preparations = ["inputs", "gate"] }, Class).Name);
        Assert.Equal("kfac", Choose(new() { Preparations = ["inputs"], Settings = ["keep"] }, Class).Name);
        // One that none of these reads says nothing.
        Assert.Equal("gate", Choose(new() { Preparations = ["keys"] }, Class).Name);
    }

    [Fact]
    public void What_the_model_and_what_is_at_hand_do_not_allow_is_passed_over_and_said()
    {
        Assert.Equal("gate", Choose(new(), Class, blocks: new EditSpace(Class, 2, 1)).Name);
        Assert.Equal(
            ("kfac", "not gate: it edits block 2 alone"),
            Choose(new(), Class, blocks: new EditSpace(Class, 0, 2))
        );
        Assert.Equal(
            ("kfac", "not gate: it might rewrite the unit of an earlier edit"),
            Choose(new(), Class, editedBefore: true)
        );
        MethodChoice poor = BestMethod.Choose(new(), new MethodSupplies(Class, null, HasNone, Hypernetwork: false));
        Assert.Equal(("masked-fine-tuning", true), (poor.Method.Name, poor.LacksImages));
        Assert.Equal(
            "not gate, kfac: neither statistics for this model nor ordinary images to make them from",
            poor.Why
        );
        Assert.Equal([new("locator", "gradient")], poor.Settings);
        Assert.Empty(BestMethod.Choose(new(), new MethodSupplies(Class, null, HasNone, Hypernetwork: true)).Settings);
        Assert.Empty(
            BestMethod
                .Choose(new() { Settings = ["locator"] }, new MethodSupplies(Class, null, HasNone, Hypernetwork: false))
                .Settings
        );
    }

    [Fact]
    public void Where_no_method_will_do_each_is_named_with_the_reason()
    {
        string none = Refusal(() => BestMethod.Possible(new() { Settings = ["leak", "damping"] }));
        foreach (
            string part in (string[])
                ["No method has all of the settings leak, damping", "leak is one of gate", "damping is one of kfac"]
        )
            Assert.Contains(part, none, StringComparison.Ordinal);
        Assert.DoesNotContain("--method", none, StringComparison.Ordinal);
        Assert.Contains(
            "No method has a setting foo",
            Refusal(() => BestMethod.Possible(new() { Settings = ["foo"] })),
            StringComparison.Ordinal
        );
        // One that none of the three has, but another method.
        string other = Refusal(() => BestMethod.Possible(new() { Settings = ["radius"] }));
        Assert.Contains("radius is a setting of grace", other, StringComparison.Ordinal);
        Assert.Contains("--method grace", other, StringComparison.Ordinal);
        string poor = Refusal(() =>
            BestMethod.Choose(new() { Guarded = true }, new MethodSupplies(Class, null, HasNone, Hypernetwork: false))
        );
        Assert.Contains("no way from general edits to local ones", poor, StringComparison.Ordinal);
        Assert.Contains("--locality", poor, StringComparison.Ordinal);

        static string Refusal(Action choose) => RemedyText.Of(Assert.Throws<BadInputException>(choose));
    }

    static (string Name, string Why) Choose(
        MethodWish wish,
        VitConfig config,
        EditSpace? blocks = null,
        bool editedBefore = false
    )
    {
        MethodChoice choice = BestMethod.Choose(
            wish,
            new MethodSupplies(config, blocks, _ => true, Hypernetwork: true, editedBefore)
        );
        Assert.Contains(choice.Method, BestMethod.Possible(wish));
        Assert.False(choice.LacksImages);
        return (choice.Method.Name, choice.Why);
    }

    static bool HasNone(Method method) => method.PreparationKind is null;
}
