using System.Text.Json;

namespace Retouch.Tests.Cli;

public sealed class PredictTests : IDisposable
{
    readonly Workbench _bench = new();

    public void Dispose() => _bench.Dispose();

    [Fact]
    public void Json_has_an_object_an_image_with_the_likeliest_classes_first()
    {
        string second = _bench.WriteImage("second.png", 2);
        Ran ran = Ran.Retouch(
                "predict",
                "--model",
                _bench.Model,
                "--labels",
                _bench.Labels,
                "--top",
                "7",
                "--json",
                _bench.Image,
                second
            )
            .Good();
        Assert.Equal([_bench.Image, second], ran.Objects.Select(o => o.GetProperty("image").GetString()));
        foreach (JsonElement image in ran.Objects)
        {
            JsonElement[] predictions = [.. image.GetProperty("predictions").EnumerateArray()];
            double[] probabilities = [.. predictions.Select(p => p.GetProperty("probability").GetDouble())];
            Assert.Equal(probabilities.OrderDescending(), probabilities);
            Assert.Equal(1, probabilities.Sum(), 1e-5);
            Assert.Equal(Enumerable.Range(0, 7), predictions.Select(p => p.GetProperty("index").GetInt32()).Order());
            string[] names = File.ReadAllLines(_bench.Labels);
            Assert.All(
                predictions,
                p => Assert.Equal(names[p.GetProperty("index").GetInt32()], p.GetProperty("name").GetString())
            );
        }
    }

    [Fact]
    public void Text_shows_five_classes_an_image_under_its_name()
    {
        string[] lines = Ran.Lines(
            Ran.Retouch("predict", "--model", _bench.Model, "--labels", _bench.Labels, _bench.Image).Good().Out
        );
        Assert.Equal(6, lines.Length);
        Assert.Equal(_bench.Image, lines[0]);
        Assert.Matches(@"^ +\d+\.\d\d %  [a-z]{3} \(\d\)$", lines[1]);
    }

    [Fact]
    public void More_classes_than_there_are_show_all() =>
        Assert.Equal(
            7,
            Ran.Retouch("predict", "--model", _bench.Model, "--top", "100", "--json", _bench.Image)
                .Good()
                .Objects[0]
                .GetProperty("predictions")
                .GetArrayLength()
        );

    [Fact]
    public void The_error_stream_has_notes_details_or_nothing()
    {
        string[] predict = ["predict", "--model", _bench.Model, _bench.Image];
        string[] notes = Ran.Lines(Ran.Retouch(predict).Good().Err);
        Assert.Equal(3, notes.Length);
        Assert.Contains("safetensors under the names of timm", notes[0], StringComparison.Ordinal);
        Assert.Contains(
            "(--activation gelu), a norm epsilon of 1e-6 (--norm-epsilon " + "1e-6)",
            notes[1],
            StringComparison.Ordinal
        );
        // The file states them.
        Assert.DoesNotContain("--heads", notes[1], StringComparison.Ordinal);
        Assert.Contains("no file states one", notes[2], StringComparison.Ordinal);
        Assert.Equal("", Ran.Retouch([.. predict, "--quiet"]).Good().Err);
        Assert.Contains(
            "4 blocks, width 24, 3 heads",
            Ran.Retouch([.. predict, "--verbose"]).Good().Err,
            StringComparison.Ordinal
        );
        Assert.Equal("", Ran.Retouch([.. predict, "--verbose", "--quiet"]).Good().Err);
    }

