using System.Security.Cryptography;
using System.Text.Json;

namespace Retouch.Tests.Cli;

/// <summary>The ledger on real mistakes: those of the letters' model.</summary>
[Collection(nameof(LettersWorld))]
public sealed class LedgerStoryTests(LettersWorld world)
{
    const int Wanted = 3;

    [Fact]
    public void Mistakes_are_corrected_one_is_taken_back_and_a_broken_promise_is_found()
    {
        string ledger = world.NewFile("ledger.json");
        string folder = Path.GetDirectoryName(ledger)!;
        (string Image, string Label, string Wrong)[] mistakes = Mistakes();
        Assert.Equal(Wanted, mistakes.Length);
        string[] patches =
        [
            .. mistakes.Select((m, i) => Edit(m.Image, m.Label, Path.Combine(folder, $"{i + 1}.patch"))),
        ];
        Ledger("init", "--model", world.Model);
        foreach (string patch in patches)
            Ledger("add", patch, "--keep-images");
        Ledger("revert", patches[1]);

        string built = Path.Combine(folder, "built.safetensors");
        string alone = Path.Combine(folder, "alone.safetensors");
        Ledger("build", "--model", world.Model, "--out", built);
        Ran.Retouch("apply", "--model", world.Model, "--patch", patches[2], patches[0], "--out", alone).Good();
        Assert.Equal(Hash(alone), Hash(built));
        Assert.Equal(0, Verify().Code);
        // The present patches can be checked as they are named by it.
        string[] check = ["check", "--model", world.Model, "--labels", world.Labels, "--images", Subset(), "--json"];
        JsonElement byLedger = Ran.Retouch([.. check, "--ledger", ledger]).Good().Objects[0];
        JsonElement byPatches = Ran.Retouch([.. check, "--patch", patches[0], patches[2]]).Good().Objects[0];
        Assert.Equal(byPatches.GetProperty("after").GetRawText(), byLedger.GetProperty("after").GetRawText());
        Assert.Contains(
            "give one of them",
            Ran.Retouch([.. check, "--ledger", ledger, "--patch", patches[0]]).Err,
            StringComparison.Ordinal
        );
        string back = Path.Combine(folder, "back.safetensors");
        string first = Path.Combine(folder, "first.safetensors");
        Ran.Retouch("revert", "--model", built, "--patch", patches[2], "--out", back).Good();
        Ran.Retouch("apply", "--model", world.Model, "--patch", patches[0], "--out", first).Good();
        Assert.Equal(Hash(first), Hash(back));

        // Somebody mislabels the first image and corrects that, harder.
        string bad = Path.Combine(folder, "4.patch");
        Ran.Retouch([
                .. Editing(mistakes[0].Image, mistakes[0].Wrong, bad, "masked-fine-tuning"),
                "--locator",
                "all",
                "--lr",
                "0.003",
                "--force",
            ])
            .Good();
        Ledger("add", bad);
        Ran broken = Verify("--json");
        Assert.Equal(1, broken.Code);
        JsonElement[] promises =
        [
            .. broken
                .Objects[0]
                .GetProperty("promises")
                .EnumerateArray()
                .Where(p => !p.GetProperty("right").GetBoolean()),
        ];
        Assert.Contains(promises, p => p.GetProperty("entry").GetInt32() == 1);
        Ledger("revert", "5");
        Assert.Equal(0, Verify().Code);

        Ran Verify(params string[] more) =>
            Ran.Retouch(["ledger", "verify", "--ledger", ledger, "--model", world.Model, .. more]);

        void Ledger(string verb, params string[] more) =>
            Ran.Retouch([
                    "ledger",
                    verb,
                    "--ledger",
                    ledger,
                    .. verb == "build" ? (string[])[] : ["--author", "Ann", "--reason", "a test"],
                    .. more,
                ])
                .Good();
    }

