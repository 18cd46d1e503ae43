using Retouch.Editing;
using Retouch.Formats;
using Retouch.Locating;
using Retouch.Patches;
using Retouch.Suffix;
using Retouch.Tests.Vit;
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
    public void Gate_corrects_every_family_and_leaves_ordinary_images_alone(string family)
    {
        using DisposeScope scope = NewDisposeScope();
        VitConfig config = TinyVit.Families[family];
        using MethodBed bed = new(images: 20, first: config.Depth - 1, blocks: 1, config: config);
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

    [Theory]
    [MemberData(nameof(GoldenFamilyTests.Families), MemberType = typeof(GoldenFamilyTests))]
    public void Every_method_edits_every_family_or_says_why_not_as_the_documentation_says(string family)
    {
        using DisposeScope scope = NewDisposeScope();
        using ModelFile file = GoldenFamilyTests.Load(family);
        VitModel model = file.Model;
        VitConfig config = model.Config;
        using MethodBed bed = new(Alias(model), images: 12, first: config.Depth - 1, blocks: 1);
        List<string> refused = [];
        List<string> wrong = [];
        foreach (Method method in Methods.All)
        {
            SplitVit split = new(model, method.Window(config));
            using PrefixState state = split.Prefix(bed.Pixels);
            Dictionary<string, Preparation> prepared = [];
            try
            {
                if (Preparing(method) is IPreparation preparation)
                    prepared[preparation.Name] = preparation.Prepare(split, bed.Images);
                Dictionary<string, string> settings = [];
                if (method.Settings.Any(s => s.Name == "locator"))
                    settings["locator"] = "gradient";
                if (method.Settings.Any(s => s.Name == "steps") && !s_certain.Contains(method.Name))
                    settings["steps"] = "30";
                IEditor editor = method.Create(settings, new EditorResources { Preparations = prepared });
                using EditResult result = editor.Edit(split, [new Failure(state, bed.Label)])[0];
                Assert.True(result.Patch.Change.IsFinite && result.Patch.Change.Parameters > 0, method.Name);
                using VitModel edited = PatchLedger.Apply(model, [result.Patch]);
                bool right = edited.Logits(bed.Pixels).argmax(1).item<long>() == bed.Label;
                Assert.Equal(result.Success, right);
                if (!right && s_certain.Contains(method.Name))
                    wrong.Add($"{method.Name}: {WhyNot(bed, prepared)}");
            }
            catch (BadInputException e)
            {
                refused.Add(method.Name);
                string? why = method.Name == "refinevit" ? "this model has two heads" : config.UnfitForClassUnits;
                Assert.True(
                    why is not null && e.Message.Contains(why, StringComparison.Ordinal),
                    $"{method.Name}: {e.Message}"
                );
                Assert.DoesNotContain('\n', e.Message);
            }
            finally
            {
                foreach (Preparation preparation in prepared.Values)
                    preparation.Dispose();
            }
        }
        // In this one random model all images look alike to the last FFN.
        const string alike = "an image that should stay as it is looks the same to the last FFN";
        Assert.Equal(family == "timm_swin" ? [$"remember: {alike}", $"repair: {alike}"] : [], wrong);
        Assert.Equal(
            [
                .. Methods
                    .All.Select(m => m.Name)
                    .Where(m =>
                        (config.UnfitForClassUnits is not null && s_byClassToken.Contains(m))
                        || (config.Pooling == VitPooling.TwoHeads && m == "refinevit")
                    ),
            ],
            refused
        );
    }

    // Why a gate of one image alone cannot be.
    static string? WhyNot(MethodBed bed, Dictionary<string, Preparation> prepared)
    {
        Preparation memory = prepared[GateMemory.Kind];
        RepairInput input = new(
            new RepairImages(GateRepair.Residuals(bed.Split, bed.State), [bed.Label]),
            new RepairImages(HeadTokens.None(bed.Model.Config), []),
            memory
        );
        using RepairOutcome outcome = new GateRepair().Repair(bed.Split, input);
        return outcome.Why[0];
    }

    // What corrects an image is to correct it on every family.
    static readonly string[] s_certain = ["kfac", "gate", "remember", "repair"];

    static readonly string[] s_byClassToken =
    [
        "kn",
        "rome",
        "alphaedit",
        "t-patcher",
        "x-edit",
        "grace",
        "prototype",
        "ft-kl",
    ];

    static IPreparation? Preparing(Method method) =>
        method.Name switch
        {
            "mend" => new MendTraining(s_few),
            "ke" => new KnowledgeEditorTraining(s_few),
            "kn" => new NeuronStatistics(points: 2),
            _ => method.NewPreparation?.Invoke(),
        };

    static readonly MetaTrainingSettings s_few = new()
    {
        Steps = 2,
        Batch = 1,
        Samples = 3,
        Others = 1,
    };

    // A model that a bed may own.
    static VitModel Alias(VitModel model) =>
        new(model.Tensors.ToDictionary(t => t.Key, t => t.Value.alias()), model.Config.Traits);
}
