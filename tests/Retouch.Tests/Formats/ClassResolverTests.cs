using Retouch.Formats;

namespace Retouch.Tests.Formats;

/// <summary>Which class a text means: one rule, whatever names it.</summary>
public sealed class ClassResolverTests
{
    static readonly LabelSet Numbers = LabelSet.FromNames(["1", "10", "2"]);
    static readonly LabelSet FromOne = LabelSet.FromNames(["01", "02", "03"]);
    static readonly LabelSet Synonyms = LabelSet.FromNames([
        "seven, 7",
        "8, eight",
        "St. Bernard",
        "T-shirt/top",
        "etc.",
        "crane",
        "crane",
    ]);
    static readonly LabelSet Ids = LabelSet.FromLabels([
        new Label(0, "n02012849", "crane"),
        new Label(1, "n03126707", "crane"),
        new Label(2, "n01443537", "goldfish"),
        new Label(3, "n01440764", "tench, Tinca tinca"),
    ]);

    [Theory]
    [InlineData("1", 0)]
    [InlineData("10", 1)]
    [InlineData("2", 2)]
    [InlineData(" 2 ", 2)]
    [InlineData("0", 0)]
    [InlineData("index:1", 1)]
    [InlineData("Index:2", 2)]
    public void An_exact_name_goes_before_a_number(string text, int index) =>
        Assert.Equal(index, Numbers.Resolve(text));

    [Theory]
    [InlineData("01", "by name it is the class 0 (\"1\"), by number 1 (\"10\")", "index:1")]
    [InlineData("001", "by name it is the class 0 (\"1\")", "exact name")]
    public void A_name_and_a_number_that_disagree_are_refused_with_both_readings(
        string text,
        string readings,
        string remedy
    )
    {
        string message = Assert.Throws<BadInputException>(() => Numbers.Resolve(text)).Message;
        Assert.Contains(readings, message, StringComparison.Ordinal);
        Assert.Contains(remedy, message, StringComparison.Ordinal);
    }

    [Fact]
    public void Classes_that_are_called_from_01_on_are_not_taken_by_index()
    {
        Assert.Equal(0, FromOne.Resolve("01"));
        Assert.Contains(
            "two readings",
            Assert.Throws<BadInputException>(() => FromOne.Resolve("1")).Message,
            StringComparison.Ordinal
        );
        // There is no class number 3, so only the name is left.
        Assert.Equal(2, FromOne.Resolve("3"));
        Assert.Equal(2, LabelSet.FromNames(["00", "01", "02"]).Resolve("2"));
        Assert.Equal(1, LabelSet.FromNames(["T-shirt", "Trouser"]).Resolve("01"));
    }

    [Theory]
    [InlineData("0001_goldfish")]
    [InlineData("3_goldfish")]
    [InlineData("7_8")]
    [InlineData("2_seven")]
    public void A_number_before_a_name_must_agree(string text)
    {
        LabelSet labels = text.Contains("gold", StringComparison.Ordinal) ? Ids : Synonyms;
        string message = Assert.Throws<BadInputException>(() => labels.Resolve(text)).Message;
        Assert.Contains("two readings", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("0002_goldfish", 2)]
    [InlineData("1_crane", 1)]
    [InlineData("0_crane", 0)]
    [InlineData("3_tench", 3)]
    [InlineData("0999_n01440764", 3)]
    [InlineData("N01443537", 2)]
    [InlineData("n01440764_tench", 3)]
    public void Numbers_and_ids_beside_names_are_understood(string text, int index) =>
        Assert.Equal(index, Ids.Resolve(text));

    [Theory]
    [InlineData("st._bernard", 2)]
    [InlineData("St. Bernard ", 2)]
    [InlineData("T-shirt_top", 3)]
    [InlineData("etc", 4)]
    [InlineData("etc.", 4)]
    [InlineData("seven", 0)]
    public void What_a_folder_cannot_be_called_is_understood(string text, int index) =>
        Assert.Equal(index, Synonyms.Resolve(text));

    [Fact]
    public void A_synonym_of_digits_is_a_name_like_any_other()
    {
        // "8, eight" is class 1, and there is no class number 8.
        Assert.Equal(1, Synonyms.Resolve("8"));
        LabelSet labels = LabelSet.FromNames(["2, two", "3, three", "4, four"]);
        Assert.Contains(
            "two readings",
            Assert.Throws<BadInputException>(() => labels.Resolve("2")).Message,
            StringComparison.Ordinal
        );
        Assert.Equal(1, labels.Resolve("1"));
    }

    [Fact]
    public void A_label_of_two_classes_is_refused_with_both()
    {
        string message = Assert.Throws<BadInputException>(() => Ids.Resolve("Crane")).Message;
        Assert.Contains("0 (\"n02012849\"), 1 (\"n03126707\")", message, StringComparison.Ordinal);
        Assert.Contains(
            "names 2 classes: 5, 6",
            Assert.Throws<BadInputException>(() => Synonyms.Resolve("crane")).Message,
            StringComparison.Ordinal
        );
        Assert.Contains(
            "index:0",
            Assert.Throws<BadInputException>(() => LabelSet.FromNames(["7", "7"]).Resolve("7")).Message,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void Names_that_are_word_net_ids_are_known_as_such()
    {
        LabelSet labels = LabelSet.FromNames(["n01440764", "n01443537"]);
        Assert.Equal("n01443537", labels[1].WordNetId);
        Assert.Equal(0, labels.Resolve("0001_n01440764"));
    }

    [Fact]
    public void The_reading_that_was_not_taken_can_be_asked_for()
    {
        Assert.Equal(1, Numbers.OtherReading("1"));
        Assert.Null(Numbers.OtherReading("2"));
        Assert.Null(Numbers.OtherReading("10"));
        Assert.Null(Ids.OtherReading("2"));
    }
}
