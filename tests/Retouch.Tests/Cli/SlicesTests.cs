using System.IO.Compression;
using System.Text.Json;
using Retouch.Images;

namespace Retouch.Tests.Cli;

/// <summary><c>slices</c> on the letters world.</summary>
[Collection(nameof(LettersWorld))]
public sealed class SlicesTests(LettersWorld world)
{
    string[] Model => ["--model", world.Model, "--labels", world.Labels];

    [Fact]
    public void The_command_of_a_slice_works_from_any_folder()
    {
        JsonElement found = Assert.Single(
            Ran.Retouch(
                    "slices",
                    "--model",
                    FromHere(world.Model),
                    "--labels",
                    FromHere(world.Labels),
                    "--images",
                    FromHere(world.Images("oil")),
                    "--out",
                    FromHere(world.NewFile("anywhere.html")),
                    "--json"
                )
                .Good()
                .Objects
        );
        JsonElement slice = found.GetProperty("slices")[0];
        string[] words = slice.GetProperty("repair").GetString()!.Split(' ');
        Assert.Equal(
            [world.Model, world.Labels, Path.GetFullPath(slice.GetProperty("list").GetString()!), world.Images("oil")],
            ((string[])["--model", "--labels", "--images", "--locality"]).Select(o =>
                words[Array.IndexOf(words, o) + 1]
            )
        );

        static string FromHere(string path) => Path.GetRelativePath(Directory.GetCurrentDirectory(), path);
    }

    [Fact]
    public void Slices_are_shown_and_listed_and_the_command_of_one_repairs_it()
    {
        string page = world.NewFile("slices.html");
        JsonElement found = Find(page, world.Images("natural"), world.Images("oil"), world.Images("stage"));
        JsonElement[] slices = [.. found.GetProperty("slices").EnumerateArray()];
        Assert.True(slices.Length > 3);
        Assert.Equal(1191, found.GetProperty("images").GetInt32());
        double[] expected = [.. slices.Select(s => s.GetProperty("expected").GetDouble())];
        Assert.Equal(expected.OrderDescending(), expected);
        Assert.True(expected.Sum() <= found.GetProperty("expected").GetDouble() + 1e-9);
        string html = File.ReadAllText(page);
        Assert.Contains("default-src 'none'; style-src 'unsafe-inline'; img-src data:", html, StringComparison.Ordinal);
        Assert.DoesNotContain("<script", html, StringComparison.Ordinal);
        Assert.DoesNotContain("http://", html.Replace("http://www.w3.org/1999/xhtml", "", StringComparison.Ordinal));
        System.Xml.Linq.XDocument.Parse(html.Replace("<!DOCTYPE html>", "", StringComparison.Ordinal));
        HashSet<string> once = [];
        foreach (JsonElement slice in slices)
        {
            string[] images = [.. slice.GetProperty("images").EnumerateArray().Select(i => i.GetString()!)];
            Assert.True(images.Length >= 5);
            Assert.All(images, i => Assert.True(once.Add(i) && ImageFile.Exists(i)));
            int said = slice.GetProperty("said").GetProperty("index").GetInt32();
            Assert.All(
                slice.GetProperty("candidates").EnumerateArray(),
                c => Assert.NotEqual(said, c.GetProperty("index").GetInt32())
            );
            string list = slice.GetProperty("list").GetString()!;
            string[] rows = File.ReadAllLines(list);
            Assert.Equal("path,class,candidate,second,third,said,said_name,probability,stronger", rows[0]);
            Assert.Equal(images.Length, rows.Length - 1);
            Assert.Contains(
                System.Net.WebUtility.HtmlEncode(slice.GetProperty("repair").GetString()!),
                html,
                StringComparison.Ordinal
            );
        }

        string[] words = slices[0].GetProperty("repair").GetString()!.Split(' ');
        Assert.Equal(["retouch", "repair"], words[..2]);
        string patch = world.NewFile("slice.patch");
        Ran repaired = Ran.Retouch([.. words[1..^1], patch, "--json"]);
        Assert.True(File.Exists(patch), repaired.Err);
        JsonElement report = Assert.Single(repaired.Objects);
        Assert.True(report.GetProperty("corrected").GetInt32() > 0);

        // Nothing is written over what is there, and what is found again is the same.
        Ran again = Ran.Retouch(["slices", .. Model, "--images", world.Images("oil"), "--out", page]);
        Assert.Equal(2, again.Code);
        Assert.Contains("--overwrite", again.Err, StringComparison.Ordinal);
    }

