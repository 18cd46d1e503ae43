using System.Runtime.CompilerServices;
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
    public void The_last_ffn_with_gates_is_what_the_edited_model_computes(string family)
    {
        using DisposeScope scope = NewDisposeScope();
        VitConfig config = TinyVit.Families[family];
        using MethodBed bed = new(images: 20, first: config.Depth - 1, blocks: 1, config: config);
        using Preparation memory = bed.Prepare(new GateMemory());
        OrdinaryTokens ordinary = GateMemory.Of(memory, bed.Split, "repair");
        IReadOnlyList<IdleUnit> idle = IdleUnits.Of(bed.Model, ordinary.Read, oneOf: 10).All;
        LastFfn ffn = new(bed.Model, ordinary, idle);
        int count = Math.Min(3, ffn.Idle.Count);
        GateUnits gates = new(
            TinyVit.Normal(1, count, config.Width),
            TinyVit.Normal(2, count),
            TinyVit.Normal(3, count, config.Width)
        );
        using PrefixState state = bed.Split.Prefix(bed.OrdinaryPixels());
        using Tensor residuals = GateRepair.Residuals(bed.Split, state);
        Tensor mine = ffn.Logits(ffn.After(residuals, ffn.Sum(ffn.Read(residuals), gates)));
        using TensorDelta change = ffn.Change(gates, bed.Split.Space);
        Assert.InRange(TinyVit.RelativeDifference(mine, bed.Split.Logits(state, change)), 0, 1e-4);
        List<Tensor> asked = [];
        GateRepair.Ask(bed.Split, residuals, change, logits => asked.Add(logits.clone().DetachFromDisposeScope()));
        Assert.InRange(TinyVit.RelativeDifference(cat(asked, 0), mine), 0, 1e-4);
        // One that is shut for good gives nothing, whatever its value: nothing but the idle units is missing.
        GateUnits shut = gates with
        {
            Biases = gates.Biases - 1e4f,
        };
        GateUnits nothing = shut with { Values = zeros_like(shut.Values) };
        Assert.InRange(
            TinyVit.RelativeDifference(ffn.Sum(ffn.Read(residuals), shut), ffn.Sum(ffn.Read(residuals), nothing)),
            0,
            1e-4
        );
        // With one gate more whose value is given later.
        GateUnits first = new(
            gates.Keys.narrow(0, 0, count - 1),
            gates.Biases.narrow(0, 0, count - 1),
            gates.Values.narrow(0, 0, count - 1)
        );
        (Tensor sum, Tensor opening) = ffn.With(
            ffn.Read(residuals),
            first,
            gates.Keys[count - 1],
            gates.Biases.narrow(0, count - 1, 1)
        );
        Assert.InRange(
            TinyVit.RelativeDifference(
                sum + opening.unsqueeze(-1) * gates.Values[count - 1],
                ffn.Sum(ffn.Read(residuals), gates)
            ),
            0,
            1e-4
        );
    }

    [Fact]
    public void At_most_the_share_that_may_of_ordinary_images_opens_a_gate_that_several_tokens_read()
    {
        using DisposeScope scope = NewDisposeScope();
        VitConfig config = TinyVit.Families["beit"];
        Tensor read = TinyVit.Normal(1, 40, 9, config.Width);
        Tensor failing = TinyVit.Normal(2, 1, 9, config.Width) + 1;
        OrdinaryTokens ordinary = new(read, read, HeadTokens.Pooled(config, read), zeros(40, ScalarType.Int64));
        Tensor mean = ordinary.Queries.mean([0]);
        Tensor difference = HeadTokens.Pooled(config, failing)[0] - mean;
        Tensor within = TokenEdge.Within(config, ordinary);
        Tensor direction = TokenEdge.Direction(config, within, failing, difference, 1);
        Assert.Equal(1, direction.dot(difference).item<float>(), 1e-3);
        double before = double.PositiveInfinity;
        foreach (double leak in (double[])[0, 0.1, 0.3])
        {
            (Tensor key, Tensor bias, bool held) = TokenEdge.Of(
                config,
                direction,
                mean,
                failing,
                ordinary,
                label: 1,
                leak,
                share: 1
            );
            Assert.True(held);
            double own = Opening(failing).mean().item<float>();
            long open = Opening(read).gt(own * TokenEdge.Open + 1e-6).sum().item<long>();
            Assert.InRange(open, 0, (long)(leak * 40));
            double edge = -(bias.item<float>() + key.dot(mean).item<float>()) / key.norm().item<float>();
            Assert.True(edge <= before, "the more may open it, the nearer the edge is to the mean");
            before = edge;

            Tensor Opening(Tensor tokens) => HeadTokens.Pooled(config, nn.functional.relu(matmul(tokens, key) + bias));
        }
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
                    wrong.Add(method.Name);
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
        Assert.Empty(wrong);
        Assert.Contains(DocumentedAs(config), Documented(family), StringComparison.Ordinal);
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

    // What the table of docs/models.md says of the row that a family is in.
    static string Documented(string family)
    {
        string row = s_rows[family];
        string[] lines = File.ReadAllLines(Path.Combine(Path.GetDirectoryName(Here())!, "../../../docs/models.md"));
        return Assert.Single(lines, l => l.StartsWith($"| {row} |", StringComparison.Ordinal)).Split('|')[3].Trim();
    }

    static string Here([CallerFilePath] string path = "") => path;

    static string DocumentedAs(VitConfig config) =>
        config.Pooling == VitPooling.TwoHeads ? "all but RefineViT and those by [CLS]"
        : config.UnfitForClassUnits is not null ? "all but those by [CLS]"
        : "all methods";

    static readonly Dictionary<string, string> s_rows = new()
    {
        ["open_clip_zero_shot"] = "CLIP by class embeddings",
        ["timm_avg_with_class_token"] = "the same with averaged patches",
        ["timm_beit"] = "BEiT, Data2Vec",
        ["timm_deit_distilled"] = "distilled DeiT",
        ["timm_dinov3"] = "DINOv3",
        ["timm_eva02"] = "EVA-02",
        ["timm_map_pooling"] = "attention pooling (timm's SigLIP), SigLIP by class embeddings",
        ["timm_max_pooling"] = "the same with maximum, average and maximum",
        ["timm_post_norm"] = "residual post-norm, query-key norm",
        ["timm_qk_norm"] = "residual post-norm, query-key norm",
        ["timm_swiglu_registers"] = "DINOv2 (timm) with SwiGLU",
        ["timm_swin"] = "Swin",
        ["transformers_beit"] = "BEiT, Data2Vec",
        ["transformers_clip"] = "CLIP with a head",
        ["transformers_clip_zero_shot"] = "CLIP by class embeddings",
        ["transformers_data2vec"] = "BEiT, Data2Vec",
        ["transformers_deit_teacher"] = "distilled DeiT",
        ["transformers_dinov2"] = "DINOv2, with and without registers",
        ["transformers_dinov2_registers"] = "DINOv2, with and without registers",
        ["transformers_dinov2_swiglu"] = "DINOv2, with and without registers",
        ["transformers_siglip"] = "SigLIP with a head",
        ["transformers_swin"] = "Swin",
    };

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
