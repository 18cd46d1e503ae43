using System.Runtime.InteropServices;
using Retouch.Editing;
using Retouch.Formats;
using Retouch.Images;
using Retouch.Patches;
using Retouch.Studio.Editing;
using Retouch.Studio.Jobs;
using Retouch.Studio.World;
using Retouch.Tests.Formats;
using Retouch.UseCases;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Tests.Studio;

/// <summary>What the studio knows of a model and its images, and keeps of its work, without a browser.</summary>
[Collection(nameof(LettersWorld))]
public sealed class StudioWorldTests(LettersWorld letters) : IDisposable
{
    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("+-.", 0, null)]
    [InlineData("+-.", 2, null)]
    [InlineData("+-.", 1, "others do, move the slider")]
    [InlineData("---", 1, "No place makes this image right")]
    [InlineData("--.", 1, "the others are being tried")]
    public void An_edit_that_cannot_be_accepted_says_why(string places, int place, string? why)
    {
        bool?[] right = [.. places.Select(p => p == '.' ? (bool?)null : p == '+')];
        string? said = EditBoard.WhyNot(right, place);
        Assert.Equal(why is null, said is null);
        Assert.Contains(why ?? "", said ?? "", StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_it_says_of_images_is_what_the_model_says_and_an_edit_is_the_edit()
    {
        await using StudioLetters studio = await StudioLetters.StartAsync(letters, _folder.File("s"), "oil");
        StudioWorld world = studio.Server.World;
        await world.Opened;
        Assert.Null(world.Failure);
        ModelFile file = world.Options.Model;
        StudioImage[] some = [.. world.Images.Where((_, i) => i % 7 == 0)];
        int[] said = Says(file.Model, file.Preprocessing, some);
        Assert.Equal(said, some.Select(i => i.Answer!.Value.Class));
        StudioImage image = world.Images.First(i => i.IsWrong);

        using EditBoard board = new(world, image, image.Label!.Value);
        board.Start();
        await board.Finished;
        Assert.Null(board.Problem);
        Assert.All(board.Points, Assert.NotNull);
        BoardPoint point = board.Points[4]!;
        string patch = _folder.File("p.patch");
        world.Live!.Write(point.Edit, image.Path, patch, (10, 9));
        using Patch live = PatchFile.Load(patch);
        Assert.Equal(0.9, live.Provenance.Measurements!.LocalityRate);

        // As `edit` makes it.
        using EditReport report = new EditUseCase(file).Run(
            new EditRequest
            {
                Images = [image.Path],
                Label = $"index:{image.Label}",
                Method = Gate.Definition,
                Settings = Gate.Definition.AtGenerality(
                    new Dictionary<string, string>(),
                    board.Places[4].Generality!.Value
                ),
                Output = _folder.File("edit.patch"),
            }
        );
        using Patch made = PatchFile.Load(_folder.File("edit.patch"));
        Assert.Equal(PatchFile.Digest(made), PatchFile.Digest(live));

        // And what it does to others is what the edited model does.
        using VitModel edited = PatchLedger.Apply(file.Model, [live]);
        int[] now = Says(edited, file.Preprocessing, world.Images);
        int[] broken =
        [
            .. world.Images.Where(i => i.IsRight == true && !i.Accepted!.Contains(now[i.Id])).Select(i => i.Id),
        ];
        int[] mended =
        [
            .. world
                .Images.Where(i => i.IsWrong && i.Id != image.Id && i.Accepted!.Contains(now[i.Id]))
                .Select(i => i.Id),
        ];
        Assert.Equal(broken, point.Effect.Broken.Select(c => c.Id));
        Assert.Equal(mended, point.Effect.Mended.Select(c => c.Id));
        Assert.NotEmpty(mended);
    }

    [Fact]
    public async Task What_was_read_is_kept_also_where_the_end_was_cut()
    {
        string folder = _folder.File("s");
        (int Class, float Probability)[] first;
        await using (StudioLetters studio = await StudioLetters.StartAsync(letters, folder, "oil"))
        {
            await studio.Server.World.Opened;
            first = [.. studio.Server.World.Images.Select(i => (i.Answer!.Value.Class, i.Answer.Value.Probability))];
        }
        string store = Assert.Single(
            Directory.GetFiles(Path.Combine(folder, "work"), "images.jsonl", SearchOption.AllDirectories)
        );
        string tokens = Path.Combine(Path.GetDirectoryName(store)!, "tokens.f32");
        long lines = File.ReadLines(store).Count();
        using (FileStream cut = new(store, FileMode.Open))
            cut.SetLength(cut.Length - 7);
        using (FileStream cut = new(tokens, FileMode.Open))
            cut.SetLength(cut.Length - 5);
        await using StudioLetters again = await StudioLetters.StartAsync(letters, folder, "oil");
        await again.Server.World.Opened;
        // The one that was cut off is read anew, beside others or alone, which rounds otherwise.
        Assert.Equal(first.Select(f => f.Class), again.Server.World.Images.Select(i => i.Answer!.Value.Class));
        Assert.All(
            first.Zip(again.Server.World.Images),
            pair => Assert.Equal(pair.First.Probability, pair.Second.Answer!.Value.Probability, 1e-5f)
        );
        await again.DisposeAsync();
        Assert.Equal(lines, File.ReadLines(store).Count());
    }

    [Fact]
    public async Task A_job_that_a_killed_studio_left_goes_on_at_the_next_start()
    {
        string folder = _folder.File("s");
        string[] wrong;
        await using (StudioLetters studio = await StudioLetters.StartAsync(letters, folder, "oil"))
        {
            await studio.Server.World.Opened;
            wrong = [.. studio.Server.World.Images.Where(i => i.IsWrong).Take(5).Select(i => i.Path)];
        }
        // As a process that was killed in the middle leaves it.
        string jobs = Directory.CreateDirectory(Path.Combine(folder, "work", "jobs")).FullName;
        File.WriteAllText(
            Path.Combine(jobs, "jobs.json"),
            $$$"""
            [{"Id":7,"Kind":"repair","Title":"Correct 5","State":1,"Begun":"2026-01-02T03:04:05+00:00",
              "Request":{"images":"{{{string.Join("\\n", wrong)}}}","label":"","shared":"False"}}]
            """
        );
        await using StudioLetters again = await StudioLetters.StartAsync(letters, folder, "oil");
        JobRunner queue = again.Server.Jobs;
        Job job = Assert.Single(queue.Jobs);
        Assert.Equal(7, job.Record.Id);
        for (int i = 0; i < 1200 && job.Record.State is JobState.Waiting or JobState.Running; i++)
            await Task.Delay(100);
        Assert.Equal(JobState.Done, job.Record.State);
        using Patch patch = PatchFile.Load(job.Record.Output!);
        Assert.Equal(5, patch.Provenance.Images.Count);

        // One that waits for it can be cancelled, one that is paused goes on.
        Job second = queue.Add(CheckJob.Kind, "Check", new Dictionary<string, string>());
        Job third = queue.Add(CheckJob.Kind, "Check again", new Dictionary<string, string>());
        queue.Cancel(third);
        Assert.Equal(JobState.Cancelled, third.Record.State);
        for (int i = 0; i < 1200 && second.Record.State is JobState.Waiting or JobState.Running; i++)
            await Task.Delay(100);
        Assert.Equal(JobState.Done, second.Record.State);
        Assert.Contains("of 337 right", second.Record.Result, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_an_accepted_patch_corrected_and_broke_is_known_and_forgotten_when_it_is_taken_back()
    {
        // Of one image nobody knows the class until somebody accepts a patch for it.
        string folder = Directory.CreateDirectory(_folder.File("things/unsorted")).Parent!.FullName;
        File.Copy(
            Directory.GetFiles(Path.Combine(letters.Images("natural"), "0"))[0],
            Path.Combine(folder, "unsorted", "a.png")
        );
        await using StudioLetters studio = await StudioLetters.StartAsync(letters, _folder.File("s"), "oil", folder);
        StudioWorld world = studio.Server.World;
        await world.Opened;
        using LedgerEffects effects = new(world);
        await LookAsync();
        Assert.Empty(effects.Entries);

        using Bench bench = new(world);
        StudioImage image = world.Images.First(i => i.IsWrong);
        StudioImage unsorted = world.Images.Single(i => i.Label is null);
        BoardPoint first = await AcceptAsync(image, image.Label!.Value, 4);
        await LookAsync();
        EntryEffect entry = Assert.Single(effects.Entries);
        Assert.Equal("because", entry.Reason);
        Assert.Equal(first.Effect.Mended.Select(c => c.Id).Append(image.Id).Order(), entry.Corrected.Order());
        Assert.Equal(first.Effect.Broken.Select(c => c.Id).Order(), entry.Broken.Order());
        Assert.Equal(entry.Corrected.Order(), effects.Corrected.Order());

        // As another class than the model gives it, whatever that is.
        int wanted = (unsorted.Answer!.Value.Class + 5) % world.Labels.Count;
        await AcceptAsync(unsorted, wanted, 0);
        await LookAsync();
        Assert.Equal(2, effects.Entries.Count);
        Assert.Contains(unsorted.Id, effects.Entries[1].Corrected);
        Assert.Contains(unsorted.Id, effects.Corrected);

        LedgerUseCase.Revert(
            studio.Ledger,
            [.. Ledger.Open(studio.Ledger).State.Added.Select(a => a.Id)],
            "tests",
            "no",
            DateTimeOffset.UnixEpoch
        );
        await LookAsync();
        Assert.Empty(effects.Entries);
        Assert.Empty(effects.Corrected);
        Assert.Null(effects.Problem);

        async Task LookAsync()
        {
            effects.Look();
            await effects.Finished;
        }

        async Task<BoardPoint> AcceptAsync(StudioImage what, int label, int place)
        {
            EditBoard board = bench.Board(what, label);
            await board.Finished;
            bench.Accept(board, board.Points[place]!, "because");
            return board.Points[place]!;
        }
    }

    [Fact]
    public async Task The_units_that_carry_an_edit_are_those_that_it_made()
    {
        await using StudioLetters studio = await StudioLetters.StartAsync(letters, _folder.File("s"), "oil");
        StudioWorld world = studio.Server.World;
        await world.Opened;
        StudioImage image = world.Images.First(i => i.IsWrong);
        using EditBoard board = new(world, image, image.Label!.Value);
        board.Start();
        await board.Finished;
        int own = world.Options.Model.Model.Config.MlpWidth;
        for (int place = 0; place < board.Points.Count; place++)
        {
            BoardPoint point = board.Points[place]!;
            IReadOnlyList<LiveUnit> units = board.Units(point);
            double label = point.Edit.Likeliest.Single(p => p.Class == board.Label).Probability;
            double before = board.Before.SingleOrDefault(p => p.Class == board.Label).Probability;
            // One unit does all of it: without it the class is about as likely as it was.
            LiveUnit unit = units[0];
            Assert.Equal(place == 0, unit.IsAdded);
            Assert.Equal(place == 0, unit.Unit >= own);
            Assert.True(unit.After > unit.Before);
            Assert.InRange(unit.Carries, label - before - 0.1, label);
        }
    }

    [Fact]
    public async Task What_is_drawn_around_on_the_map_is_what_lies_there()
    {
        await using StudioLetters studio = await StudioLetters.StartAsync(letters, _folder.File("s"), "oil");
        StudioWorld world = studio.Server.World;
        await world.Opened;
        FeatureMap map = new(world);
        float[][] points = [.. MemoryMarshal.Cast<byte, float>(map.Bytes()).ToArray().Chunk(6)];
        Assert.Equal(world.Images.Count, points.Length);
        Assert.All(
            points,
            p =>
            {
                StudioImage image = world.Images[(int)p[0]];
                Assert.Equal(
                    (image.IsRight == true ? 1 : 0, image.Label, image.Answer!.Value.Class),
                    ((int)p[3], (int)p[4], (int)p[5])
                );
                Assert.InRange(p[1], -1.2f, 1.2f);
                Assert.InRange(p[2], -1.2f, 1.2f);
            }
        );
        // The two directions differ, and neither is one point.
        Assert.True(points.Select(p => p[1]).Distinct().Count() > 100);
        Assert.True(points.Select(p => p[2]).Distinct().Count() > 100);
        Assert.Equal(
            points.Where(p => p[1] > 0 && p[2] < 0.5).Select(p => (int)p[0]).Order(),
            map.Within([0, -2, 2, -2, 2, 0.5, 0, 0.5]).Order()
        );
        Assert.Empty(map.Within([0, 0, 1, 1]));
        float[] one = points[7];
        int nearest = map.Nearest(one[1], one[2], 0.05, 0.05)!.Value;
        float[] found = points.Single(p => (int)p[0] == nearest);
        Assert.Equal((one[1], one[2]), (found[1], found[2]));
        Assert.Null(map.Nearest(5, 5, 0.05, 0.05));
    }

    [Fact]
    public void A_selection_is_known_by_bits()
    {
        Selection selection = new();
        selection.Add([0, 9, 10]);
        Assert.Equal([1, 6], selection.Bits(11));
        Assert.Equal([1], selection.Bits(8));
    }

    [Fact]
    public async Task Two_studios_do_not_share_a_folder()
    {
        string folder = _folder.File("s");
        await using StudioLetters one = await StudioLetters.StartAsync(letters, folder, "oil");
        BadInputException e = await Assert.ThrowsAsync<BadInputException>(() =>
            StudioLetters.StartAsync(letters, folder, "oil")
        );
        Assert.Contains($"process {Environment.ProcessId}", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_selection_goes_back_step_by_step()
    {
        Selection selection = new();
        selection.Toggle(3);
        selection.Add([4, 5]);
        selection.Toggle(4);
        selection.Set([9]);
        Assert.Equal([9], selection.Ids);
        Assert.True(selection.Undo());
        Assert.Equal([3, 5], selection.Ids);
        Assert.True(selection.Undo() && selection.Undo() && selection.Undo());
        Assert.Equal(0, selection.Count);
        Assert.False(selection.Undo());
        for (int i = 0; i < 500; i++)
            selection.Toggle(i);
        int steps = 0;
        while (selection.Undo())
            steps++;
        Assert.InRange(steps, 50, 100);
    }

    static int[] Says(VitModel model, Preprocessing preprocessing, IReadOnlyList<StudioImage> images)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        Tensor pixels = ImageLoader.LoadBatch([.. images.Select(i => i.Path)], preprocessing);
        return [.. model.Logits(pixels).argmax(1).data<long>().Select(c => (int)c)];
    }
}
