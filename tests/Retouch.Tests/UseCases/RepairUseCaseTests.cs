using Retouch.Cli;
using Retouch.Data;
using Retouch.Editing;
using Retouch.Formats;
using Retouch.Patches;
using Retouch.Tests.Cli;
using Retouch.UseCases;

namespace Retouch.Tests.UseCases;

/// <summary>Repairs as a program makes them, without the command line.</summary>
public sealed class RepairUseCaseTests : IDisposable
{
    static readonly string[] s_names = ["ant", "bee", "cow", "dog", "elk", "fox", "gnu"];

    readonly Workbench _bench = new();
    readonly ModelFile _model;

    // Random images, a few in a folder of every class.
    public RepairUseCaseTests()
    {
        _model = ModelFile.Load(_bench.Model);
        for (int c = 0; c < s_names.Length; c++)
        {
            Directory.CreateDirectory(_bench.Path($"shift/{s_names[c]}"));
            for (int i = 0; i < 4; i++)
                _bench.WriteImage($"shift/{s_names[c]}/{i}.png", 100 + (10 * c) + i);
        }
    }

    public void Dispose()
    {
        _model.Dispose();
        _bench.Dispose();
    }

    [Fact]
    public void Mistakes_are_corrected_measured_and_written_with_their_provenance()
    {
        Recorder told = new();
        RepairRequest request = Request with { Holdout = 0.25 };
        RepairReport report = Run(request, told);
        Assert.Equal(28, report.Images.Count + report.RightBefore);
        Assert.True(report.ToCorrect > 10);
        Assert.Equal(report.Images.Count / 4, report.HeldOut);
        Assert.InRange(report.Corrected, report.ToCorrect - 3, report.ToCorrect);
        Assert.All(report.Images.Where(i => !i.HeldOut), i => Assert.Equal(i.Right, i.Why is null));
        Assert.Equal(
            (
                report.RightBefore
                + report.Images.Count(i => i.Right)
                - report.NearSeen.Broken
                - report.NearHeldOut.Broken
            ) / 28.0,
            report.AccuracyAfter,
            1e-12
        );
        Assert.Equal(report.RightBefore / 28.0, report.AccuracyBefore, 1e-12);
        Assert.Equal((6, 0, 0), (report.LocalityImages, report.LocalityChanged, report.SharedUnits));
        Assert.InRange(report.OwnUnits, report.Corrected, report.ToCorrect);
        Assert.Equal(report.OwnUnits, report.AddedUnits);
        Assert.True(report.GuardsKept);
        Assert.Equal(
            [
                "step: preparing gate",
                "step: reading labelled images",
                "step: reading locality images",
                "step: repairing",
            ],
            told.Told.Where(t => t.StartsWith("step: ", StringComparison.Ordinal))
        );

        using Patch patch = PatchFile.Load(report.Patch!);
        Assert.Equal(
            report
                .Images.Where(i => i is { HeldOut: false, Right: true })
                .Select(i => Path.GetFileName(i.Path))
                .Order(),
            patch.Provenance.Images.Select(i => i.Name).Order()
        );
        Assert.Equal("repair", patch.Provenance.Method);
        Assert.Equal(("no", "32"), (patch.Provenance.Settings["shared"], patch.Provenance.Settings["widen"]));
        Assert.Equal(1, patch.Provenance.Measurements!.LocalityRate);
        // The patched model says what the report says.
        using Retouch.Vit.VitModel edited = PatchLedger.Apply(_model.Model, [patch]);
        foreach (RepairedImage image in report.Images)
        {
            Assert.Equal(image.After, Said(edited, image.Path));
            Assert.Equal(image.Right, image.After == image.Label);
        }
        Assert.False(File.Exists(_bench.Path("p.patch.reading")));
    }

