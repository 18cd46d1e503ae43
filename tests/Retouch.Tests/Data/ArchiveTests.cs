using System.Formats.Tar;
using System.IO.Compression;
using System.Text;
using System.Text.Json.Nodes;
using Parquet.Serialization;
using Retouch.Benchmarks;
using Retouch.Data;
using Retouch.Formats;
using Retouch.Images;
using Retouch.Suffix;
using Retouch.Tests.Cli;
using Retouch.Tests.Formats;

namespace Retouch.Tests.Data;

/// <summary>Images are the same ones whatever they lie in.</summary>
[Collection(nameof(LettersWorld))]
public sealed class ArchiveTests(LettersWorld letters) : IDisposable
{
    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_same_images_give_the_same_benchmark_from_every_source()
    {
        (string Class, string Name, byte[] Bytes)[] images = [.. Images("stage")];
        Assert.True(images.Length >= 500);
        using ModelFile model = ModelFile.Load(letters.Model);
        LabelSet labels = LabelSet.Load(letters.Labels);
        string folder = letters.Images("stage");
        Benchmark expected = Mine(folder);
        Assert.True(expected.Groups.Sum(g => g.Images.Count) >= 20);
        string csv = _folder.Write("oil.csv", Rows("path,class", i => $"{i.Class}/{i.Name},{i.Class}"));
        string lines = _folder.Write(
            "oil.jsonl",
            Rows(null, i => $$"""{"path":"{{i.Class}}/{{i.Name}}","class":"{{i.Class}}"}""")
        );
        string array = _folder.Write(
            "oil.json",
            "["
                + string.Join(',', images.Select(i => $$"""{"label":"{{i.Class}}","file":"{{i.Class}}/{{i.Name}}"}"""))
                + "]"
        );
        Same(expected, Mine(csv, folder));
        Same(expected, Mine(lines, folder));
        Same(expected, Mine(array, folder));
        Same(expected, Mine(Zip("oil.zip", images)));
        Same(expected, Mine(csv, _folder.File("oil.zip")));
        Same(expected, Mine(_folder.Write("in-zip.csv", Rows(null, i => $"oil.zip!/{i.Class}/{i.Name},{i.Class}"))));
        Same(expected, Mine(Tar("oil.tar", images.Select(i => ($"{i.Class}/{i.Name}", i.Bytes)))));
        Same(expected, Mine(Parquet("oil.parquet", images, labels)));
        // WebDataset's: keys say nothing, the class is beside the image; in two shards.
        for (int shard = 0; shard < 2; shard++)
        {
            Tar(
                $"web-{shard:D3}.tar",
                images
                    .Select((image, i) => (image, i))
                    .Where(x => x.i % 2 == shard)
                    .SelectMany(x =>
                        new[]
                        {
                            ($"{x.i:D6}.png", x.image.Bytes),
                            ($"{x.i:D6}.cls", Encoding.UTF8.GetBytes(x.image.Class)),
                        }
                    )
            );
        }
        Same(expected, Mine(_folder.File("web-{000..001}.tar")), named: false);
        Same(expected, Mine(_folder.File("web-*.tar")), named: false);
        // Nothing was unpacked.
        Assert.Equal(9, Directory.GetFileSystemEntries(_folder.Root).Length);

        Benchmark Mine(string source, string? root = null)
        {
            SplitVit split = new(model.Model);
            MiningResult result = Mining.Mine(
                split,
                model.Preprocessing,
                [source],
                root is null ? [] : [root],
                new ClassFolders(labels),
                null,
                new MiningSettings { MinImages = 1 }
            );
            Assert.Equal(images.Length, result.Images);
            return result.Benchmark;
        }

        string Rows(string? header, Func<(string Class, string Name, byte[]), string> row) =>
            string.Join('\n', (string[])[.. header is null ? [] : (string[])[header], .. images.Select(row)]);
    }