    [Fact]
    public void Images_of_an_archive_make_the_same_slices_and_their_lists_name_them_there()
    {
        string zip = Path.Combine(Path.GetDirectoryName(world.NewFile("x"))!, "stage.zip");
        ZipFile.CreateFromDirectory(world.Images("stage"), zip);
        JsonElement folder = Find(world.NewFile("a.html"), world.Images("stage"));
        JsonElement archive = Find(world.NewFile("b.html"), zip);
        Assert.Equal(Members(folder), Members(archive));
        JsonElement first = archive.GetProperty("slices")[0];
        Assert.All(
            first.GetProperty("images").EnumerateArray(),
            i => Assert.Contains("stage.zip!/", i.GetString(), StringComparison.Ordinal)
        );
        Ran.Retouch(["predict", .. Model, first.GetProperty("list").GetString()!]).Good();

        static string[] Members(JsonElement found) =>
            [
                .. found
                    .GetProperty("slices")
                    .EnumerateArray()
                    .Select(s =>
                        string.Join(
                            ' ',
                            s.GetProperty("images")
                                .EnumerateArray()
                                .Select(i => string.Join('/', i.GetString()!.Split('/')[^2..]))
                        )
                    ),
            ];
    }

    [Fact]
    public void A_stronger_model_says_what_slices_are()
    {
        string patch = world.NewFile("p.patch");
        string stronger = world.NewFile("stronger.safetensors");
        string[] repair =
        [
            "repair",
            .. Model,
            "--images",
            world.Images("stage"),
            "--locality",
            world.Images("locality"),
        ];
        Ran.Retouch([.. repair, "--holdout", "0", "--widen", "400", "--out", patch]);
        Ran.Retouch("apply", "--model", world.Model, "--patch", patch, "--verify", "false", "--out", stronger).Good();
        JsonElement found = Find(
            world.NewFile("s.html"),
            [world.Images("stage"), "--stronger", stronger, "--locality", world.Images("locality")]
        );
        JsonElement[] slices = [.. found.GetProperty("slices").EnumerateArray()];
        Assert.NotEmpty(slices);
        int right = 0;
        int all = 0;
        foreach (JsonElement slice in slices)
        {
            foreach (string row in File.ReadLines(slice.GetProperty("list").GetString()!).Skip(1))
            {
                string[] cells = row.Split(',');
                all++;
                string name = Path.GetFileName(Path.GetDirectoryName(cells[0]))!;
                right += cells[1] == $"index:{Array.IndexOf(File.ReadAllLines(world.Labels), name)}" ? 1 : 0;
            }
            Assert.DoesNotContain("--columns", slice.GetProperty("repair").GetString(), StringComparison.Ordinal);
        }
        Assert.True(right > 0.9 * all, $"{right} of {all}");

        Ran same = Ran.Retouch([
            "slices",
            .. Model,
            "--images",
            world.Images("stage"),
            "--stronger",
            world.Model,
            "--out",
            world.NewFile("t.html"),
        ]);
        Assert.Equal(2, same.Code);
        Assert.Contains("is the model itself", same.Err, StringComparison.Ordinal);
    }

    JsonElement Find(string page, params string[] images) =>
        Assert.Single(Ran.Retouch(["slices", .. Model, "--images", .. images, "--out", page, "--json"]).Good().Objects);
}
