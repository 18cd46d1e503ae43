using Retouch.Evaluation;
using Retouch.Formats;
using Retouch.Tests.Formats;

namespace Retouch.Tests.Evaluation;

public sealed class ClassFoldersTests : IDisposable
{
    readonly TemporaryFolder _folder = new();
    readonly LabelSet _labels;

    public ClassFoldersTests() => _labels = LabelSet.Load(_folder.Write("labels.json", """
        [{"index": 0, "wnid": "n01440764", "name": "tench, Tinca tinca"}, {"index": 1, "wnid": "n01443537", "name": "goldfish"}, {"index": 2, "wnid": "n01484850", "name": "great white shark"}]
        """));

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("2", 2)]
    [InlineData("0002", 2)]
    [InlineData("n01443537", 1)]
    [InlineData("0001_n01443537", 1)]
    [InlineData("tench", 0)]
    [InlineData("great_white_shark", 2)]
    public void A_folder_is_called_by_index_word_net_id_both_or_name(string folder, int index) =>
        Assert.Equal([index], new ClassFolders(_labels).Accepted(folder));

    [Fact]
    public void Index_and_word_net_id_must_agree() =>
        Assert.Contains("contradicts", Assert.Throws<BadInputException>(() => new ClassFolders(_labels).Accepted("0002_n01443537")).Message, StringComparison.Ordinal);

    [Fact]
    public void Without_names_the_index_of_both_is_enough() =>
        Assert.Equal([386], new ClassFolders(LabelSet.Numbered(1000)).Accepted("0386_n02504458"));

    [Fact]
    public void What_is_no_class_is_refused() => Assert.Throws<BadInputException>(() => new ClassFolders(_labels).Accepted("whale"));

    [Fact]
    public void A_mapping_names_several_classes_a_folder_and_leaves_folders_out()
    {
        ClassFolders folders = Mapping("""{"fish": [1, "tench", "n01484850"], "tench": []}""");
        Assert.Equal([1, 0, 2], folders.Accepted("fish"));
        Assert.Empty(folders.Accepted("tench"));
        Assert.Equal([1], folders.Accepted("goldfish"));
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
