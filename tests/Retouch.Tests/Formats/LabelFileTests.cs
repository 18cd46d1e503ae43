using System.Text;
using Retouch.Formats;

namespace Retouch.Tests.Formats;

/// <summary>The label files that others write: read, or refused with the line.</summary>
public sealed class LabelFileTests : IDisposable
{
    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    // synset_words.txt, LOC_synset_mapping.txt, with commas or tabs, wnids.txt
    [InlineData("l.txt", "n01440764 tench, Tinca tinca\nn01443537 goldfish\n")]
    [InlineData("l.txt", "\uFEFFn01440764 tench, Tinca tinca\r\nn01443537 goldfish\r\n")]
    [InlineData("l.txt", "n01440764\ttench, Tinca tinca\nn01443537\tgoldfish")]
    [InlineData("l.txt", "n01440764: tench, Tinca tinca\nn01443537: goldfish")]
    // Keras, and its like as a list
    [InlineData("l.json", """{"0": ["n01440764", "tench, Tinca tinca"], "1": ["n01443537", "goldfish"]}""")]
    [InlineData("l.json", """[["n01440764", "tench, Tinca tinca"], ["n01443537", "goldfish"]]""")]
    [InlineData("l.json", """{"id2label": {"0": "n01440764 tench, Tinca tinca", "1": "n01443537 goldfish"}}""")]
    [InlineData(
        "l.json",
        """[{"id": 1, "wnid": "n01443537", "label": "goldfish"}, {"id": 0, "wnid": "n01440764", "label": "tench, Tinca tinca"}]"""
    )]
    [InlineData("l.csv", "index,wnid,name\n1,n01443537,goldfish\n0,n01440764,\"tench, Tinca tinca\"\n")]
    [InlineData("l.csv", "n01440764,\"tench, Tinca tinca\"\nn01443537,goldfish\n")]
    [InlineData("l.csv", "WordNet ID;Class Name\r\nn01440764;tench, Tinca tinca\r\nn01443537;goldfish\r\n")]
    [InlineData("l.tsv", "1\tn01443537\tgoldfish\n0\tn01440764\ttench, Tinca tinca\n")]
    [InlineData("l.csv", "id,name\nn01440764,\"tench, Tinca tinca\"\nn01443537,goldfish\n")]
    public void Names_with_word_net_ids_are_read(string name, string content)
    {
        LabelSet labels = LabelSet.Load(_folder.Write(name, content));
        Assert.Equal(
            [new Label(0, "n01440764", "tench, Tinca tinca"), new Label(1, "n01443537", "goldfish")],
            [labels[0], labels[1]]
        );
        Assert.Equal(2, labels.Count);
        Assert.Equal(1, labels.Resolve("0007_n01443537"));
    }

    [Theory]
    // class_to_idx of torchvision, in either direction, and of transformers
    [InlineData("l.json", """{"zebra": 1, "ant": 0, "10": 2}""")]
    [InlineData("l.json", """{"class_to_idx": {"10": 2, "ant": 0, "zebra": 1}}""")]
    [InlineData("l.json", """{"idx_to_class": {"0": "ant", "1": "zebra", "2": "10"}, "class_to_idx": {"other": 0}}""")]
    [InlineData("l.json", """{"model_type": "vit", "label2id": {"ant": "0", "zebra": "1", "10": "2"}}""")]
    [InlineData("l.json", """{"ant": "0", "zebra": "1", "10": "2"}""")]
    [InlineData("l.json", """{"architecture": "vit", "label_names": ["ant", "zebra", "10"]}""")]
    // tables
    [InlineData("l.csv", "0,ant\n1,zebra\n2,10\n")]
    [InlineData("l.csv", "class,index\nzebra,1\nant,0\n10,2\n")]
    [InlineData("l.csv", "label,name\n0,ant\n1,zebra\n2,ten\n")]
    [InlineData("l.csv", "name\nant\nzebra\n10\n")]
    [InlineData("l.csv", "ant\nzebra\n10\n")]
    [InlineData("l.csv", "name,class_id,super category\nant,0,insect\nzebra,1,horse\nten,2,number\n")]
    [InlineData("l.csv", "\"id\";\"name\"\n\"2\";\"10\"\n\"0\";\"ant\"\n\"1\";\"zebra\"\n")]
    [InlineData("l.txt", "index,name\n0,ant\n1,zebra\n2,10\n")]
    [InlineData("l.txt", "ant\t0\nzebra\t1\nten\t2\n")]
    // lines with numbers
    [InlineData("l.txt", "0 ant\n1 zebra\n2 10\n")]
    [InlineData("l.txt", "0: ant\r\n1: zebra\r\n2: 10\r\n")]
    [InlineData("l.txt", "2 - 10\n0 - ant\n1 - zebra\n")]
    // Macs of old
    [InlineData("l.txt", "ant\rzebra\r10\r")]
    public void Names_with_indices_are_read(string name, string content)
    {
        LabelSet labels = LabelSet.Load(_folder.Write(name, content));
        Assert.Equal(
            ["ant", "zebra", content.Contains("ten", StringComparison.Ordinal) ? "ten" : "10"],
            Enumerable.Range(0, labels.Count).Select(i => labels[i].Name)
        );
    }

