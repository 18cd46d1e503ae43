using Retouch.Cli;
using Retouch.Formats;

namespace Retouch.Tests.Formats;

public sealed class LabelSetTests : IDisposable
{
    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("l.json", """[{"index":1,"wnid":"n02","name":"goldfish"},{"index":0,"wnid":"n01","name":"tench"}]""")]
    [InlineData("l.json", """["tench","goldfish"]""")]
    [InlineData("l.json", """{"1":"goldfish","0":"tench"}""")]
    [InlineData("config.json", """{"model_type":"vit","id2label":{"0":"tench","1":"goldfish"}}""")]
    [InlineData("l.txt", "\uFEFFtench\r\ngoldfish\r\n\r\n")]
    [InlineData("l", "\n [\"tench\", \"goldfish\"]")]
    public void every_layout_of_a_label_file_is_read(string name, string content)
    {
        LabelSet labels = LabelSet.Load(_folder.Write(name, content));
        Assert.Equal(2, labels.Count);
        Assert.Equal("tench", labels[0].Name);
        Assert.Equal("goldfish", labels[1].Name);
        Assert.Equal(1, labels[1].Index);
        Assert.Equal(1, labels.Resolve("goldfish"));
    }

    [Theory]
    [InlineData("l.json", "", "not valid JSON")]
    [InlineData("l.txt", " \n", "holds no labels")]
    [InlineData("l.json", "[]", "holds no labels")]
    [InlineData("l.json", "{}", "holds no labels")]
    [InlineData("l.json", "tench", "not valid JSON (line 1, column ")]
    [InlineData("l.json", "3", "not a list of class names")]
    [InlineData("l.json", "[3]", "not a list of class names")]
    [InlineData("l.json", """[{"index":0.5,"name":"a"}]""", "not a list of class names")]
    [InlineData("l.json", """[{"index":"0","name":"a"}]""", "not a list of class names")]
    [InlineData("l.json", """["a","\ud800"]""", "not valid Unicode")]
    [InlineData("l.json", """["a"," "]""", "name of class 1 in")]
    [InlineData("l.json", """{"0":["a"]}""", "name of class 0 in")]
    [InlineData("l.json", """{"zero":"a"}""", "key \"zero\" where a class number is needed")]
    [InlineData("l.json", """{"0":"a","0":"b"}""", "names class 0 twice")]
    [InlineData("l.json", """{"0":"a","00":"b"}""", "names class 0 twice")]
    [InlineData("l.json", """{"0":"a","2":"b"}""", "names no class 1")]
    [InlineData("l.json", """{"2147483647":"a"}""", "names no class 0")]
    [InlineData("l.json", """[{"index":-1,"name":"a"}]""", "negative class number -1")]
    [InlineData("l.txt", "a\n\nb\n", "Line 2 of")]
    [InlineData("l.txt", "a\0b\n", "not a file of class names")]
    public void a_label_file_that_cannot_be_right_is_refused_for_its_own_reason(
        string name,
        string content,
        string reason
    )
    {
        string path = _folder.Write(name, content);
        string message = Assert.Throws<BadInputException>(() => LabelSet.Load(path)).Message;
        Assert.Contains(reason, message);
        Assert.Contains(path, message);
    }

    [Fact]
    public void a_model_in_place_of_labels_is_called_by_its_name()
    {
        string path = _folder.Write("l.txt", [0x80, 2, (byte)'}', 0xFF]);
        Assert.Contains(
            "it looks like a Python pickle",
            Assert.Throws<BadInputException>(() => LabelSet.Load(path)).Message
        );
        Assert.Contains(
            "There is no file",
            Assert.Throws<BadInputException>(() => LabelSet.Load(_folder.File("absent"))).Message
        );
    }

    [Theory]
    [InlineData("1", 1)]
    [InlineData(" 2 ", 2)]
    [InlineData("great white shark", 2)]
    [InlineData("Great_White_Shark", 2)]
    [InlineData("tench", 0)]
    [InlineData("TENCH, Tinca tinca", 0)]
    public void a_class_is_found_by_number_name_and_first_synonym(string text, int index) =>
        Assert.Equal(index, LabelSet.FromNames(["tench, Tinca tinca", "goldfish", "great white shark"]).Resolve(text));

    [Fact]
    public void a_whole_name_goes_before_a_first_synonym() =>
        Assert.Equal(1, LabelSet.FromNames(["crane, bird", "crane"]).Resolve("crane"));

    [Fact]
    public void case_tells_apart_what_nothing_else_does()
    {
        LabelSet labels = LabelSet.FromNames(["Cardigan", "cardigan"]);
        Assert.Equal(0, labels.Resolve("Cardigan"));
        Assert.Equal(1, labels.Resolve("cardigan"));
        Assert.Contains(
            "names 2 classes: 0, 1;",
            Assert.Throws<BadInputException>(() => labels.Resolve("CARDIGAN")).Message
        );
    }

    [Theory]
    [InlineData("3")]
    [InlineData("-1")]
    [InlineData("99999999999999999999")]
    public void a_number_out_of_range_is_refused_with_the_range(string text)
    {
        LabelSet labels = LabelSet.FromNames(["a", "b", "c"]);
        Assert.Contains("from 0 to 2", Assert.Throws<BadInputException>(() => labels.Resolve(text)).Message);
        Assert.Contains("from 0 to 2", Assert.Throws<BadInputException>(() => labels[3]).Message);
        Assert.Contains("from 0 to 2", Assert.Throws<BadInputException>(() => labels[-1]).Message);
    }

    [Fact]
    public void an_unknown_name_offers_the_three_nearest()
    {
        LabelSet labels = LabelSet.FromNames(["tench", "goldfish", "bench", "trench coat", "wren"]);
        string message = Assert.Throws<BadInputException>(() => labels.Resolve("tensh")).Message;
        Assert.EndsWith("the nearest are \"tench\" (0), \"bench\" (2), \"trench coat\" (3).", message);
        Assert.Contains("\"goldfish\" (1)", Assert.Throws<BadInputException>(() => labels.Resolve("fish")).Message);
        Assert.Contains("An empty text", Assert.Throws<BadInputException>(() => labels.Resolve(" ")).Message);
    }

    [Fact]
    public void numbered_classes_have_numbers_only()
    {
        LabelSet labels = LabelSet.Numbered(20);
        Assert.Equal("class 17", labels[17].Name);
        Assert.Equal(17, labels.Resolve("17"));
        Assert.Contains("--labels", RemedyText.Of(Assert.Throws<BadInputException>(() => labels.Resolve("class 17"))));
        Assert.Throws<ArgumentOutOfRangeException>(() => LabelSet.Numbered(0));
    }

    [Fact]
    public void imagenet_names_resolve_except_the_two_that_name_two_classes()
    {
        LabelSet labels = LabelSet.Load(SharedData.Require("real", "imagenet1k_labels.json"));
        Assert.Equal(1000, labels.Count);
        Assert.Equal(2, labels.Resolve("great_white_shark"));
        var ambiguous = new HashSet<string>();
        for (int i = 0; i < labels.Count; i++)
        {
            Assert.Equal(i, labels.Resolve(labels[i].WordNetId!.ToUpperInvariant()));
            try
            {
                Assert.Equal(i, labels.Resolve(labels[i].Name));
            }
            catch (BadInputException e)
            {
                ambiguous.Add(labels[i].Name);
                Assert.Contains($" {i} (", e.Message);
            }
        }
        Assert.Equal(["crane", "maillot"], ambiguous.Order());
    }
}