    [Fact]
    public void Two_hundred_mistakes_are_found_repaired_and_checked_and_a_bad_patch_fails_the_same_check()
    {
        string stage = world.Images("stage");
        string list = world.NewFile("mistakes.csv");
        string patch = world.NewFile("repair.patch");
        string folder = Path.GetDirectoryName(list)!;
        string[] check = ["check", "--model", world.Model, "--labels", world.Labels, "--images", stage];
        JsonElement before = Ran.Retouch([.. check, "--mistakes", list, "--json"]).Good().Objects[0];
        int mistakes = File.ReadAllLines(list).Length - 1;
        Assert.True(mistakes >= 200, $"{mistakes} mistakes");

        JsonElement repair = Ran.Retouch(
                "repair",
                "--model",
                world.Model,
                "--labels",
                world.Labels,
                "--images",
                stage,
                "--locality",
                world.Images("locality"),
                "--holdout",
                "0",
                "--shared",
                "false",
                "--widen",
                "512",
                "--out",
                patch,
                "--json"
            )
            .Good()
            .Objects[0];
        Assert.Equal(mistakes, repair.GetProperty("toCorrect").GetInt32());
        int corrected = repair.GetProperty("corrected").GetInt32();
        Assert.InRange(corrected, 0.95 * mistakes, mistakes);

        string[] criteria = ["--fixed-among", list, "--min-fixed", $"{corrected}", "--max-broken", "0"];
        string junit = Path.Combine(folder, "junit.xml");
        JsonElement after = Ran.Retouch([.. check, "--patch", patch, .. criteria, "--junit", junit, "--json"])
            .Good()
            .Objects[0];
        Assert.True(Accuracy(after, "after") > Accuracy(before, "after") + 0.4);
        Assert.DoesNotContain("<failure", File.ReadAllText(junit), StringComparison.Ordinal);

        string bad = Path.Combine(folder, "bad.patch");
        (string image, string label, string wrong) = Mistakes()[0];
        Ran.Retouch([
                .. Editing(image, wrong, bad, "masked-fine-tuning"),
                "--locator",
                "all",
                "--lr",
                "0.003",
                "--force",
            ])
            .Good();
        Ran failed = Ran.Retouch([.. check, "--patch", bad, .. criteria]);
        Assert.Equal(1, failed.Code);
        Assert.Contains("FAILED: maxBroken, minFixed", failed.Out, StringComparison.Ordinal);
        Assert.Contains(stage, failed.Out, StringComparison.Ordinal);
        Assert.NotEqual(label, wrong);

        static double Accuracy(JsonElement report, string model) =>
            report.GetProperty(model).GetProperty("accuracy").GetProperty("share").GetDouble();
    }

    string Subset() => world.Subfolder("checked", "A", "B", "C");

    (string Image, string Label, string Wrong)[] Mistakes()
    {
        string[] images =
        [
            .. Directory
                .EnumerateFiles(world.Images("oil"), "*", SearchOption.AllDirectories)
                .Order(StringComparer.Ordinal)
                .Where((_, i) => i % 7 == 0)
                .Take(200),
        ];
        return
        [
            .. Ran.Retouch([
                    "predict",
                    "--model",
                    world.Model,
                    "--labels",
                    world.Labels,
                    "--top",
                    "1",
                    "--json",
                    .. images,
                ])
                .Good()
                .Objects.Select(o =>
                    (
                        Image: o.GetProperty("image").GetString()!,
                        Label: Path.GetFileName(Path.GetDirectoryName(o.GetProperty("image").GetString()!))!,
                        Wrong: o.GetProperty("predictions")[0].GetProperty("name").GetString()!
                    )
                )
                .Where(m => m.Label != m.Wrong)
                .DistinctBy(m => m.Label)
                .Take(Wanted),
        ];
    }

    string Edit(string image, string label, string patch)
    {
        Ran.Retouch(Editing(image, label, patch, "kfac")).Good();
        return patch;
    }

    string[] Editing(string image, string label, string patch, string method) =>
        [
            "edit",
            "--model",
            world.Model,
            "--labels",
            world.Labels,
            "--image",
            image,
            "--label",
            label,
            "--method",
            method,
            "--out",
            patch,
        ];

    static string Hash(string path) => Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(path)));
}