    [Fact]
    public void What_was_assumed_is_said_until_it_is_stated_in_text_and_in_json()
    {
        string second = _bench.WriteImage("second.png", 2);
        string[] predict = ["predict", "--model", _bench.Model, _bench.Image, second, "--json"];
        Ran ran = Ran.Retouch(predict).Good();
        string warning = Assert.Single(ran.Objects[0].GetProperty("warnings").EnumerateArray()).GetString()!;
        Assert.Contains("--pooling token", warning, StringComparison.Ordinal);
        Assert.Contains("--image-size 12", warning, StringComparison.Ordinal);
        Assert.Contains(warning, ran.Err, StringComparison.Ordinal);
        // Once is enough.
        Assert.False(ran.Objects[1].TryGetProperty("warnings", out _));
        Ran stated = Ran.Retouch([
                .. predict,
                "--activation",
                "gelu",
                "--norm-epsilon",
                "1e-6",
                "--pooling",
                "token",
                "--image-size",
                "12",
            ])
            .Good();
        Assert.DoesNotContain("assumed", stated.Err, StringComparison.Ordinal);
        Assert.False(stated.Objects[0].TryGetProperty("warnings", out _));
        Assert.Equal(ran.Objects[1].ToString(), stated.Objects[1].ToString());
        // Another choice is another answer.
        Ran other = Ran.Retouch([.. predict, "--pooling", "avg"]).Good();
        Assert.NotEqual(ran.Objects[1].ToString(), other.Objects[1].ToString());
        Assert.Equal(2, Ran.Retouch([.. predict, "--pooling", "median"]).Code);
    }

    [Fact]
    public void An_image_gets_the_same_answer_in_any_company_and_with_any_number_of_threads()
    {
        string[] many = [.. Enumerable.Range(0, 20).Select(i => _bench.WriteImage($"{i}.png", 100 + i)), _bench.Image];
        double alone = Best(Ran.Retouch("predict", "--model", _bench.Model, "--json", "--threads", "1", _bench.Image));
        Ran together = Ran.Retouch(["predict", "--model", _bench.Model, "--json", "--threads", "2", .. many]);
        Assert.Equal(alone, Best(together), 1e-5);
    }

    static double Best(Ran ran) =>
        ran.Good().Objects[^1].GetProperty("predictions")[0].GetProperty("probability").GetDouble();

    [Fact]
    public void What_steers_a_terminal_in_a_name_is_not_passed_on()
    {
        Ran ran = Ran.Retouch("predict", "--model", _bench.Model, "\u001b[2Jx.png");
        Assert.Equal(2, ran.Code);
        Assert.DoesNotContain('\u001b', ran.Err);
    }

    [Fact]
    public void A_list_is_answered_row_by_row_by_its_own_names_and_what_lacks_is_named()
    {
        string full = Path.Combine(_bench.Locality, "1.png");
        string list = _bench.Write(
            "l.csv",
            $"path,class\nlocality/3.png,9\n{full},2\nlocality/gone.png,1\n./locality/0.png,5\nlocality/3.png,1\n"
        );
        Ran ran = Ran.Retouch("predict", "--model", _bench.Model, "--json", list);
        Assert.Equal(2, ran.Code);
        Assert.Equal(
            ["locality/3.png", full, "./locality/0.png", "locality/3.png"],
            ran.Objects.Select(o => o.GetProperty("image").GetString())
        );
        Assert.Contains("gone.png", ran.Err, StringComparison.Ordinal);
    }

    [Fact]
    public void Of_a_folder_an_archive_or_a_list_all_images_are_asked_and_one_by_its_path_in_it()
    {
        string zip = _bench.Path("p.zip");
        System.IO.Compression.ZipFile.CreateFromDirectory(_bench.Locality, zip);
        string list = _bench.Write("l.tsv", "what\twhere\nx\tlocality/3.png\n");
        string[] predict = ["predict", "--model", _bench.Model, "--json"];
        string[] folder = Answers([.. predict, _bench.Locality]);
        Assert.Equal(6, folder.Length);
        Assert.Equal(folder, Answers([.. predict, zip]));
        Assert.Equal([folder[3]], Answers([.. predict, $"{zip}!/3.png"]));
        Assert.Equal([folder[3]], Answers([.. predict, list, "--columns", "path=where"]));
        Assert.Equal([folder[3]], Answers([.. predict, $"{list}:path=2"]));
        _bench.Refuses([.. predict, list, "--columns", "path"], "--columns is path", "path=file,label=species");

        static string[] Answers(string[] args) =>
            [
                .. Ran.Retouch(args)
                    .Good()
                    .Objects.Select(o =>
                        string.Join(
                            ',',
                            o.GetProperty("predictions")
                                .EnumerateArray()
                                .Select(p => $"{p.GetProperty("index")} {p.GetProperty("probability").GetDouble():F4}")
                        )
                    ),
            ];
    }
}
