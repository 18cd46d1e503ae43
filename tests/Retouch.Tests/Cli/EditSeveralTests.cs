using System.Text.Json;
using Retouch.Benchmarks;

namespace Retouch.Tests.Cli;

/// <summary><c>edit</c> of several images, some of which the model reads right: on the letters world.</summary>
public sealed class EditSeveralTests(LettersWorld world) : IClassFixture<LettersWorld>
{
    readonly Benchmark _benchmark = BenchmarkFile.Load(world.Benchmark);

    [Fact]
    public void What_is_still_wrong_after_a_failed_edit_is_named_with_its_probabilities()
    {
        (string[] wrong, string right, int label) = Mixed();
        Ran json = Ran.Retouch(Edit([.. wrong, right], label, "--lr", "1e-9", "--steps", "1", "--json"));
        Assert.Equal(1, json.Code);
        JsonElement edit = Assert.Single(json.Objects);
        Assert.Equal(
            (false, false),
            (edit.GetProperty("success").GetBoolean(), edit.GetProperty("alreadyRight").GetBoolean())
        );
        Assert.Equal(wrong, Names(edit, "stillWrong"));
        JsonElement[] each = [.. edit.GetProperty("eachImage").EnumerateArray()];
        Assert.Equal([.. wrong, right], each.Select(e => e.GetProperty("image").GetString()));
        Assert.Equal([false, false, true], each.Select(e => e.GetProperty("alreadyRight").GetBoolean()));
        Assert.Equal([false, false, true], each.Select(e => e.GetProperty("right").GetBoolean()));
        foreach (JsonElement image in each)
        {
            JsonElement said = Predictions(image.GetProperty("image").GetString()!);
            double probability = said.EnumerateArray()
                .First(p => p.GetProperty("index").GetInt32() == label)
                .GetProperty("probability")
                .GetDouble();
            Assert.Equal(probability, image.GetProperty("probabilityBefore").GetDouble(), 1e-4);
            Assert.Equal(probability, image.GetProperty("probability").GetDouble(), 1e-3);
            Assert.Equal(
                said[0].GetProperty("index").GetInt32(),
                image.GetProperty("after")[0].GetProperty("index").GetInt32()
            );
        }
        string text = Ran.Retouch(Edit([.. wrong, right], label, "--lr", "1e-9", "--steps", "1")).Out;
        Assert.Contains("NOT corrected: 2 of 3 images are still wrong", text, StringComparison.Ordinal);
        Assert.Equal(2, text.Split(", still wrong: ").Length - 1);
        Assert.Equal(1, text.Split(", was right already").Length - 1);
    }

    [Fact]
    public void A_mixed_set_is_edited_and_one_that_is_right_is_not()
    {
        (string[] wrong, string right, int label) = Mixed();
        JsonElement mixed = Ran.Retouch(Edit([wrong[0], right], label, "--lr", "0.0005", "--json")).Good().Objects[0];
        Assert.Equal(
            (true, false),
            (mixed.GetProperty("success").GetBoolean(), mixed.GetProperty("alreadyRight").GetBoolean())
        );
        Assert.Empty(Names(mixed, "stillWrong"));
        Assert.NotEqual(JsonValueKind.Null, mixed.GetProperty("patch").ValueKind);

        JsonElement none = Ran.Retouch(Edit([right], label, "--json")).Good().Objects[0];
        Assert.Equal(
            (true, true, JsonValueKind.Null),
            (
                none.GetProperty("success").GetBoolean(),
                none.GetProperty("alreadyRight").GetBoolean(),
                none.GetProperty("patch").ValueKind
            )
        );
        JsonElement forced = Ran.Retouch(Edit([right], label, "--force", "--json")).Good().Objects[0];
        Assert.True(forced.GetProperty("alreadyRight").GetBoolean());
        Assert.NotEqual(JsonValueKind.Null, forced.GetProperty("patch").ValueKind);
    }

    string[] Edit(string[] images, int label, params string[] more) =>
        [
            "edit",
            "--model",
            world.Model,
            "--labels",
            world.Labels,
            "--label",
            $"{label}",
            "--locator",
            "all",
            "--threads",
            "1",
            "--out",
            world.NewFile("p.patch"),
            "--image",
            .. images,
            .. more,
        ];

    // Two images of a class that the model misreads, and one of the same class that it reads.
    (string[] Wrong, string Right, int Label) Mixed()
    {
        foreach (FailureGroup group in _benchmark.Groups)
        {
            string folder = Path.Combine(world.Images("locality"), group.Class);
            string? right = Directory
                .EnumerateFiles(folder)
                .Order(StringComparer.Ordinal)
                .FirstOrDefault(f => Predictions(f)[0].GetProperty("index").GetInt32() == group.Label);
            if (right is not null)
                return (
                    [.. group.Images.Take(2).Select(i => Path.Combine(world.Images(group.Source), i.Path))],
                    right,
                    group.Label
                );
        }
        throw new InvalidOperationException("No class is ever read right.");
    }

    JsonElement Predictions(string image) =>
        Ran.Retouch("predict", "--model", world.Model, "--labels", world.Labels, "--top", "36", "--json", image)
            .Good()
            .Objects[0]
            .GetProperty("predictions");

    static string[] Names(JsonElement edit, string property) =>
        [.. edit.GetProperty(property).EnumerateArray().Select(i => i.GetString()!)];
}