    [Fact]
    public void The_same_request_gives_the_same_bytes()
    {
        RepairRequest request = Request with { Settings = Shared, Seed = 7 };
        Run(request with { Output = _bench.Path("one") });
        Run(request with { Output = _bench.Path("two") });
        Run(request with { Output = _bench.Path("three"), Seed = 8 });
        Assert.Equal(File.ReadAllBytes(_bench.Path("one")), File.ReadAllBytes(_bench.Path("two")));
        Assert.NotEqual(File.ReadAllBytes(_bench.Path("one")), File.ReadAllBytes(_bench.Path("three")));
    }

    [Fact]
    public void What_is_held_out_is_a_share_of_every_group_seeded_and_not_seen()
    {
        // One folder of many images of one class gives groups of several.
        for (int i = 0; i < 24; i++)
            _bench.WriteImage($"shift/ant/m{i}.png", 300 + i);
        RepairReport report = Run(Request with { Holdout = 0.5, Output = null });
        foreach (IGrouping<string, RepairedImage> group in report.Images.GroupBy(i => i.Group))
            Assert.InRange(group.Count(i => i.HeldOut), group.Count() / 2, (group.Count() + 1) / 2);
        Assert.Contains(report.Images.GroupBy(i => i.Group), g => g.Count() > 4);
        Assert.Equal(report.Images.Count / 2, report.HeldOut);
        Assert.Equal(report.Images.Count, report.Images.Select(i => i.Path).Distinct().Count());
        Assert.Equal(HeldOut(report), HeldOut(Run(Request with { Holdout = 0.5, Output = null })));
        Assert.NotEqual(HeldOut(report), HeldOut(Run(Request with { Holdout = 0.5, Seed = 5, Output = null })));

        // Images that are held out make no difference to what is made: without them, the patch is the same.
        RepairReport with = Run(Request with { Holdout = 0.5 });
        byte[] change = Change(with.Patch!);
        foreach (RepairedImage image in with.Images.Where(i => i.HeldOut))
            File.Delete(image.Path);
        RepairReport without = Run(Request with { Holdout = 0, Output = _bench.Path("without") });
        Assert.Equal(with.ToCorrect, without.ToCorrect);
        if (with.NearHeldOut.RightBefore == 0)
            Assert.Equal(change, Change(without.Patch!));

        static string[] HeldOut(RepairReport r) => [.. r.Images.Where(i => i.HeldOut).Select(i => i.Path).Order()];

        static byte[] Change(string path)
        {
            using Patch patch = PatchFile.Load(path);
            return System.Text.Encoding.ASCII.GetBytes(PatchFile.Digest(patch));
        }
    }

    [Fact]
    public void A_copy_counts_once_and_an_image_with_two_labels_is_left_out_and_named()
    {
        RepairReport before = Run(Request with { Output = null });
        Directory.CreateDirectory(_bench.Path("more/ant"));
        File.Copy(_bench.Path("shift/ant/0.png"), _bench.Path("more/ant/copy.png"));
        RepairRequest both = Request with { Images = [_bench.Path("shift"), _bench.Path("more")], Output = null };
        RepairReport copied = Run(both);
        Assert.Equal(before.Images.Count + before.RightBefore, copied.Images.Count + copied.RightBefore);
        Assert.Equal("1 of 29 labelled images are copies of others and count once", Assert.Single(copied.LeftOut));

        Directory.CreateDirectory(_bench.Path("more/bee"));
        File.Copy(_bench.Path("shift/elk/1.png"), _bench.Path("more/bee/other.png"));
        Recorder told = new();
        RepairReport two = Run(both, told);
        Assert.Equal(27, two.Images.Count + two.RightBefore);
        Assert.DoesNotContain(two.Images, i => i.Path.EndsWith("elk/1.png", StringComparison.Ordinal));
        Assert.Equal(2, two.LeftOut.Count);
        string named = Assert.Single(two.LeftOut, l => l.Contains("two labels", StringComparison.Ordinal));
        foreach (string word in (string[])["elk/1.png (elk)", "bee/other.png (bee)"])
            Assert.Contains(word, named, StringComparison.Ordinal);
        Assert.Contains($"warning: {named}", told.Told);
    }

