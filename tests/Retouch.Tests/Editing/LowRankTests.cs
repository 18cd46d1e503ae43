using Retouch.Editing;
using Retouch.Locating;
using Retouch.Suffix;
using Retouch.Vit;
using static TorchSharp.torch;

namespace Retouch.Tests.Editing;

/// <summary>The methods whose change is of low rank: LoRA, ROME and AlphaEdit.</summary>
public sealed class LowRankTests
{
    [Fact]
    public void Lora_changes_queries_and_values_behind_the_cut_by_matrices_of_its_rank()
    {
        using MethodBed bed = new();
        using EditResult result = new Lora(new() { LearningRate = 0.03, Rank = 2 }).Edit(bed.Split, [bed.Failure])[0];
        Assert.True(result.Success);
        Assert.True(result.Losses[^1] < result.Losses[0]);
        TensorDelta delta = Assert.IsType<TensorDelta>(result.Patch.Change);
        Assert.Equal([.. Enumerable.Range(2, 3).Select(i => VitNames.Block(i, "attn.qkv.weight"))], delta.Names);
        foreach (string name in delta.Names)
        {
            Tensor change = delta.Apply(name, zeros(72, 24));
            Assert.Equal(2, linalg.matrix_rank(change.narrow(0, 0, 24)).item<long>());
            Assert.Equal(0, change.narrow(0, 24, 24).abs().max().item<float>());
            Assert.Equal(2, linalg.matrix_rank(change.narrow(0, 48, 24)).item<long>());
        }
    }

    [Fact]
    public void Lora_depends_on_its_seed_alone()
    {
        using MethodBed bed = new();
        float[][] losses =
        [
            .. ((int[])[3, 3, 4]).Select(seed =>
            {
                using EditResult result = new Lora(
                    new()
                    {
                        LearningRate = 0.03,
                        Seed = seed,
                        MaxSteps = 5,
                    }
                ).Edit(bed.Split, [bed.Failure])[0];
                return result.Losses.ToArray();
            }),
        ];
        Assert.Equal(losses[0], losses[1]);
        Assert.NotEqual(losses[0], losses[2]);
    }

    [Theory]
    [InlineData(4)] // the last block, where only [CLS] counts
    [InlineData(2)]
    public void Rome_gives_the_key_its_value_by_a_rank_one_change_against_the_keys_moment(int block)
    {
        using MethodBed bed = new();
        using Preparation keys = bed.Prepare(new KeyStatistics());
        RomeSettings settings = new()
        {
            Block = block,
            ClassShare = 0.25,
            Ridge = 1e-2,
            Value = new() { LearningRate = 0.3 },
        };
        using EditResult result = new Rome(keys, settings).Edit(bed.Split, [bed.Failure])[0];
        TensorChange change = Assert.Single(((TensorDelta)result.Patch.Change).Changes).Value;
        Tensor value = change.Tensors[0];
        Tensor direction = change.Tensors[1]; // [D,1], [1,H]
        Assert.Equal([24, 1], value.shape);
        Assert.True(result.Success);

        Tensor all = bed.Keys(bed.OrdinaryPixels(), block);
        Tensor tokens = (block == 4 ? all.narrow(1, 0, 1) : all).reshape(-1, 40);
        Tensor cls = all.select(1, 0);
        Tensor key = bed.Keys(bed.Pixels, block).select(1, 0).t(); // [H,1]
        Tensor moment = 0.25 * mm(cls.t(), cls) / cls.shape[0] + 0.75 * mm(tokens.t(), tokens) / tokens.shape[0];
        moment = moment + eye(40) * moment.diagonal().mean() * 1e-2;
        Tensor back = mm(moment, direction.t()); // C·C⁻¹k*
        Assert.InRange((back - key).abs().max().item<float>() / key.abs().max().item<float>(), 0, 1e-3);
        // On the last block nothing but [CLS] is read: what the value's search reached is what the edit gives.
        if (block == 4)
            Assert.Equal(result.Losses[^1], bed.Loss(result.Patch.Change), 1e-3);
    }

    [Fact]
    public void AlphaEdit_moves_the_edited_key_and_no_preserved_one()
    {
        const int block = 2;
        using MethodBed bed = new(images: 3); // 3·10 keys in 40 dimensions leave a null space
        using Preparation keys = bed.Prepare(new KeyStatistics());
        AlphaEditSettings settings = new()
        {
            NullEnergy = 1e-7,
            Regularization = 0,
            Value = new() { LearningRate = 0.3 },
        };
        using EditResult result = new AlphaEdit(keys, settings).Edit(bed.Split, [bed.Failure])[0];
        Tensor change = result.Patch.Change.Apply(VitNames.Block(block, "mlp.fc2.weight"), zeros(24, 40));
        double moved = Longest(mm(bed.Keys(bed.Pixels, block).select(1, 0), change.t()));
        double preserved = Longest(mm(bed.Keys(bed.OrdinaryPixels(), block).reshape(-1, 40), change.t()));
        Assert.True(moved > 0.1 && preserved < 1e-3 * moved, $"{moved} {preserved}");

        static double Longest(Tensor rows) => rows.norm(1).max().item<float>();
    }

    [Fact]
    public void AlphaEdit_with_every_direction_null_gives_the_value_that_was_sought()
    {
        using MethodBed bed = new();
        using Preparation keys = bed.Prepare(new KeyStatistics());
        using EditResult result = new AlphaEdit(
            keys,
            new()
            {
                Block = 4,
                NullEnergy = 1,
                Regularization = 0,
                Value = new() { LearningRate = 0.3 },
            }
        ).Edit(bed.Split, [bed.Failure])[0];
        Assert.True(result.Success);
        Assert.Equal(result.Losses[^1], bed.Loss(result.Patch.Change), 1e-3);
    }

    [Fact]
    public void Statistics_of_another_model_or_kind_and_blocks_before_the_cut_are_refused()
    {
        using MethodBed bed = new();
        using MethodBed other = new(first: 2, blocks: 1);
        using Preparation keys = bed.Prepare(new KeyStatistics());
        using Preparation memory = bed.Prepare(new QueryMemory());
        using Preparation elsewhere = other.Prepare(new KeyStatistics());
        Assert.Contains("'keys'", Refused(new Rome(memory)), StringComparison.Ordinal);
        Assert.Contains("blocks 2 to 2", Refused(new Rome(elsewhere)), StringComparison.Ordinal);
        Assert.Contains("Block 0", Refused(new Rome(keys, new() { Block = 0 })), StringComparison.Ordinal);

        string Refused(IEditor editor) =>
            Assert.Throws<BadInputException>(() => editor.Edit(bed.Split, [bed.Failure])).Message;
    }
}