    [Fact]
    public void Benchmark_files_and_rows_of_every_source_are_the_same_but_for_paths()
    {
        (string Class, string Name, byte[] Bytes)[] images = [.. Images("stage")];
        string folder = letters.Images("stage");
        string csv = _folder.Write(
            "stage.csv",
            "path,class\n" + string.Join('\n', images.Select(i => $"{folder}/{i.Class}/{i.Name},{i.Class}"))
        );
        string lines = _folder.Write(
            "stage.jsonl",
            string.Join(
                '\n',
                images.Select(i => $$"""{"file":"{{folder}}/{{i.Class}}/{{i.Name}}","label":"{{i.Class}}"}""")
            )
        );
        string zip = Zip("stage.zip", images);
        string tar = Tar("stage.tar", images.Select(i => ($"{i.Class}/{i.Name}", i.Bytes)));
        string web = Path.Combine(Directory.CreateDirectory(_folder.File("web")).FullName, "stage.tar");
        File.Move(
            Tar(
                "web.tar",
                images.SelectMany(
                    (x, i) => new[] { ($"{i:D6}.png", x.Bytes), ($"{i:D6}.txt", Encoding.UTF8.GetBytes(x.Class)) }
                )
            ),
            web
        );
        string parquet = Parquet("stage.parquet", images, LabelSet.Load(letters.Labels));
        (string Benchmark, string[] Rows) expected = Measured(folder);
        Assert.True(expected.Rows.Length >= 15);
        foreach (string source in (string[])[csv, lines, zip, tar, web, parquet])
        {
            (string benchmark, string[] rows) = Measured(source);
            Assert.Equal(expected.Benchmark, benchmark);
            Assert.Equal(expected.Rows, rows);
        }

        (string Benchmark, string[] Rows) Measured(string source)
        {
            string benchmark = letters.NewFile("b.json");
            string run = letters.NewFile("run");
            string[] model = ["--model", letters.Model, "--labels", letters.Labels];
            Ran.Retouch(["mine", .. model, "--images", source, "--min", "8", "--out", benchmark]).Good();
            string[] bench = ["bench", .. model, "--benchmark", benchmark, "--images", source, "--gallery", "0"];
            Ran.Retouch([.. bench, "--methods", "ft", "--steps", "8", "--max-edits-per-group", "1", "--out", run])
                .Good();
            return (
                Without(File.ReadAllText(benchmark), "path"),
                [
                    .. File.ReadLines(Path.Combine(run, "rows.jsonl"))
                        .Select(r => Without(r, "image", "run", "seconds", "memory")),
                ]
            );
        }

        static string Without(string json, params string[] names)
        {
            JsonNode node = JsonNode.Parse(json)!;
            Remove(node);
            return node.ToJsonString();

            void Remove(JsonNode? node)
            {
                if (node is JsonObject members)
                {
                    foreach (string name in names)
                        members.Remove(name);
                    foreach ((_, JsonNode? inner) in members)
                        Remove(inner);
                }
                else if (node is JsonArray items)
                    foreach (JsonNode? inner in items)
                        Remove(inner);
            }
        }
    }