    [Fact]
    public void A_list_is_repaired_like_the_folders_that_it_names()
    {
        RepairRequest folder = Request with { Holdout = 0 };
        string[] lines = [.. s_names.SelectMany(n => Enumerable.Range(0, 4).Select(i => $"shift/{n}/{i}.png,{n}"))];
        Run(folder with { Output = _bench.Path("folder") });
        File.WriteAllLines(_bench.Path("all.csv"), ["path,class", .. lines]);
        RepairReport listed = Run(folder with { Images = [_bench.Path("all.csv")], Output = _bench.Path("list") });
        Assert.Equal(Digest("folder"), Digest("list"));
        Assert.Empty(listed.LeftOut);
        // Its paths may go on from another folder.
        Directory.CreateDirectory(_bench.Path("lists"));
        File.WriteAllLines(_bench.Path("lists/all.csv"), lines);
        RepairRequest elsewhere = folder with { Images = [_bench.Path("lists/all.csv")] };
        Assert.Contains("--root", RemedyText.Of(Assert.Throws<BadInputException>(() => Run(elsewhere))));
        Run(elsewhere with { Roots = [_bench.Path("")], Output = _bench.Path("rooted") });
        Assert.Equal(Digest("folder"), Digest("rooted"));

        // Twice counts once, with two classes it is named.
        File.WriteAllLines(_bench.Path("twice.csv"), [.. lines, lines[0], "shift/elk/1.png,bee"]);
        RepairReport twice = Run(folder with { Images = [_bench.Path("twice.csv")], Output = null });
        Assert.Equal(27, twice.Images.Count + twice.RightBefore);
        string list = _bench.Path("twice.csv");
        int line = 1 + Array.IndexOf(lines, "shift/elk/1.png,elk");
        foreach (
            string said in (string[])[$"(elk in line {line} of {list})", $"(bee in line {lines.Length + 2} of {list})"]
        )
            Assert.Contains(twice.LeftOut, l => l.Contains($"elk/1.png {said}", StringComparison.Ordinal));
        Assert.Contains("1 of 30 labelled images are copies of others and count once", twice.LeftOut);

        string Digest(string name)
        {
            using Patch patch = PatchFile.Load(_bench.Path(name));
            return PatchFile.Digest(patch);
        }
    }

    [Fact]
    public void Near_images_are_kept_right_and_never_corrected()
    {
        foreach (string name in s_names)
            Directory.CreateDirectory(_bench.Path($"near/{name}"));
        for (int i = 0; i < 10; i++)
            _bench.WriteImage($"near/gnu/{i}.png", 500 + i);
        RepairReport alone = Run(Request with { Output = null, Holdout = 0 });
        RepairReport report = Run(Request with { Near = [_bench.Path("near")], Output = null, Holdout = 0 });
        Assert.Equal(alone.Images.Select(i => i.Path), report.Images.Select(i => i.Path));
        Assert.True(report.RightBefore >= alone.RightBefore);
        Assert.Equal(report.RightBefore, report.NearSeen.RightBefore);
    }

    [Fact]
    public void Nothing_to_correct_is_refused()
    {
        RepairReport report = Run(Request with { Output = null });
        foreach (RepairedImage image in report.Images)
        {
            Directory.CreateDirectory(_bench.Path($"right/{s_names[image.Before]}"));
            File.Move(
                image.Path,
                _bench.Path($"right/{s_names[image.Before]}/{image.Label}-{Path.GetFileName(image.Path)}")
            );
        }
        string[] before = _bench.Contents();
        BadInputException e = Assert.Throws<BadInputException>(() =>
            Run(Request with { Images = [_bench.Path("right")] })
        );
        Assert.Equal(
            $"There is nothing to repair: the model gives every labelled image a right class ({report.Images.Count}).",
            e.Message
        );
        Assert.Equal(before, _bench.Contents());
    }