    [Theory]
    [InlineData("tench, Tinca tinca\ngoldfish, Carassius auratus\n")]
    [InlineData("5 euro\n10 euro\n20 euro\n")]
    [InlineData("BMW X5, 2012\nAudi A4, 2009\n")]
    [InlineData("1\n10\n2\n")]
    [InlineData("3D printer\n2-door car\n")]
    [InlineData("T-shirt; top\nTrouser; long\n")]
    public void What_looks_like_more_than_a_name_and_is_none_stays_a_name(string content)
    {
        LabelSet labels = LabelSet.Load(_folder.Write("l.txt", content));
        Assert.Equal(content.TrimEnd().Split('\n'), Enumerable.Range(0, labels.Count).Select(i => labels[i].Name));
    }

    [Fact]
    public void What_windows_calls_unicode_is_read()
    {
        foreach (Encoding encoding in (Encoding[])[Encoding.Unicode, Encoding.BigEndianUnicode])
        {
            byte[] bytes = [.. encoding.GetPreamble(), .. encoding.GetBytes("ant\r\nzébra\r\n")];
            Assert.Equal("zébra", LabelSet.Load(_folder.Write("l.txt", bytes))[1].Name);
        }
    }

    [Theory]
    [InlineData("l.txt", "n01440764 tench\ngoldfish\n", "Line 2 of", "no WordNet id")]
    [InlineData("l.txt", "1 ant\n2 bee\n3 cow\n", "names no class 0", "(line 1)")]
    [InlineData("l.txt", "0 ant\n2 bee\n", "names no class 1", "(line 2)")]
    [InlineData("l.txt", "0: ant\n0: bee\n", "names class 0 twice", "(line 2)")]
    [InlineData("l.csv", "index,name\n1,ant\n2,bee\n", "names no class 0", "(line 2)")]
    [InlineData("l.csv", "index,name\n0,ant\nx,bee\n", "Line 3 of", "class number")]
    [InlineData("l.csv", "index,name\n0,ant\n1\n", "Line 3 of", "1 fields")]
    [InlineData("l.csv", "index,name\n0,tench, Tinca tinca\n", "Line 2 of", "quotation marks")]
    [InlineData("l.csv", "index,name\n0,\"ant\n", "Line 2 of", "quotation mark")]
    [InlineData("l.csv", "index,name\n0,ant\n1,\n", "Line 3 of", "blank name")]
    [InlineData("l.csv", "ant,insect\nbee,insect\n", "line 1", "columns that may be names")]
    [InlineData("l.csv", "0,5,ant\n1,6,bee\n", "line 1", "columns that may be class numbers")]
    [InlineData("l.csv", "index\n0\n1\n", "line 1", "no column of names")]
    [InlineData("l.csv", "index,name\n", "holds no labels", "l.csv")]
    [InlineData("l.json", "{\n\"0\": \"ant\",\n\"1\": 7}", "name of class 1 in", "(line 3)")]
    [InlineData(
        "l.json",
        "{\"a\": 1,\n \"id2label\": {\n\"0\": \"ant\",\n\"2\": \"bee\"}}",
        "names no class 1",
        "(line 4)"
    )]
    [InlineData(
        "l.json",
        "{\"n01440764\": \"tench\",\n\"n01443537\": \"goldfish\"}",
        "\"n01440764\" where a class number is needed",
        "(line 1)"
    )]
    [InlineData("l.json", "[\"ant\",\n[\"bee\", \"cow\"]]", "not a list of class names", "(line 2)")]
    [InlineData("l.json", "{\"ant\": 0,\n\"bee\": 1.5}", "something other than a class number", "(line 2)")]
    [InlineData("l.json", "{\"ant\": 0,\n\"bee\": 0}", "names class 0 twice", "(line 2)")]
    [InlineData("l.json", "{0: 'tench',\n 1: 'goldfish'}", "not valid JSON", "(line 1, column ")]
    public void What_cannot_be_read_is_refused_with_the_line(string name, string content, string words, string line)
    {
        string path = _folder.Write(name, content);
        string message = Assert.Throws<BadInputException>(() => LabelSet.Load(path)).Message;
        Assert.Contains(path, message, StringComparison.Ordinal);
        Assert.Contains(words, message, StringComparison.Ordinal);
        Assert.Contains(line, message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_line_in_another_encoding_is_named()
    {
        string path = _folder.Write("l.txt", [.. "ant\nz"u8, 0xE9, .. "bra\n"u8]);
        Assert.Contains(
            "line 2",
            Assert.Throws<BadInputException>(() => LabelSet.Load(path)).Message,
            StringComparison.Ordinal
        );
    }
}
