using Retouch.Editing;
using Retouch.Locating;
using Retouch.Patches;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Tests.Editing;

/// <summary>The methods that say by themselves what they need, on a small model of every family.</summary>
public sealed class FamilyMethodTests
{
    public static TheoryData<string> Families => [.. TinyVit.Families.Keys];

    [Theory]
    [MemberData(nameof(Families))]
    public void Gate_corrects_a_model_whose_classifier_reads_one_token_or_says_why_not(string family)
    {
        using DisposeScope scope = NewDisposeScope();
        VitConfig config = TinyVit.Families[family];
        using MethodBed bed = new(images: 20, first: config.Depth - 1, blocks: 1, config: config);
        if (config.UnfitForTokenUnits is string why)
        {
            BadInputException refusal = Assert.Throws<BadInputException>(() => bed.Prepare(new GateMemory()).Dispose());
            Assert.Contains(why, refusal.Message, StringComparison.Ordinal);
            return;
        }
        using Preparation memory = bed.Prepare(new GateMemory());
        using EditResult result = new Gate(memory, new() { Leak = 0 }).Edit(bed.Split, [bed.Failure])[0];
        Assert.True(result.Success, family);
        using VitModel edited = PatchLedger.Apply(bed.Model, [result.Patch]);
        Assert.Equal(bed.Label, edited.Logits(bed.Pixels).argmax(1).item<long>());
        // Ordinary images do not open the gate, and lose one idle unit.
        Tensor ordinary = bed.OrdinaryPixels();
        Tensor before = bed.Model.Logits(ordinary).argmax(1);
        Tensor after = edited.Logits(ordinary).argmax(1);
        Assert.InRange(before.eq(after).sum().item<long>(), 17, 20);
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void Kfac_corrects_every_family(string family)
    {
        using DisposeScope scope = NewDisposeScope();
        VitConfig config = TinyVit.Families[family];
        using MethodBed bed = new(images: 12, first: config.Depth - 2, blocks: 2, config: config);
        using Preparation inputs = bed.Prepare(new InputStatistics());
        using EditResult result = new Kfac(inputs).Edit(bed.Split, [bed.Failure])[0];
        Assert.True(result.Success, family);
        using VitModel edited = PatchLedger.Apply(bed.Model, [result.Patch]);
        Assert.Equal(bed.Label, edited.Logits(bed.Pixels).argmax(1).item<long>());
        PatchFile.Save(result.Patch, bed.FilePath("p.patch"), overwrite: false);
        using Patch again = PatchFile.Load(bed.FilePath("p.patch"));
        using VitModel reread = PatchLedger.Apply(bed.Model, [again]);
        Assert.Equal(edited.Fingerprint, reread.Fingerprint);
    }
}