    [Fact]
    public void A_benchmark_of_an_archive_is_measured_there_and_its_images_are_read_by_their_paths()
    {
        (string Class, string Name, byte[] Bytes)[] images = [.. Images("oil")];
        string zip = Zip("oil.zip", images);
        ImageFolder folder = ImageFolder.Open(zip);
        Assert.Equal($"{zip}!", folder.Root);
        Assert.Equal(images.Length, folder.Files.Count);
        string path = folder.FullPath(folder.Files[3]);
        (string Class, string Name, byte[] Bytes) = images.Single(i => $"{i.Class}/{i.Name}" == folder.Files[3]);
        Assert.True(ImageFile.Exists(path));
        Assert.Equal(Bytes, ImageFile.ReadAllBytes(path));
        Assert.Equal(Bytes.Length, ImageFile.Length(path));
        string real = Path.Combine(letters.Images("oil"), Class, Name);
        Assert.Equal(ImageRoots.Hash(real), ImageRoots.Hash(path));
        Assert.Equal(ImageDecoder.Load(real).Pixels.ToArray(), ImageDecoder.Load(path).Pixels.ToArray());
        Assert.Equal(
            path,
            new ImageRoots([letters.Images("stage"), zip]).Find($"{Class}/{Name}", ImageRoots.Hash(real))
        );
        Assert.Equal(ImageFolders.Open([letters.Images("oil")]).Hash(), ImageFolders.Open([zip]).Hash());
        Assert.False(ImageFile.Exists(zip + "!/none.png"));
        BadInputException e = Assert.Throws<BadInputException>(() => ImageDecoder.Load(zip + "!/none.png"));
        Assert.Contains("There is no image file", e.Message, StringComparison.Ordinal);
        // A folder whose name only looks like it is a folder.
        string like = _folder.File("x.zip!");
        Directory.CreateDirectory(like);
        File.WriteAllBytes(Path.Combine(like, "a.png"), Bytes);
        Assert.Equal(Bytes, ImageFile.ReadAllBytes(Path.Combine(like, "a.png")));
    }

    [Theory]
    [InlineData("../out.png")]
    [InlineData("/etc/out.png")]
    [InlineData("a/../../out.png")]
    [InlineData("..\\out.png")]
    [InlineData("C:\\out.png")]
    [InlineData("a//b.png")]
    public void A_name_that_leads_elsewhere_is_left_out_and_named(string name)
    {
        byte[] bytes = Images("oil").First().Bytes;
        string zip = Zip("evil.zip", [("0", "fine.png", bytes)], name);
        ImageFolder folder = ImageFolder.Open(zip);
        Assert.Equal(["0/fine.png"], folder.Files);
        Assert.Contains(folder.LeftOut, l => l.Contains("left out", StringComparison.Ordinal));
        string tar = Tar("evil.tar", [("0/fine.png", bytes), (name, bytes)]);
        Assert.Equal(["0/fine.png"], ImageFolder.Open(tar).Files);
    }

    [Fact]
    public void A_bomb_is_refused_before_it_is_unpacked()
    {
        // Its directory says four bytes; 64 MiB of zeros come.
        string zip = _folder.File("bomb.zip");
        using (ZipArchive archive = ZipFile.Open(zip, ZipArchiveMode.Create))
        using (Stream entry = archive.CreateEntry("0/a.png").Open())
            entry.Write(new byte[64 << 20]);
        byte[] bytes = File.ReadAllBytes(zip);
        Lie(bytes, 64 << 20, 4);
        File.WriteAllBytes(zip, bytes);
        ImageFolder folder = ImageFolder.Open(zip);
        long before = GC.GetTotalAllocatedBytes(true);
        Assert.Throws<BadInputException>(() => ImageDecoder.Load(folder.FullPath(folder.Files[0])));
        Assert.InRange(GC.GetTotalAllocatedBytes(true) - before, 0, 8 << 20);

        // And one that says what no image may have.
        Lie(bytes, 4, int.MaxValue);
        string large = _folder.Write("large.zip", bytes);
        BadInputException e = Assert.Throws<BadInputException>(() =>
            ImageDecoder.Load(ImageFolder.Open(large).FullPath("0/a.png"))
        );
        Assert.Contains("512 MiB", e.Message, StringComparison.Ordinal);

        static void Lie(byte[] zip, int from, int to)
        {
            byte[] was = BitConverter.GetBytes(from);
            for (int i = 0; i + 4 <= zip.Length; i++)
                if (zip.AsSpan(i, 4).SequenceEqual(was))
                    BitConverter.GetBytes(to).CopyTo(zip, i);
        }
    }

