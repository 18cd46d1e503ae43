using Retouch.Data;
using Retouch.Images;
using Retouch.Locating;
using Retouch.UseCases;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Tests.Locating;

public sealed class TargetBankTests
{
    const int Count = 70; // three files, the last one partly filled

    [Fact]
    public void However_the_work_is_split_the_files_are_the_same()
    {
        using MetaWorld world = new();
        using TargetBankFiller filler = world.Filler();
        filler.Fill(world.Bank("whole", filler), Count, workers: 1);
        string[] whole = world.Contents("whole");
        Assert.Equal(4, whole.Length);

        filler.Fill(world.Bank("workers", filler), Count, workers: 3);
        Assert.Equal(whole, world.Contents("workers"));

        using TargetBankFiller another = world.Filler();
        foreach (int part in (int[])[2, 0, 1])
            another.Fill(world.Bank($"part{part}", another), Count, part, 3);
        MergeUseCase.Run(
            new MergeRequest
            {
                Parts = [.. Enumerable.Range(0, 3).Select(p => world.Folder($"part{p}"))],
                Output = world.Folder("merged"),
            }
        );
        Assert.Equal(whole, world.Contents("merged"));

        filler.Fill(world.Bank("appended", filler), 40);
        filler.Fill(world.Bank("appended", filler), Count);
        Assert.Equal(whole, world.Contents("appended"));
    }

    [Fact]
    public void A_run_cancelled_anywhere_keeps_what_it_solved_and_goes_on()
    {
        using MetaWorld world = new();
        using TargetBankFiller filler = world.Filler();
        filler.Fill(world.Bank("whole", filler), Count);
        int sessions = 0;
        for (int stopAfter = 7; ; stopAfter += 9)
        {
            using CancellationTokenSource stop = new();
            TargetBank bank = world.Bank("stopped", filler);
            long before = bank.SolvedOf(Count);
            try
            {
                sessions++;
                filler.Fill(
                    bank,
                    Count,
                    workers: 2,
                    progress: new At(p =>
                    {
                        if (p.Solved == stopAfter)
                            stop.Cancel();
                    }),
                    cancellation: stop.Token
                );
                break;
            }
            catch (OperationCanceledException)
            {
                Assert.InRange(bank.SolvedOf(Count), before + stopAfter - 2, before + stopAfter + 2);
            }
        }
        Assert.True(sessions > 2);
        Assert.Equal(world.Contents("whole"), world.Contents("stopped"));
    }

    [Fact]
    public void A_sample_depends_on_the_seed_and_its_number_alone()
    {
        using MetaWorld world = new();
        using TargetBankFiller filler = world.Filler();
        using TargetBankFiller other = world.Filler(seed: 1);
        TargetBank bank = world.Bank("bank", filler);
        filler.Fill(bank, Count);
        using TargetSamples all = bank.ReadFirst(Count);
        using TargetSamples alone = filler.SolveRange(41, 1);
        using TargetSamples otherSeed = other.SolveRange(41, 1);
        Assert.Equal(0, TinyVit.MaxDifference(all.Targets[41], alone.Targets[0]));
        Assert.Equal(0, TinyVit.MaxDifference(all.Features[41], alone.Features[0]));
        Assert.NotEqual(0, TinyVit.MaxDifference(all.Features[41], otherSeed.Features[0]));
        Assert.Equal(Count, bank.SolvedFromFirst());
        Assert.Throws<BadInputException>(() => bank.ReadFirst(Count + 1));
    }

    [Fact]
    public void In_an_epoch_every_image_is_used_once()
    {
        using MetaWorld world = new(images: 8);
        PseudoFailures failures = new(
            ImageFolders.Open([world.ImageRoot]),
            Preprocessing.Inception(12, 1),
            world.Model.Config,
            world.Split.Space,
            seed: 3,
            batch: 2
        );
        // Two samples of one number are the same, and those of a seed differ from one another.
        HashSet<string> seen =
        [
            .. Enumerable.Range(0, 40).Select(k => Convert.ToHexString(failures.Create(k).Original.Pixels)),
        ];
        Assert.Equal(40, seen.Count);
        Assert.Equal(failures.Create(5).Spoilt.Pixels.ToArray(), failures.Create(5).Spoilt.Pixels.ToArray());
        Assert.All(failures.Create(0).Start, s => Assert.InRange(s, -1, 1));
    }

