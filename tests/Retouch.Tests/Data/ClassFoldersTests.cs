using Retouch.Data;
using Retouch.Formats;
using Retouch.Tests.Formats;

namespace Retouch.Tests.Data;

public sealed class ClassFoldersTests : IDisposable
{
    readonly TemporaryFolder _folder = new();
    readonly LabelSet _labels;

    public ClassFoldersTests() =>
        _labels = LabelSet.Load(
            _folder.Write(
                "labels.json",
                """
                [{"index": 0, "wnid": "n01440764", "name": "tench, Tinca tinca"}, {"index": 1, "wnid": "n01443537", "name": "goldfish"}, {"index": 2, "wnid": "n01484850", "name": "great white shark"}]
                """
            )
        );

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("2", 2)]
    [InlineData("0002", 2)]
    [InlineData("n01443537", 1)]
    [InlineData("wnid:n01443537", 1)]
    [InlineData("WNID: N01443537", 1)]
    [InlineData("0001_n01443537", 1)]
    [InlineData("tench", 0)]
    [InlineData("great_white_shark", 2)]
    public void A_folder_is_called_by_index_word_net_id_both_or_name(string folder, int index) =>
        Assert.Equal([index], new ClassFolders(_labels).Accepted(folder));

    [Fact]
    public void Several_classes_that_count_as_right_have_bars_between_them()
    {
        ClassFolders folders = new(_labels);
        Assert.Equal([2, 0], folders.Accepted("2|tench|n01484850"));
        Assert.True(folders.TryAccepted("great white shark | 1", out IReadOnlyList<int> classes, out _));
        Assert.Equal([2, 1], classes);
        Assert.False(folders.TryAccepted("2|none", out _, out Problem? problem));
        Assert.Contains("\"none\"", problem.Message, StringComparison.Ordinal);
        Assert.Throws<BadInputException>(() => folders.Accepted("2|none"));
        string mapping = _folder.Write("bars.json", """{"2|tench": [1], "fish": [0, 1]}""");
        Assert.Equal([1], ClassFolders.Load(mapping, _labels).Accepted("2|tench"));
        Assert.Equal([2, 0, 1], ClassFolders.Load(mapping, _labels).Accepted("2|fish"));
    }

    [Fact]
    public void Names_that_are_numbers_of_other_classes_are_taken_by_name_and_it_is_said()
    {
        ClassFolders numbers = new(LabelSet.FromNames(["1", "10", "2"]));
        Assert.Equal([0], numbers.Accepted("1"));
        Assert.Equal([2], numbers.Accepted("2"));
        string said = numbers.TakenByName(["1", "2", "10", "nothing"])!;
        Assert.Contains("taken by name: \"1\" is the class 0", said, StringComparison.Ordinal);
        Assert.Contains("\"index:1\" would be the number", said, StringComparison.Ordinal);
        Assert.Null(numbers.TakenByName(["10", "index:1"]));
        Assert.Null(new ClassFolders(_labels).TakenByName(["2", "tench"]));
    }

    [Theory]
    [InlineData("0002_n01443537", 1)]
    [InlineData("0386_n01484850", 2)]
    [InlineData("0001_goldfish", 1)]
    [InlineData("n01440764-tench", 0)]
    public void A_word_net_id_that_the_labels_know_goes_before_a_number(string folder, int index) =>
        Assert.Equal([index], new ClassFolders(_labels).Accepted(folder));

    [Fact]
    public void Without_names_the_index_of_both_is_enough_where_all_of_image_net_is_numbered() =>
        Assert.Equal([386], new ClassFolders(LabelSet.Numbered(1000)).Accepted("0386_n02504458"));

    [Fact]
    public void A_word_net_id_that_nothing_can_check_is_refused_with_both_readings()
    {
        // Of a model with 200 classes number 1 is hardly that of ImageNet's 1000.
        Assert.Contains(
            "labels with WordNet ids",
            Refusal(LabelSet.Numbered(200), "0001_n01443537"),
            StringComparison.Ordinal
        );
        string message = Refusal(LabelSet.FromNames(["ant", "bee"]), "0001_n01443537");
        Assert.Contains("n01443537", message, StringComparison.Ordinal);
        Assert.Contains("1 (\"bee\")", message, StringComparison.Ordinal);
        Assert.Contains("n02504458", Refusal(_labels, "0001_n02504458"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("n02504458")]
    [InlineData("wnid:n02504458")]
    public void A_word_net_id_that_no_label_has_is_called_one(string folder)
    {
        Assert.Contains("No class has the WordNet id", Refusal(_labels, folder), StringComparison.Ordinal);
        string without = Refusal(LabelSet.FromNames(["ant", "bee"]), folder);
        Assert.Contains("The labels have no WordNet ids", without, StringComparison.Ordinal);
    }

    [Fact]
    public void Folders_that_are_numbered_from_one_are_refused_together()
    {
        ClassFolders folders = new(LabelSet.FromNames(["ant", "bee", "cow"]));
        folders.RequireNumbering(["0", "1", "2", "else"]);
        string message = Assert.Throws<BadInputException>(() => folders.RequireNumbering(["1", "2", "3"])).Message;
        Assert.Contains("\"3\" is none of them", message, StringComparison.Ordinal);
        Assert.Contains("\"1\" cannot be trusted to be 1 (\"bee\")", message, StringComparison.Ordinal);
        // Where classes are called by numbers, these are names.
        new ClassFolders(LabelSet.FromNames(["1", "2", "3"])).RequireNumbering(["1", "2", "3"]);
        new ClassFolders(LabelSet.FromNames(["01", "02", "03"])).RequireNumbering(["1", "3"]);
        Mapping("""{"3": [0]}""").RequireNumbering(["1", "3"]);
    }

    static string Refusal(LabelSet labels, string folder) =>
        Assert.Throws<BadInputException>(() => new ClassFolders(labels).Accepted(folder)).Message;

    [Fact]
    public void What_is_no_class_is_refused() =>
        Assert.Throws<BadInputException>(() => new ClassFolders(_labels).Accepted("whale"));

    [Fact]
    public void A_mapping_names_several_classes_a_folder_and_leaves_folders_out()
    {
        ClassFolders folders = Mapping("""{"fish": [1, "tench", "n01484850"], "tench": []}""");
        Assert.Equal([1, 0, 2], folders.Accepted("fish"));
        Assert.Empty(folders.Accepted("tench"));
        Assert.Equal([1], folders.Accepted("goldfish"));
    }

    [Fact]
    public void A_number_of_a_mapping_is_an_index_unless_another_class_is_called_so()
    {
        LabelSet numbers = LabelSet.FromNames(["1", "10", "2"]);
        string path = _folder.Write("numbers.json", """{"a": [2, "1", "index:1"]}""");
        Assert.Equal([2, 0, 1], ClassFolders.Load(path, numbers).Accepted("a"));
        _folder.Write("numbers.json", """{"a": [1]}""");
        string message = Assert.Throws<BadInputException>(() => ClassFolders.Load(path, numbers)).Message;
        Assert.Contains("0 (\"1\")", message, StringComparison.Ordinal);
        Assert.Contains("1 (\"10\")", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "JSON")]
    [InlineData("[]", "not a JSON object")]
    [InlineData("""{"fish": 1}""", "no list")]
    [InlineData("""{"fish": [true]}""", "other than")]
    [InlineData("""{"fish": [null]}""", "other than")]
    [InlineData("""{"fish": [3]}""", "no class \"3\"")]
    [InlineData("""{"fish": [1.5]}""", "1.5")]
    [InlineData("""{"fish": [-1]}""", "-1")]
    [InlineData("""{"fish": ["whale"]}""", "whale")]
    [InlineData("""{"fish": [1, "goldfish"]}""", "twice")]
    [InlineData("""{"fish": [1], "fish": [2]}""", "twice")]
    [InlineData("""{"fish": ["\ud800"]}""", "Unicode")]
    public void A_mapping_that_makes_no_sense_is_refused(string json, string word)
    {
        string message = Assert.Throws<BadInputException>(() => Mapping(json)).Message;
        Assert.Contains("accept.json", message, StringComparison.Ordinal);
        Assert.Contains(word, message, StringComparison.Ordinal);
    }

    ClassFolders Mapping(string json) => ClassFolders.Load(_folder.Write("accept.json", json), _labels);
}