    [Theory]
    [InlineData("zip")]
    [InlineData("tar")]
    [InlineData("parquet")]
    public void Archives_that_were_cut_or_damaged_are_refused_as_such(string kind)
    {
        (string Class, string Name, byte[] Bytes)[] images = [.. Images("oil").Take(12)];
        string whole =
            kind == "zip" ? Zip("w.zip", images)
            : kind == "tar" ? Tar("w.tar", images.Select(i => ($"{i.Class}/{i.Name}", i.Bytes)))
            : Parquet("w.parquet", images, LabelSet.Load(letters.Labels));
        byte[] bytes = File.ReadAllBytes(whole);
        Random random = new(5);
        for (int i = 0; i < 60; i++)
        {
            byte[] spoilt = i % 2 == 0 ? bytes[..random.Next(bytes.Length)] : [.. bytes];
            for (int k = 0; i % 2 == 1 && k < 8; k++)
                spoilt[random.Next(spoilt.Length)] = (byte)random.Next(256);
            string path = _folder.Write($"s{i}.{kind}", spoilt);
            try
            {
                ImageFolder folder = ImageFolder.Open(path);
                foreach (string file in folder.Files)
                    ImageDecoder.Load(folder.FullPath(file));
            }
            catch (BadInputException e)
            {
                Assert.NotEmpty(e.Message);
            }
        }
        string none = _folder.Write($"none.{kind}", "not at all");
        Assert.Contains("none.", Assert.Throws<BadInputException>(() => ImageFolder.Open(none)).Message);
    }

    [Fact]
    public void A_file_of_another_library_is_read()
    {
        string path = _folder.File("arrow.parquet");
        using (Stream written = typeof(ArchiveTests).Assembly.GetManifestResourceStream("arrow.parquet")!)
        using (FileStream file = File.Create(path))
            written.CopyTo(file);
        ImageFolder folder = ImageFolder.Open(path);
        Assert.Equal(["0", "0", "1", "1", "O", "O"], folder.Files.Select(f => f.Split('/')[0]));
        foreach (string file in folder.Files)
            Assert.Equal(
                File.ReadAllBytes(Path.Combine(letters.Images("oil"), file)),
                ImageFile.ReadAllBytes(folder.FullPath(file))
            );
    }

    [Fact]
    public void Rows_of_Parquet_without_bytes_are_of_the_files_that_their_paths_name()
    {
        byte[][] bytes = [.. Images("oil").Take(2).Select(i => i.Bytes)];
        Directory.CreateDirectory(_folder.File("far"));
        File.WriteAllBytes(_folder.File("far/a.png"), bytes[0]);
        string full = _folder.File("far/a.png");
        LabelSet labels = LabelSet.Load(letters.Labels);
        ImageFolder folder = ImageFolder.Open(
            Parquet(
                "p.parquet",
                [
                    ("0", null!, bytes[1]),
                    ("0", "far/a.png", null!),
                    ("1", full, null!),
                    ("0", "b.png", bytes[1]),
                    ("0", "far/gone.png", null!),
                    ("0", "/etc/passwd", null!),
                ],
                labels
            )
        );
        Assert.Equal(
            ["0/00000000.png", "0/00000005.png", "0/a.png", "0/b.png", "0/gone.png", "1/a.png"],
            folder.Files.Order()
        );
        Assert.Equal(bytes[0], ImageFile.ReadAllBytes(folder.FullPath("0/a.png")));
        Assert.Equal(bytes[0], ImageFile.ReadAllBytes(folder.FullPath("1/a.png")));
        Assert.Equal(bytes[1], ImageFile.ReadAllBytes(folder.FullPath("0/b.png")));
        Assert.Equal(bytes[1], ImageFile.ReadAllBytes(folder.FullPath("0/00000000.png")));
        Assert.Contains("not below", Refused("0/gone.png"), StringComparison.Ordinal);
        Assert.Contains("not called an image", Refused("0/00000005.png"), StringComparison.Ordinal);

        string Refused(string file) =>
            Assert.Throws<BadInputException>(() => ImageFile.ReadAllBytes(folder.FullPath(file))).Message;
    }

