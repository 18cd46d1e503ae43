using Retouch.Benchmarks;
using Retouch.Data;
using Retouch.Editing;
using Retouch.Formats;
using Retouch.Images;
using Retouch.Locating;
using Retouch.Patches;
using Retouch.Suffix;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Tests.Editing;

/// <summary>Edits one after the other on the letters' model.</summary>
public sealed class LettersSequenceTests(LettersWorld world) : IClassFixture<LettersWorld>
{
    [Fact]
    public void Edits_of_x_edit_stand_better_with_the_sum_of_their_keys_than_without()
    {
        using DisposeScope scope = NewDisposeScope();
        using ModelFile file = ModelFile.Load(world.Model);
        SplitVit split = new(file.Model, EditSpace.Last(file.Model.Config));
        using Preparation keys = new ClassKeys(most: 100).Prepare(
            split,
            new PreparationImages(ImageFolders.Open([world.Images("locality")]), file.Preprocessing)
        );
        // Every direction is free, so that nothing but the sum speaks for earlier images.
        XEdit editor = new(keys, new() { NullBound = 1e6, MaxChange = 1.5 });
        (string Path, int Label)[] failures =
        [
            .. BenchmarkFile
                .Load(world.Benchmark)
                .Groups.SelectMany(g => g.Images.Take(2).Select(i => (Found(i.Path), g.Label))),
        ];
        PrefixState[] states = [.. failures.Select(f => split.Prefix(Pixels(f.Path)))];
        PrefixState all = split.Prefix(Pixels([.. failures.Select(f => f.Path)]));
        double with = Standing(forget: false);
        double without = Standing(forget: true);
        Assert.True(with > without, $"{with} {without}");

        string Found(string path) =>
            ((string[])["natural", "oil", "stage"])
                .Select(set => Path.Combine(world.Images(set), path))
                .First(File.Exists);

        Tensor Pixels(params string[] paths) => ImageLoader.LoadBatch(paths, file.Preprocessing);

        // The share of the images up to each edit's that are right after it, in the mean.
        double Standing(bool forget)
        {
            VitModel model = file.Model;
            List<VitModel> left = [];
            double sum = 0;
            for (int i = 0; i < failures.Length; i++)
            {
                SplitVit now = split.Edited(model);
                using PrefixState rebased = now.Rebase(states[i]);
                if (now.Predict(rebased)[0] != failures[i].Label)
                {
                    using EditResult result = editor.Edit(now, [new Failure(rebased, failures[i].Label)])[0];
                    Patch patch = result.Patch;
                    Patch applied = forget ? new Patch(patch.Change, patch.Provenance) : patch;
                    left.Add(model = PatchLedger.Apply(model, [applied]));
                    now = split.Edited(model);
                }
                using PrefixState after = now.Rebase(all);
                sum += now.Predict(after).Zip(failures).Take(i + 1).Count(p => p.First == p.Second.Label) / (i + 1.0);
            }
            left.ForEach(m => m.Dispose());
            return sum / failures.Length;
        }
    }
}