    [Fact]
    public void Guards_that_nothing_keeps_write_no_patch_and_say_what_was_tried()
    {
        // Whatever is shared, an image of theirs changes: they are the locality images with other names.
        Directory.CreateDirectory(_bench.Path("twins"));
        RepairReport wrong = Run(Request with { Output = null, Holdout = 0 });
        foreach (RepairedImage image in wrong.Images)
            Reencode(
                image.Path,
                _bench.Path(
                    $"twins/{Path.GetFileName(Path.GetDirectoryName(image.Path)!)}-{Path.GetFileName(image.Path)}"
                )
            );
        RepairReport report = Run(
            Request with
            {
                Locality = ImageFolder.Open(_bench.Path("twins")),
                Guard = 1,
                Settings = Shared,
                Holdout = 0,
            }
        );
        Assert.False(report.GuardsKept);
        Assert.Null(report.Patch);
        Assert.False(File.Exists(Request.Output));
        Assert.All(report.Tried, t => Assert.False(t.Keeps));
        Assert.Null(report.Tried[^1].Shift);
        Assert.Equal(report.Tried.Select(t => t.Shift).Distinct(), report.Tried.Select(t => t.Shift));
        Assert.Equal(report.Tried.Select(t => t.Shift).OrderDescending(), report.Tried.Select(t => t.Shift));

        // Where no unit is shared there is one place only.
        RepairReport own = Run(
            Request with
            {
                Locality = ImageFolder.Open(_bench.Path("twins")),
                Guard = 1,
                Holdout = 0,
            }
        );
        Assert.Null(Assert.Single(own.Tried).Shift);
        // And a guard that is kept is taken.
        RepairReport kept = Run(Request with { Guard = 1 });
        Assert.True(kept.GuardsKept && Assert.Single(kept.Tried).Keeps);
        Assert.NotNull(kept.Patch);
    }

    [Fact]
    public void A_file_of_somebody_elses_by_the_name_of_the_one_that_is_kept_stays()
    {
        string other = Request.Output + ".reading";
        File.WriteAllText(other, "my own notes");
        Assert.NotNull(Run(Request with { Settings = Shared }).Patch);
        Assert.Equal("my own notes", File.ReadAllText(other));
    }

    [Theory]
    [InlineData("reading labelled images")]
    [InlineData("reading locality images")]
    [InlineData("repairing")]
    public void Interrupted_it_keeps_what_it_read_and_goes_on_to_the_same_patch(string during)
    {
        RepairRequest request = Request with { Settings = Shared };
        byte[] whole = File.ReadAllBytes(Run(request).Patch!);
        File.Delete(request.Output!);
        string kept = request.Output + ".reading";
        Interrupt();
        byte[] written = File.ReadAllBytes(kept);

        // Damaged, or of another model, it is read anew.
        byte[] flipped = [.. written];
        flipped[^1] ^= 1;
        foreach (byte[] damaged in (byte[][])[flipped, written[..^5], written[..12], []])
        {
            File.WriteAllBytes(kept, damaged);
            Recorder anew = new();
            Assert.Equal(whole, File.ReadAllBytes(Run(request, anew).Patch!));
            Assert.DoesNotContain(anew.Told, t => t.Contains("were read before", StringComparison.Ordinal));
            Assert.False(File.Exists(kept));
            File.Delete(request.Output!);
        }
        Interrupt();
        Assert.Equal(written, File.ReadAllBytes(kept));
        Recorder told = new();
        Assert.Equal(whole, File.ReadAllBytes(Run(request, told).Patch!));
        Assert.Single(told.Told, t => t.StartsWith("note: going on: ", StringComparison.Ordinal));
        Assert.False(File.Exists(kept));

        void Interrupt()
        {
            using CancellationTokenSource source = new();
            Recorder stop = new()
            {
                OnProgress = (what, done) =>
                {
                    if (what == during)
                        source.Cancel();
                },
            };
            OperationCanceledException e = Assert.ThrowsAny<OperationCanceledException>(() =>
                new RepairUseCase(_model).Run(request, stop, source.Token)
            );
            Assert.Contains(kept, e.Message, StringComparison.Ordinal);
            Assert.False(File.Exists(request.Output));
        }
    }