    [Fact]
    public void A_bank_of_another_model_or_other_settings_is_refused_with_both_named()
    {
        using MetaWorld world = new();
        using TargetBankFiller filler = world.Filler();
        using TargetBankFiller other = world.Filler(MetaWorld.Quick with { InnerSteps = 3, Sparsity = 2 }, seed: 5);
        world.Bank("bank", filler);
        string message = Assert.Throws<BadInputException>(() => world.Bank("bank", other)).Message;
        Assert.Contains("innerSteps 2, not 3", message, StringComparison.Ordinal);
        Assert.Contains("sparsity 1, not 2", message, StringComparison.Ordinal);
        Assert.Contains("seed 0, not 5", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Files_that_do_not_belong_or_are_damaged_are_named()
    {
        using MetaWorld world = new();
        using TargetBankFiller filler = world.Filler();
        using TargetBankFiller other = world.Filler(seed: 1);
        filler.Fill(world.Bank("bank", filler), 3);
        other.Fill(world.Bank("other", other), 3);
        string file = Path.Combine(world.Folder("bank"), "targets-0000000.safetensors");
        File.Copy(Path.Combine(world.Folder("other"), "targets-0000000.safetensors"), file, overwrite: true);
        Assert.Contains(
            "another target bank",
            Assert.Throws<BadInputException>(() => filler.Fill(world.Bank("bank", filler), 3)).Message,
            StringComparison.Ordinal
        );
        File.WriteAllBytes(file, File.ReadAllBytes(file)[..100]);
        Assert.Contains(
            file,
            Assert.Throws<BadInputException>(() => filler.Fill(world.Bank("bank", filler), 3)).Message,
            StringComparison.Ordinal
        );
        File.WriteAllText(Path.Combine(world.Folder("bank"), "bank.json"), "{}");
        Assert.Contains(
            "bank.json",
            Assert.Throws<BadInputException>(() => TargetBank.Open(world.Folder("bank"))).Message,
            StringComparison.Ordinal
        );
        Assert.Contains(
            "holds other files",
            Assert.Throws<BadInputException>(() => world.Bank("images", filler)).Message,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void Images_that_cannot_be_decoded_are_named_and_replaced()
    {
        using MetaWorld world = new();
        string bad = Path.Combine(world.ImageRoot, "3.png");
        File.WriteAllText(bad, "no image");
        using TargetBankFiller filler = world.Filler();
        filler.Fill(world.Bank("bank", filler), 8, workers: 2);
        Assert.Equal(bad, Assert.Single(filler.Skipped).Key);
        using TargetBankFiller again = world.Filler();
        again.Fill(world.Bank("again", again), 8, workers: 1);
        Assert.Equal(world.Contents("bank"), world.Contents("again"));
    }

    [Fact]
    public void Too_few_images_for_a_batch_are_refused()
    {
        using MetaWorld world = new(images: 3);
        Assert.Contains(
            "3 images; a batch of 2 samples needs 4",
            Assert.Throws<BadInputException>(() => world.Filler()).Message,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void Targets_that_pay_by_Fisher_information_avoid_what_ordinary_images_need()
    {
        using MetaWorld world = new();
        using TargetBankFiller equal = world.Filler(
            new TargetMaskSettings
            {
                Batch = 2,
                StartRange = 0,
                OuterSteps = 4,
            }
        );
        using TargetBankFiller fisher = world.Filler(
            new TargetMaskSettings
            {
                Batch = 2,
                StartRange = 0,
                OuterSteps = 4,
                FisherPower = 2,
            }
        );
        using DiagonalFisher needed = DiagonalFisher.Measure(
            world.Split,
            [world.Split.Prefix(TinyVit.Pixels(world.Model, 9))]
        );
        using DisposeScope scope = NewDisposeScope();
        Tensor logs = stack([.. needed.Values.Select(v => v.sum(1))]).log();
        Assert.True(MeanNeed(fisher) < MeanNeed(equal));

        // The mean log information of units, weighted by the target.
        double MeanNeed(TargetBankFiller filler)
        {
            using TargetSamples samples = filler.SolveRange(0, 6);
            Tensor mean = samples.Targets.mean([0]);
            return ((mean * logs).sum() / mean.sum()).ToDouble();
        }
    }

    sealed class At(Action<TargetBankProgress> tell) : IProgress<TargetBankProgress>
    {
        public void Report(TargetBankProgress value) => tell(value);
    }
}
