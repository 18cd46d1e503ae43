using Retouch.Editing;
using Retouch.Locating;
using Retouch.Patches;
using Retouch.Suffix;
using Retouch.Vit;

namespace Retouch.Tests.Editing;

public sealed class MethodsTests : IDisposable
{
    readonly MethodBed _bed = new();

    public void Dispose() => _bed.Dispose();

    [Fact]
    public void Every_method_of_the_comparison_is_listed_once_with_its_paper() =>
        Assert.Equal(
            [
                "masked-fine-tuning",
                "ft",
                "kfac",
                "gate",
                "remember",
                "ft-l1",
                "ft-l2",
                "lora",
                "kn",
                "rome",
                "alphaedit",
                "t-patcher",
                "ke",
                "mend",
                "refinevit",
                "x-edit",
                "grace",
                "prototype",
                "wise-ft",
                "head-alone",
                "ft-kl",
                "repair",
            ],
            Methods.All.Select(m =>
            {
                Assert.NotEmpty(m.Paper);
                return m.Name;
            })
        );

    [Fact]
    public void Sweeps_are_the_combinations_of_the_knobs_and_hold_the_defaults_once_asked()
    {
        Method masked = Methods.Find("masked-fine-tuning");
        // Every locator that can be made with nothing at hand under every keep ratio; no mask under every step size.
        Assert.Equal(2 * 5 + 5, masked.Grid(Sweep.Full).Count);
        Assert.Equal(
            ["hypernetwork", "0.05", "2E-05", "100"],
            ((string[])["locator", "keep", "lr", "steps"]).Select(k => Assert.Single(masked.Grid(Sweep.Published))[k])
        );
        // What is given takes the place of the sweep's values, each once however it is spelt.
        Assert.Equal(
            ["2E-05", "0.001"],
            Methods
                .Find("ft")
                .Grid(
                    Sweep.Full,
                    new Dictionary<string, IReadOnlyList<string>> { ["lr"] = ["2e-5", "0.00002", "1e-3"] }
                )
                .Select(s => s["lr"])
        );
        Assert.All(
            Methods.All,
            m =>
            {
                Assert.True(m.Grid(Sweep.Quick).Count is > 1 and < 10, m.Name);
                Assert.True(m.Grid(Sweep.Full).Count >= m.Grid(Sweep.Quick).Count, m.Name);
            }
        );
    }

    [Fact]
    public void Every_method_makes_an_edit_of_its_name_from_every_swept_setting()
    {
        Dictionary<string, Preparation> prepared = [];
        MetaTrainingSettings few = new()
        {
            Steps = 2,
            Batch = 1,
            Samples = 3,
            Others = 1,
        };
        foreach (
            IPreparation preparation in (IPreparation[])
                [
                    new KeyStatistics(),
                    new ClassKeys(),
                    new HeadMemory(),
                    new InputStatistics(),
                    new GateMemory(),
                    new QueryMemory(),
                    new TokenMemory(),
                    new NeuronStatistics(points: 2),
                    new FisherStatistics(),
                    new MendTraining(few),
                    new KnowledgeEditorTraining(few),
                ]
        )
            prepared[preparation.Name] = _bed.Prepare(preparation);
        Assert.All(
            Methods.All.Where(m => m.PreparationKind is not null),
            m => Assert.Equal(m.PreparationKind, m.NewPreparation!().Name)
        );
        EditorResources resources = new() { Preparations = prepared };
        using PrefixState two = _bed.Split.Prefix(TinyVit.Pixels(_bed.Model, 2, seed: 9));
        foreach (Method method in Methods.All)
        {
            foreach (IReadOnlyDictionary<string, string> settings in method.Grid(Sweep.Quick))
            {
                if (settings.GetValueOrDefault("locator") == "hypernetwork")
                {
                    Assert.Contains(
                        "hypernetwork",
                        Assert.Throws<BadInputException>(() => method.Create(settings, resources)).Message,
                        StringComparison.Ordinal
                    );
                    continue;
                }
                Dictionary<string, string> short_ = new(settings);
                if (short_.ContainsKey("steps"))
                    short_["steps"] = "2";
                IEditor editor = method.Create(short_, resources);
                Assert.Equal(method.Name, editor.Name);
                using EditResult result = editor.Edit(_bed.Split, [_bed.Failure])[0];
                Assert.Equal(method.Name, result.Patch.Provenance.Method);
                Assert.Equal(_bed.Model.Fingerprint, result.Patch.Provenance.ModelFingerprint);
                Assert.True(result.Patch.Change.Parameters > 0 && result.Patch.Change.IsFinite, method.Name);
                Assert.Equal(
                    _bed.Split.Logits(_bed.State, result.Patch.Change).argmax(1).item<long>() == _bed.Label,
                    result.Success
                );
                // Several images at once.
                using EditResult several = editor.Edit(_bed.Split, [new Failure(two, _bed.Label)])[0];
                Assert.True(several.Patch.Change.IsFinite, method.Name);
                Assert.Equal(
                    _bed.Split.Logits(two, several.Patch.Change).argmax(1).eq(_bed.Label).all().item<bool>(),
                    several.Success
                );
                if (!method.Sequential)
                {
                    // It adds hidden units, of which the applied model has as many as a file can state.
                    using VitModel wider = PatchLedger.Apply(_bed.Model, [result.Patch]);
                    Assert.Equal(64, wider.Config.MlpWidth);
                    Assert.InRange(
                        TinyVit.MaxDifference(
                            wider.Logits(_bed.Pixels),
                            _bed.Split.Logits(_bed.State, result.Patch.Change)
                        ),
                        0,
                        1e-3
                    );
                    continue;
                }
                // Again, on the model that the edit left: what was prepared for the unedited one serves it.
                using VitModel left = PatchLedger.Apply(_bed.Model, [result.Patch]);
                Assert.NotEqual(_bed.Model.Fingerprint, left.Fingerprint);
                SplitVit edited = _bed.Split.Edited(left);
                using PrefixState state = edited.Rebase(_bed.State);
                using EditResult next = editor.Edit(edited, [new Failure(state, _bed.Label)])[0];
                Assert.Equal(left.Fingerprint, next.Patch.Provenance.ModelFingerprint);
            }
        }
        foreach (Preparation preparation in prepared.Values)
            preparation.Dispose();
    }

    [Fact]
    public void Unknown_methods_knobs_and_values_and_missing_preparations_are_named()
    {
        Assert.Contains("refinevit", Refused(() => Methods.Find("romeo")), StringComparison.Ordinal);
        Assert.Contains(
            "no setting keep",
            Refused(() => Methods.Find("ft").Create(new Dictionary<string, string> { ["keep"] = "1" }, new())),
            StringComparison.Ordinal
        );
        Assert.Contains(
            "not a number",
            Refused(() => Methods.Find("ft").Create(new Dictionary<string, string> { ["lr"] = "fast" }, new())),
            StringComparison.Ordinal
        );
        Assert.Contains(
            "'keys'",
            Refused(() => Methods.Find("rome").Create(new Dictionary<string, string>(), new())),
            StringComparison.Ordinal
        );

        static string Refused(Func<object> work) => Assert.Throws<BadInputException>(work).Message;
    }
}