    [Fact]
    public void On_top_of_another_it_keeps_right_what_that_corrected()
    {
        string first = Run(Request with { Holdout = 0, Output = _bench.Path("first") }).Patch!;
        for (int c = 0; c < s_names.Length; c++)
        {
            Directory.CreateDirectory(_bench.Path($"later/{s_names[c]}"));
            for (int i = 0; i < 3; i++)
                _bench.WriteImage($"later/{s_names[c]}/{i}.png", 700 + (10 * c) + i);
        }
        RepairReport report = Run(Request with { Images = [_bench.Path("later")], On = [first], Holdout = 0 });
        using Patch before = PatchFile.Load(first);
        using Patch after = PatchFile.Load(report.Patch!);
        Assert.Equal(before.Provenance.Images.Count, report.Remembered.Count);
        Assert.All(report.Remembered, r => Assert.True(r.RightBefore && r.RightAfter));
        Assert.Equal(_model.Model.Fingerprint, after.Provenance.ModelFingerprint);
        // As they are used: together.
        using Retouch.Vit.VitModel both = PatchLedger.Apply(_model.Model, [after, before]);
        foreach ((string name, int label) in before.Provenance.Images.Select(i => (i.Path!, i.Label!.Value)))
            Assert.Equal(label, Said(both, _bench.Path(name)));
        foreach (RepairedImage image in report.Images)
            Assert.Equal(image.After, Said(both, image.Path));
    }

    [Fact]
    public void What_an_earlier_patch_corrected_is_kept_and_counted_though_it_is_given_again()
    {
        string first = _bench.Path("first");
        RepairReport one = Run(Request with { Output = first, Holdout = 0 });
        for (int c = 0; c < s_names.Length; c++)
        {
            Directory.CreateDirectory(_bench.Path($"later/{s_names[c]}"));
            for (int i = 0; i < 3; i++)
                _bench.WriteImage($"later/{s_names[c]}/{i}.png", 700 + (10 * c) + i);
        }
        RepairReport two = Run(
            Request with
            {
                Images = [_bench.Path("shift"), _bench.Path("later")],
                On = [first],
                Holdout = 0.5,
                Settings = Shared with { Shift = 4 },
                Output = _bench.Path("second"),
            }
        );
        Assert.Equal(one.Corrected, two.Remembered.Count);
        Assert.Equal(28 + 21 - one.Corrected, two.RightBefore + two.Images.Count);
        using Patch before = PatchFile.Load(first);
        using Patch after = PatchFile.Load(two.Patch!);
        using Retouch.Vit.VitModel both = PatchLedger.Apply(_model.Model, [after, before]);
        HashSet<string> promised = [.. before.Provenance.Images.Select(i => Path.GetFullPath(_bench.Path(i.Path!)))];
        int right = 0;
        foreach (string folder in (string[])["shift", "later"])
            for (int c = 0; c < s_names.Length; c++)
                foreach (string file in Directory.GetFiles(_bench.Path($"{folder}/{s_names[c]}")))
                    if (!promised.Contains(Path.GetFullPath(file)) && Said(both, file) == c)
                        right++;
        Assert.Equal(right, two.RightAfter);
        Assert.Equal(
            two.Remembered.Count(r => r.RightAfter),
            before.Provenance.Images.Count(i => Said(both, _bench.Path(i.Path!)) == i.Label)
        );
    }

    int Said(Retouch.Vit.VitModel model, string image)
    {
        using TorchSharp.torch.Tensor pixels = Retouch.Images.ImageLoader.LoadBatch([image], _model.Preprocessing);
        using TorchSharp.torch.Tensor logits = model.Logits(pixels);
        return (int)logits.argmax(1).item<long>();
    }

