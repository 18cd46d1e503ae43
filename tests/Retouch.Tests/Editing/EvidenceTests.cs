using Retouch.Editing;
using Retouch.Locating;
using Retouch.Vit;
using static TorchSharp.torch;

namespace Retouch.Tests.Editing;

public sealed class EvidenceTests : IDisposable
{
    readonly MethodBed _bed = new(images: 40, first: 4, blocks: 1);
    readonly Preparation _memory;

    public EvidenceTests() => _memory = _bed.Prepare(new GateMemory());

    public void Dispose()
    {
        _memory.Dispose();
        _bed.Dispose();
    }

    [Fact]
    public void Evidence_is_the_log_odds_of_a_class_and_may_pass_over_another()
    {
        Tensor logits = log(
            tensor(
                new float[,]
                {
                    { 1, 2, 3, 4 },
                    { 4, 4, 1, 1 },
                }
            )
        );
        Assert.Equal([MathF.Log(2 / 8f), MathF.Log(4 / 6f)], Numbers(Evidence.For(logits, 1)), Close);
        Assert.Equal([MathF.Log(2 / 4f), MathF.Log(4 / 5f)], Numbers(Evidence.For(logits, 1, except: 3)), Close);
        // Of two classes the other always counts.
        Tensor two = logits.narrow(1, 0, 2);
        Assert.Equal([MathF.Log(1 / 2f), 0], Numbers(Evidence.For(two, 0, except: 1)), Close);
    }

    [Fact]
    public void The_direction_is_the_ridge_regression_of_evidence()
    {
        // Variances 4 and 1, no covariance: damped by 0.25 they are 4.25 and 1.25; the moments are 4·3 and 1·(−2).
        Tensor queries = tensor(
            new float[,]
            {
                { 3, 6 },
                { 3, 4 },
                { -1, 6 },
                { -1, 4 },
            }
        );
        Tensor evidence = queries.select(1, 0) * 3 - queries.select(1, 1) * 2 + 7;
        Assert.Equal([12 / 4.25f, -2 / 1.25f], Numbers(Evidence.Direction(queries, evidence)), Close);
    }

    [Fact]
    public void The_failing_image_reads_one_unless_it_hardly_shows_the_evidence()
    {
        Tensor queries = tensor(
            new float[,]
            {
                { 2, 0 },
                { -2, 0 },
            }
        );
        Tensor direction = tensor((float[])[0.5f, 0]);
        // It reads 5, or 0.5 where two standard deviations are 2.
        Assert.Equal([0.1f, 0], Numbers(Evidence.ToOne(direction, tensor((float[])[10, 3]), queries)), Close);
        Assert.Equal([0.25f, 0], Numbers(Evidence.ToOne(direction, tensor((float[])[1, 3]), queries)), Close);
        Assert.Equal([0.25f, 0], Numbers(Evidence.ToOne(direction, tensor((float[])[-10, 3]), queries)), Close);
    }

    [Fact]
    public void Without_evidence_the_key_is_likeness_alone()
    {
        Tensor key = Key(new() { Evidence = 0 });
        Tensor queries = GateMemory.Of(_memory, _bed.Split, "gate").Queries;
        Tensor likeness = _bed.Read(_bed.Pixels, 4)[0, 0] - queries.mean([0]);
        Assert.Equal(1, Cosine(key, likeness), 1e-5);
        Assert.InRange(Cosine(Key(new()), likeness), 0, 0.99);
    }

    [Fact]
    public void What_speaks_for_a_rare_wrong_class_counts_and_for_a_common_one_what_speaks_for_the_right_one()
    {
        OrdinaryTokens ordinary = GateMemory.Of(_memory, _bed.Split, "gate");
        Tensor logits = Evidence.Logits(_bed.Model, ordinary.Residuals);
        int wrong = (int)_bed.Split.Logits(_bed.State).argmax(1).item<long>();
        Tensor against = Evidence.Direction(ordinary.Queries, Evidence.For(logits, wrong));
        Tensor towards = Evidence.Direction(ordinary.Queries, Evidence.For(logits, _bed.Label, except: wrong));

        (double rareAgainst, double rareTowards) = Reads(zeros_like(ordinary.Classes) + _bed.Label);
        (double commonAgainst, double commonTowards) = Reads(zeros_like(ordinary.Classes) + wrong);
        Assert.True(rareAgainst > commonAgainst, $"{rareAgainst}, {commonAgainst}");
        Assert.True(commonTowards > rareTowards, $"{commonTowards}, {rareTowards}");

        // How far the key goes along either direction, with the model saying the same class of all ordinary images.
        (double Against, double Towards) Reads(Tensor classes)
        {
            using Preparation memory = new(
                GateMemory.Kind,
                _bed.Split,
                _memory.Settings,
                new Dictionary<string, Tensor> { ["residuals"] = _memory["residuals"].clone(), ["classes"] = classes }
            );
            Tensor key = Key(new(), memory);
            return (Cosine(key, against), Cosine(key, towards));
        }
    }

    Tensor Key(GateSettings settings, Preparation? memory = null)
    {
        using EditResult result = new Gate(memory ?? _memory, settings).Edit(_bed.Split, [_bed.Failure])[0];
        Tensor before = _bed.Weight(4, "mlp.fc1.weight");
        Tensor after = result.Patch.Change.Apply(VitNames.Block(4, "mlp.fc1.weight"), before);
        return after[(after - before).norm(1).argmax().item<long>()].clone();
    }

    static double Cosine(Tensor a, Tensor b) => (a.dot(b) / a.norm() / b.norm()).item<float>();

    static float[] Numbers(Tensor x) => [.. x.data<float>()];

    static bool Close(float a, float b) => Math.Abs(a - b) < 1e-4f;
}
