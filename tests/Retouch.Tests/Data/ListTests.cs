using System.Text;
using Retouch.Benchmarks;
using Retouch.Data;
using Retouch.Formats;
using Retouch.Images;
using Retouch.Tests.Formats;
using Retouch.Tests.Images;
using SkiaSharp;

namespace Retouch.Tests.Data;

/// <summary>Lists of images are folders of them, whatever their columns are called and whoever wrote them.</summary>
public sealed class ListTests : IDisposable
{
    static readonly LabelSet s_labels = LabelSet.FromNames(["ant", "bee", "cow"]);

    readonly TemporaryFolder _folder = new();

    public ListTests()
    {
        Directory.CreateDirectory(_folder.File("photos"));
        for (int i = 0; i < 4; i++)
            _folder.Write($"photos/{i}.png", TestImage.Encode(TestImage.Noise(8 + i, 8), SKEncodedImageFormat.Png));
    }

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("l.csv", "path,class\nphotos/0.png,ant\nphotos/1.png,bee\n")]
    [InlineData("l.csv", "class;file;more\nant;photos/0.png;1\nbee;\"photos/1.png\";2\n")]
    [InlineData("l.csv", "photos/0.png , ant\r\n\r\nphotos/1.png,bee")]
    [InlineData("l.csv", "ant,photos/0.png\nbee,photos/1.png\n", "path=2,label=1")]
    [InlineData(
        "l.csv",
        "a,where,what\n1,photos/0.png,ant\n\"two\nlines\",photos/1.png,bee\n",
        "path=where,label=what"
    )]
    [InlineData("l.csv", "name,path,class\nx,photos/0.png,ant\nant,photos/1.png,bee\n", "label=3")]
    [InlineData("l.tsv", "image\tlabel\nphotos/0.png\tant\nphotos/1.png\tbee\n")]
    [InlineData("l.json", """[{"image":"photos/0.png","label":0},{"image":"photos/1.png","label":1}]""")]
    [InlineData(
        "l.jsonl",
        "{\"p\":\"photos/0.png\",\"c\":0}\n{\"p\":\"photos/1.png\",\"c\":\"bee\"}",
        "path=p,label=c"
    )]
    public void A_list_is_a_folder_of_its_classes(string name, string text, string? columns = null)
    {
        string list = _folder.Write(name, "\uFEFF" + text) + (columns is null ? "" : $":{columns}");
        ImageFolder folder = ImageFolder.Open(list);
        Assert.Equal(2, folder.Files.Count);
        Assert.Equal(name, folder.Name);
        Assert.True(ImageFolder.IsList(list, out string file));
        Assert.Equal(_folder.File(name), file);
        Assert.All(
            folder.Files.Select((f, i) => (f, i)),
            x =>
            {
                string full = folder.FullPath(x.f);
                Assert.Equal(File.ReadAllBytes(_folder.File($"photos/{x.i}.png")), ImageFile.ReadAllBytes(full));
                Assert.Equal(_folder.File($"photos/{x.i}.png"), folder.RealPath(x.f));
            }
        );
        IReadOnlyList<Labelled> read = [.. LabelledList.Read(list, [], new ClassFolders(s_labels))];
        IEnumerable<string> folders = folder.Files.Select(f => f.Split('/')[0]);
        Assert.Equal(read.Select(l => l.Class), folders);
        Assert.Equal([0, 1], read.Select(l => l.Accepted[0] % 2));
        // And the benchmarks that were mined of it find their images by its own paths.
        Assert.True(ImageFile.Exists($"{folder.Root}/photos/0.png"));
        Assert.EndsWith(
            "photos/1.png",
            new ImageRoots([list]).Find("photos/1.png", ImageRoots.Hash(_folder.File("photos/1.png"))),
            StringComparison.Ordinal
        );
    }

    [Theory]
    [InlineData("File Name,Class-Name")]
    [InlineData("image_path,WNID")]
    [InlineData("img,target")]
    [InlineData("img_file,category")]
    [InlineData("filename,class_id")]
    [InlineData("imagename,synset")]
    [InlineData("Image Path,label_idx")]
    // Of several the names that say most.
    [InlineData("path,class,image,class_id")]
    [InlineData("file_path,label,filename,wnid")]
    public void Columns_are_found_by_the_names_that_people_give_them(string header)
    {
        string text = string.Concat(Enumerable.Range(0, 2).Select(i => $"photos/{i}.png,{i},no.png,9\n"));
        string[] columns = header.Split(',');
        string table = _folder.Write("l.csv", $"{header}\n{text}");
        string json = _folder.Write(
            "l.jsonl",
            string.Concat(
                Enumerable
                    .Range(0, 2)
                    .Select(i =>
                        "{"
                        + string.Join(
                            ",",
                            // The other way round, since members have no order.
                            columns
                                .Zip((string[])[$"\"photos/{i}.png\"", $"{i}", "\"no.png\"", "9"])
                                .Reverse()
                                .Select(c => $"\"{c.First}\":{c.Second}")
                        )
                        + "}\n"
                    )
            )
        );
        foreach (string list in (string[])[table, json])
        {
            Labelled[] read = [.. LabelledList.Read(list, [], new ClassFolders(s_labels))];
            Assert.Equal([("photos/0.png", 0), ("photos/1.png", 1)], read.Select(l => (l.Path, l.Accepted.Single())));
        }
    }

    [Theory]
    [InlineData("l.jsonl", "{\"foo\":\"photos/0.png\",\"bar\":\"ant\"}", null, "Line 1 of", "its members are foo, bar")]
    [InlineData("l.json", "[\n{\"foo\":\"photos/0.png\"}]", null, "Row 1 (line 2) of", "its members are foo")]
    [InlineData("l.json", "[{},{}]", null, "Line 1 of", "its members are none")]
    [InlineData(
        "l.json",
        "[{\"path\":\"photos/0.png\",\"class\":0},{\"path\":3.5}]",
        null,
        "Row 2 (line 1) of",
        "as path the number 3.5"
    )]
    [InlineData(
        "l.jsonl",
        "{\"path\":\"photos/0.png\",\"class\":0}\n{\"image\":{}}",
        null,
        "Line 2 of",
        "as image an object"
    )]
    [InlineData(
        "l.jsonl",
        "{\"path\":\"photos/0.png\",\"class\":0}\n3",
        null,
        "Line 2 of",
        "is the number 3, where an object"
    )]
    [InlineData(
        "l.jsonl",
        "{\"path\":\"photos/0.png\",\"class\":0}\n\n[3]",
        null,
        "Row 2 (line 3) of",
        "is the number 3"
    )]
    [InlineData(
        "l.jsonl",
        "{\"p\":\"photos/0.png\",\"c\":0}",
        "path=1,label=2",
        "no column 1",
        "by name alone; there are p, c in line 1"
    )]
    [InlineData("l.json", "[{\"p\":\"photos/0.png\",\"c\":null}]", "path=p,label=c", "Line 1 of", "as c null")]
    [InlineData(
        "l.jsonl",
        "{\"path\":\"photos/0.png\"\n{\"path\":\"photos/0.png\"}",
        null,
        "after 0 rows: line 2, column 1",
        "lacks its end"
    )]
    [InlineData(
        "l.json",
        "[{\"path\":\"photos/0.png\"},\n {\"path\":\"photos/0.png\",}]",
        null,
        "after 1 row: line 2,",
        "A list is an object a line"
    )]
    public void Rows_of_JSON_that_are_none_say_where_what_and_how(
        string name,
        string text,
        string? columns,
        string where,
        string what
    )
    {
        string list = _folder.Write(name, text) + (columns is null ? "" : $":{columns}");
        foreach (
            Action read in (Action[])
                [
                    () => ImageFolder.Open(list),
                    () => Assert.Empty(LabelledList.Read(list, [], new ClassFolders(s_labels)).ToArray()),
                ]
        )
        {
            string message = Refusal(read);
            Assert.Contains(where, message, StringComparison.Ordinal);
            Assert.Contains(what, message, StringComparison.Ordinal);
            // No word of the reader's own.
            Assert.DoesNotContain("BytePositionInLine", message, StringComparison.Ordinal);
            Assert.DoesNotContain("benchmark", message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void All_images_that_a_list_names_and_that_are_not_there_are_one_error()
    {
        string rows = string.Concat(Enumerable.Range(0, 9).Select(i => $"photos/{i}.png,ant\n"));
        string list = _folder.Write("l.csv", $"path,class\n{rows}/nowhere/x.png,ant\n");
        foreach (
            Action read in (Action[])
                [
                    () => ImageFolder.Open(list),
                    () => Assert.Empty(LabelledList.Read(list, [], new ClassFolders(s_labels)).ToArray()),
                ]
        )
        {
            BadInputException e = Assert.Throws<BadInputException>(read);
            Assert.Contains(
                "6 of the 10 images that "
                    + $"{list} names are not there: photos/4.png (line 6), photos/5.png (line 7), photos/6.png "
                    + "(line 8), photos/7.png (line 9), photos/8.png (line 10) and 1 more; "
                    + "paths that are not whole go on from",
                e.Message,
                StringComparison.Ordinal
            );
        }
    }

    [Fact]
    public void All_images_of_a_benchmark_that_are_nowhere_are_one_error()
    {
        ImageRoots roots = new([_folder.File("photos")]);
        roots.Require(["0.png", "1.png", "9.png"]);
        Assert.Contains(
            $"7 of the 8 images that the benchmark names are not below {_folder.File("photos")}: a.png, b.png, c.png, "
                + "d.png, e.png and 2 more;",
            Refusal(() => roots.Require(["0.png", .. "abcdefg".Select(c => $"{c}.png")])),
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void A_class_of_a_list_that_is_none_is_named_as_the_lists()
    {
        string list = _folder.Write("l.csv", "photos/0.png,ant\nphotos/1.png,unicorn\n");
        NearImages near = NearImages.In([ImageFolder.Open(list)], new ClassFolders(s_labels), s_labels.Count);
        string said = Assert.Single(near.Skipped).Message;
        Assert.StartsWith($"The class unicorn of {list} is left out: ", said, StringComparison.Ordinal);
    }

    [Fact]
    public void An_image_with_two_classes_is_named_with_both_and_their_lines()
    {
        string list = _folder.Write("l.csv", "path,class\nphotos/0.png,ant\nphotos/1.png,bee\n./photos/0.png,cow\n");
        string more = _folder.Write("m.json", "[{\"path\":\"photos/1.png\",\"class\":\"bee\"}]");
        Assert.Contains(
            $"0.png is named twice among the images, as ant in line 2 of {list} and as cow in line 4 of {list};",
            Refusal(() => Sources(list)),
            StringComparison.Ordinal
        );
        File.WriteAllText(list, "path,class\nphotos/0.png,ant\nphotos/1.png,bee\n");
        Assert.Contains(
            $"1.png is named twice among the images, as bee in line 3 of {list} and as bee in line 1 of {more};",
            Refusal(() => Sources(list, more)),
            StringComparison.Ordinal
        );
        File.WriteAllText(list, "photos/0.png,ant\n./photos/0.png,cow\n");
        Assert.EndsWith(
            "twice, as ant in line 1 and as cow in line 2; the first counts.",
            Assert.Single(ImageFolder.Open(list).LeftOut),
            StringComparison.Ordinal
        );

        static LabelledImages Sources(params string[] lists) =>
            LabelledSources.In(lists, [], new ClassFolders(s_labels), s_labels.Count, []);
    }

    [Theory]
    [InlineData("l.csv", "path,class\n\" 0.png\",ant\n\"1.png \", \" bee\" \n", " 0.png", "1.png ")]
    [InlineData("l.csv", " \" 0.png\" ,ant\n 1.png , bee\n", " 0.png", "1.png")]
    [InlineData("l.tsv", "\"a\"\"b .png\"\tant\n\t\n \"1.png\"\tbee\n", "a\"b .png", "1.png")]
    public void Nothing_within_quotation_marks_is_trimmed(string name, string text, params string[] images)
    {
        string list = _folder.Write(name, text);
        Assert.Equal(images, ImageList.Rows(list).Select(r => r.Image));
        Assert.Equal(["ant", "bee"], ImageList.Rows(list).Select(r => r.Class?.Trim()));
    }

    [Fact]
    public void A_row_is_named_by_its_line_behind_quoted_ends_of_lines_and_empty_lines()
    {
        string list = _folder.Write("l.csv", "note,path,class\n\"two\nlines\",photos/0.png,ant\n\n,photos/9.png,bee\n");
        Assert.Contains("Line 5 of", Refusal(() => ImageFolder.Open(list)), StringComparison.Ordinal);
        list = _folder.Write("m.csv", "note,path,class\n\"two\nlines\",photos/0.png,ant\n,\"photos/1.png,bee\n");
        Assert.Contains("Line 4 of", Refusal(() => ImageFolder.Open(list)), StringComparison.Ordinal);
    }

    static string Refusal(Action read) => Assert.Throws<BadInputException>(read).Message;

    [Fact]
    public void Several_right_classes_of_a_row_are_so_among_near_images_too()
    {
        string list = _folder.Write("l.csv", "path,class\nphotos/0.png,cow|ant\nphotos/1.png,bee\nphotos/2.png,2|0\n");
        ImageFolder folder = ImageFolder.Open(list);
        NearImages near = NearImages.In([folder], new ClassFolders(s_labels), s_labels.Count);
        Assert.Empty(near.Skipped);
        IReadOnlyList<int>[] accepted =
        [
            .. LabelledList.Read(list, [], new ClassFolders(s_labels)).Select(l => l.Accepted),
        ];
        Assert.Equal(
            [
                [2, 0],
                [1],
                [2, 0],
            ],
            accepted
        );
        string Key(IReadOnlyList<int> classes) => string.Join('|', classes);
        Assert.Equal(accepted.Select(Key).Order(), near.Images.Select(i => Key(i.Accepted)).Order());
    }

    [Fact]
    public void Columns_that_no_list_names_are_the_usual_ones_of_the_process()
    {
        string list = _folder.Write("l.csv", "where,what\nphotos/0.png,ant\n");
        BadInputException e = Assert.Throws<BadInputException>(() => ImageFolder.Open(list));
        Assert.Contains("no column of paths; there are where, what", e.Message, StringComparison.Ordinal);
        Assert.Equal(Parameter.ListColumns, e.Remedy?.Parameter);
        try
        {
            ListColumns.Usual = new ListColumns("where", "what");
            ImageFolder folder = ImageFolder.Open(list);
            // So that a patch that names it is found again without being told.
            Assert.EndsWith("l.csv:path=where,label=what!", folder.Root, StringComparison.Ordinal);
        }
        finally
        {
            ListColumns.Usual = new ListColumns(null, null);
        }
    }

    [Theory]
    [InlineData("path,class\nphotos/0.png,ant\n", "path=where", "no column where; there are path, class")]
    [InlineData("photos/0.png,ant\n", "path=3", "no column 3; there are 2 without names")]
    [InlineData("photos/0.png,ant\n", "path=name", "no column name; there are 2 without names")]
    [InlineData("path,class\nphotos/0.png,ant\n", "path=0", "no column 0; there are path, class")]
    public void A_column_that_is_not_there_is_refused_with_those_that_are(string text, string columns, string why)
    {
        string list = _folder.Write("l.csv", text);
        BadInputException e = Assert.Throws<BadInputException>(() => ImageFolder.Open($"{list}:{columns}"));
        Assert.Contains(why, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Rows_of_JSON_say_which_members_they_have()
    {
        string list = _folder.Write("l.jsonl", """{"file":"photos/0.png","kind":"ant"}""");
        BadInputException e = Assert.Throws<BadInputException>(() => ImageFolder.Open($"{list}:label=species"));
        Assert.Contains("no column species; there are file, kind", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_image_that_is_named_twice_counts_once_and_one_of_a_folder_and_a_list_is_the_same()
    {
        string list = _folder.Write("l.csv", "photos/0.png\n./photos/0.png\nphotos/1.png\n");
        ImageFolder folder = ImageFolder.Open(list);
        Assert.Equal(["photos/0.png", "photos/1.png"], folder.Files);
        Assert.Single(folder.LeftOut, l => l.Contains("twice", StringComparison.Ordinal));
        BadInputException e = Assert.Throws<BadInputException>(() => ImageFolders.Open([_folder.File("photos"), list]));
        Assert.Contains("lies in two of the given folders", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("path,class\n/etc/passwd,ant", "not called an image")]
    [InlineData("path,class\n../../../../etc/shadow,ant", "not called an image")]
    [InlineData("path,class\n/dev/zero,ant", "not called an image")]
    [InlineData("path,class\nphotos/0.png\u0001.png,ant", "not called an image")]
    [InlineData("https://example.org/0.png,ant", "lies in the net")]
    [InlineData("../nowhere/0.png,ant", "not below")]
    [InlineData("l.csv!/photos/0.png,ant", "by way of a list")]
    [InlineData("\"photos/0.png,ant\nphotos/1.png,bee", "quotation mark")]
    [InlineData("photos/0.png,\"ant", "quotation mark")]
    [InlineData("{\"path\":\"photos/0.png\",\"class\":\"ant\"", "not")]
    [InlineData("[{\"path\":\"photos/0.png\",\"class\":\"ant\"},", "not JSON after")]
    [InlineData("[[[[", "not")]
    [InlineData("", "names no image")]
    public void Rows_of_a_stranger_are_refused(string text, string why)
    {
        string list = _folder.Write("l.csv", text);
        foreach (
            Action read in (Action[])
                [
                    () => ImageFolder.Open(list),
                    () => Assert.Empty(LabelledList.Read(list, [], new ClassFolders(s_labels))),
                ]
        )
        {
            BadInputException e = Assert.Throws<BadInputException>(read);
            Assert.Contains(why, e.Message, StringComparison.OrdinalIgnoreCase);
            Assert.InRange(e.Message.Length, 10, 1000);
        }
    }

    [Fact]
    public void A_billion_columns_and_a_line_without_an_end_are_refused_before_they_fill_the_memory()
    {
        string columns = Large("columns.csv", ",");
        string line = Large("line.csv", "x");
        string quoted = Large("quoted.csv", "x", "\"");
        string json = Large("deep.json", "[");
        foreach (string list in (string[])[columns, line, quoted, json])
        {
            long before = GC.GetTotalAllocatedBytes(true);
            BadInputException e = Assert.Throws<BadInputException>(() => ImageFolder.Open(list));
            Assert.InRange(e.Message.Length, 10, 1000);
            Assert.InRange(GC.GetTotalAllocatedBytes(true) - before, 0, 160L << 20);
        }
        string wide = _folder.Write("wide.csv", $"photos/0.png{new string(',', 20_000)}\n");
        Assert.Contains(
            "20001 columns",
            Assert.Throws<BadInputException>(() => ImageFolder.Open(wide)).Message,
            StringComparison.Ordinal
        );

        string Large(string name, string what, string first = "")
        {
            byte[] chunk = Encoding.UTF8.GetBytes(new StringBuilder().Insert(0, what, 1 << 20).ToString());
            using FileStream file = File.Create(_folder.File(name));
            file.Write(Encoding.UTF8.GetBytes(first));
            for (int i = 0; i < 64; i++)
                file.Write(chunk);
            return _folder.File(name);
        }
    }

    [Theory]
    [InlineData("csv", "path,class\n", "photos/{0}.png,ant\n", "")]
    [InlineData("json", "[", "{{\"path\":\"photos/{0}.png\",\"class\":\"ant\"}},", "{\"path\":\"photos/0.png\"}]")]
    [InlineData("jsonl", "", "{{\"path\":\"photos/{0}.png\",\"class\":\"ant\"}}\n", "")]
    public void A_list_that_was_cut_or_spoilt_is_read_or_refused(string kind, string head, string row, string tail)
    {
        StringBuilder text = new(head);
        for (int i = 0; i < 4; i++)
            text.AppendFormat(System.Globalization.CultureInfo.InvariantCulture, row, i);
        byte[] whole = Encoding.UTF8.GetBytes(text.Append(tail).ToString());
        Random random = new(7);
        for (int i = 0; i < 200; i++)
        {
            byte[] spoilt = i % 2 == 0 ? whole[..random.Next(whole.Length)] : [.. whole];
            for (int k = 0; i % 2 == 1 && k < 4; k++)
                spoilt[random.Next(spoilt.Length)] = (byte)random.Next(256);
            string list = _folder.Write($"s{i}.{kind}", spoilt);
            try
            {
                ImageFolder folder = ImageFolder.Open(list);
                Assert.InRange(folder.Files.Count, 1, 4);
                LabelledList.Read(list, [], new ClassFolders(s_labels));
            }
            catch (BadInputException e)
            {
                Assert.NotEmpty(e.Message);
            }
        }
    }

    [Fact]
    public void A_pattern_that_nothing_matches_is_called_a_pattern()
    {
        foreach (string pattern in (string[])["none-*.zip", "photos/?.parquet"])
        {
            string path = _folder.File(pattern);
            foreach (Action open in (Action[])[() => ImageFolder.Open(path), () => _ = new ImageRoots([path])])
                Assert.Contains(
                    "No file matches",
                    Assert.Throws<BadInputException>(open).Message,
                    StringComparison.Ordinal
                );
        }
    }

    [Fact]
    public void Where_one_image_is_needed_an_archive_says_how_to_name_one()
    {
        string list = _folder.Write("l.csv", "photos/0.png,ant\nphotos/1.png,bee\n");
        BadInputException e = Assert.Throws<BadInputException>(() => ImageDecoder.Load(list));
        Assert.Contains($"holds 2 images", e.Message, StringComparison.Ordinal);
        Assert.Contains($"{list}!/ant/photos_0.png", e.Message, StringComparison.Ordinal);
        Assert.Equal(8, ImageDecoder.Load($"{list}!/ant/photos_0.png").Height);
    }
}