    [Fact]
    public void A_range_of_which_one_lacks_is_refused_by_its_name()
    {
        byte[] bytes = Images("oil").First().Bytes;
        Tar("s-00.tar", [("0/a.png", bytes)]);
        Tar("s-02.tar", [("0/a.png", bytes)]);
        BadInputException e = Assert.Throws<BadInputException>(() => ImageFolder.Open(_folder.File("s-{00..02}.tar")));
        Assert.Contains("s-01.tar", e.Message, StringComparison.Ordinal);
        Assert.Equal(["0/s-00-a.png", "0/s-02-a.png"], ImageFolder.Open(_folder.File("s-*.tar")).Files);
    }

    static void Same(Benchmark expected, Benchmark actual, bool named = true)
    {
        Assert.Equal(
            expected.Groups.Select(g => (g.Class, g.Label, g.Wrong, Images(g))),
            actual.Groups.Select(g => (g.Class, g.Label, g.Wrong, Images(g)))
        );

        string Images(FailureGroup g) =>
            string.Join(
                ' ',
                g.Images.Select(i => (named ? Path.GetFileName(i.Path) : "") + i.Sha256).Order(StringComparer.Ordinal)
            );
    }

    IEnumerable<(string Class, string Name, byte[] Bytes)> Images(string set)
    {
        ImageFolder folder = ImageFolder.Open(letters.Images(set));
        return folder.Files.Select(f => (f.Split('/')[0], f.Split('/')[1], File.ReadAllBytes(folder.FullPath(f))));
    }

    string Zip(string name, IEnumerable<(string Class, string Name, byte[] Bytes)> images, string? more = null)
    {
        string path = _folder.File(name);
        using ZipArchive zip = ZipFile.Open(path, ZipArchiveMode.Create);
        foreach ((string c, string file, byte[] bytes) in images)
            Add($"{c}/{file}", bytes);
        if (more is not null)
            Add(more, [1, 2, 3]);
        return path;

        void Add(string entry, byte[] bytes)
        {
            using Stream stream = zip.CreateEntry(entry).Open();
            stream.Write(bytes);
        }
    }

    string Tar(string name, IEnumerable<(string Name, byte[] Bytes)> entries)
    {
        string path = _folder.File(name);
        using FileStream file = File.Create(path);
        using TarWriter tar = new(file);
        foreach ((string entry, byte[] bytes) in entries)
            tar.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, entry) { DataStream = new MemoryStream(bytes) });
        return path;
    }

    // As datasets write them; the library that reads writes here, Arrow's own file is a test of its own.
    string Parquet(string name, (string Class, string Name, byte[] Bytes)[] images, LabelSet labels)
    {
        string path = _folder.File(name);
        string[] names = [.. Enumerable.Range(0, labels.Count).Select(i => labels[i].Name)];
        Row[] rows =
        [
            .. images.Select(i => new Row
            {
                image = new Picture { bytes = i.Bytes, path = i.Name },
                label = Array.IndexOf(names, i.Class),
            }),
        ];
        string features = System.Text.Json.JsonSerializer.Serialize(
            new { info = new { features = new { label = new { names, _type = "ClassLabel" } } } }
        );
        ParquetSerializer
            .SerializeAsync(
                rows,
                path,
                new Parquet.ParquetOptions { RowGroupSize = 100 },
                new Dictionary<string, string> { ["huggingface"] = features }
            )
            .GetAwaiter()
            .GetResult();
        return path;
    }

    sealed class Picture
    {
        public byte[]? bytes { get; set; }

        public string? path { get; set; }
    }

    sealed class Row
    {
        public Picture? image { get; set; }

        public long label { get; set; }
    }
}