    [Fact]
    public void What_contradicts_itself_is_refused_before_anything_is_read()
    {
        Refuses(Request with { Holdout = 1 }, "held out");
        Refuses(Request with { Holdout = double.NaN }, "held out");
        Refuses(Request with { Locality = null, Guard = 0.9 }, "ordinary images");
        Refuses(Request with { Holdout = 0, GuardNear = 0.9 }, "none are held out");
        Refuses(Request with { Guard = 1.5 }, "1.5");
        Refuses(Request with { Settings = new() { Steps = 0 } }, "steps");
        Refuses(Request with { Locality = null }, "nothing was prepared");
        Refuses(Request with { Images = [_bench.Locality] }, "called by a class");

        void Refuses(RepairRequest request, string words) =>
            Assert.Contains(
                words,
                Assert.Throws<BadInputException>(() => Run(request)).Message,
                StringComparison.Ordinal
            );
    }

    RepairSettings Shared =>
        new()
        {
            Widen = 32,
            Shared = true,
            Steps = 20,
        };

    [Fact]
    public void Labelled_images_are_neither_learned_as_ordinary_ones_nor_measured_as_such()
    {
        RepairReport apart = Run(Request);
        string both = _bench.Path("both");
        Directory.CreateDirectory(both);
        foreach (string file in Directory.EnumerateFiles(_bench.Locality))
            File.Copy(file, Path.Combine(both, Path.GetFileName(file)));
        foreach (string file in Directory.EnumerateFiles(_bench.Path("shift"), "*", SearchOption.AllDirectories))
            File.Copy(file, Path.Combine(both, Path.GetFileName(Path.GetDirectoryName(file)) + Path.GetFileName(file)));
        byte[] patch = File.ReadAllBytes(apart.Patch!);
        RepairReport together = Run(Request with { Locality = ImageFolder.Open(both) });
        Assert.Equal(apart.LocalityImages, together.LocalityImages);
        Assert.Equal(patch, File.ReadAllBytes(together.Patch!));

        // Nothing is left to stand for ordinary images here.
        BadInputException e = Assert.Throws<BadInputException>(() =>
            Run(Request with { Locality = ImageFolder.Open(_bench.Path("shift")) })
        );
        Assert.Contains("could stand for them", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_repair_of_one_image_is_an_edit_of_it()
    {
        RepairedImage wrong = Run(Request with { Holdout = 0 }).Images[0];
        string alone = _bench.Path($"alone/{Path.GetFileName(Path.GetDirectoryName(wrong.Path))}");
        Directory.CreateDirectory(alone);
        string image = Path.Combine(alone, "a.png");
        File.Copy(wrong.Path, image);
        RepairReport repair = Run(Request with { Images = [_bench.Path("alone")], Holdout = 0 });
        Assert.Equal((1, 1), (repair.ToCorrect, repair.Corrected));
        using EditReport edit = new EditUseCase(_model).Run(
            new()
            {
                Images = [image],
                Label = $"index:{wrong.Label}",
                Method = Remember.Definition,
                Locality = Request.Locality,
                Output = _bench.Path("edit.patch"),
            }
        );
        using Patch one = PatchFile.Load(repair.Patch!);
        using Patch other = PatchFile.Load(edit.Patch!);
        Assert.Equal(PatchFile.Digest(other), PatchFile.Digest(one));
        Assert.Equal(other.Tokens!.bytes.ToArray(), one.Tokens!.bytes.ToArray());
    }

    RepairRequest Request =>
        new()
        {
            Images = [_bench.Path("shift")],
            LabelFile = _bench.Labels,
            Locality = ImageFolder.Open(_bench.Locality),
            Settings = new() { Widen = 32, Shared = false },
            Output = _bench.Path("p.patch"),
            Overwrite = true,
        };

    RepairReport Run(RepairRequest request, Recorder? told = null) => new RepairUseCase(_model).Run(request, told);

    // The same picture in other bytes.
    static void Reencode(string from, string to)
    {
        using SkiaSharp.SKBitmap bitmap = SkiaSharp.SKBitmap.Decode(from);
        using SkiaSharp.SKData data = bitmap.Encode(SkiaSharp.SKEncodedImageFormat.Webp, 100);
        using FileStream stream = File.Create(to.Replace(".png", ".webp", StringComparison.Ordinal));
        data.SaveTo(stream);
    }
}
