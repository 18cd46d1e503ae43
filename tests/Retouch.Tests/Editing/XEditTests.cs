using Retouch.Editing;
using Retouch.Locating;
using Retouch.Optimizers;
using Retouch.Patches;
using Retouch.Suffix;
using Retouch.Vit;
using static TorchSharp.torch;

namespace Retouch.Tests.Editing;

public sealed class XEditTests : IDisposable
{
    const double Every = 1e6;

    readonly MethodBed _bed = new(first: 2, blocks: 3);
    readonly Preparation _keys;

    public XEditTests() => _keys = _bed.Prepare(new ClassKeys());

    public void Dispose()
    {
        _keys.Dispose();
        _bed.Dispose();
    }

    [Fact]
    public void What_is_prepared_are_moments_of_the_class_tokens_keys()
    {
        Assert.Equal(["blocks.2", "blocks.3", "blocks.4"], _keys.Tensors.Keys.Order(StringComparer.Ordinal));
        Assert.Equal("12", _keys.Settings["images"]);
        for (int block = 2; block < 5; block++)
        {
            Tensor keys = _bed.Keys(_bed.OrdinaryPixels(), block).select(1, 0);
            Assert.InRange(
                TinyVit.RelativeDifference(_keys[$"blocks.{block}"], mm(keys.t(), keys) / keys.shape[0]),
                0,
                1e-4
            );
        }
    }

    [Fact]
    public void The_null_space_is_spanned_by_eigenvectors_below_the_bound()
    {
        using Preparation keys = new(
            ClassKeys.Kind,
            _bed.Split,
            new Dictionary<string, string>(),
            new Dictionary<string, Tensor> { ["blocks.2"] = diag(tensor((float[])[0.5f, 0.001f, 0.02f])) }
        );
        Assert.Equal(
            (float[])[0, 0, 0, 0, 1, 0, 0, 0, 0],
            ClassKeys.Projection(keys, 2, 3, 0.01).data<float>().Select(v => MathF.Round(v, 5))
        );
        Assert.Equal(2, ClassKeys.Projection(keys, 2, 3, 0.03).trace().item<float>(), 1e-5f);
        Assert.Contains(
            "block 2's keys",
            Assert.Throws<BadInputException>(() => ClassKeys.Projection(keys, 2, 3, 1e-4)).Message,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void The_change_is_the_closed_form()
    {
        // K = (1, 2, 0), P without the first direction, λ = 1: PK/(KᵀPK + 1)·R = (0, 2, 0)/5·6.
        (Tensor left, Tensor right) = XEdit.Change(
            tensor((float[])[1, 2, 0]).unsqueeze(0),
            tensor((float[])[6]).unsqueeze(0),
            diag(tensor((float[])[0, 1, 1])),
            1
        );
        Assert.Equal((float[])[0, 2.4f, 0], mm(left, right).data<float>().Select(v => MathF.Round(v, 5)));

        // And as published, (P·K·Kᵀ + λ·I)·Δ = P·K·Rᵀ, of three images in ten dimensions.
        Tensor keys = TinyVit.Normal(1, 3, 10).to(ScalarType.Float64);
        Tensor missing = TinyVit.Normal(2, 3, 4).to(ScalarType.Float64);
        (Tensor basis, Tensor _) = linalg.qr(TinyVit.Normal(3, 10, 6).to(ScalarType.Float64));
        Tensor projection = mm(basis, basis.t());
        Tensor projected = mm(projection, keys.t());
        Tensor published = linalg.solve(
            mm(projected, keys) + 0.3 * eye(10, dtype: ScalarType.Float64),
            mm(projected, missing)
        );
        (left, right) = XEdit.Change(
            keys.to(ScalarType.Float32),
            missing.to(ScalarType.Float32),
            projection.to(ScalarType.Float32),
            0.3
        );
        Assert.InRange(TinyVit.RelativeDifference(mm(left, right), published.t().to(ScalarType.Float32)), 0, 1e-4);
    }

    [Fact]
    public void Beside_earlier_keys_the_change_is_the_published_one_too()
    {
        // K = (1, 2, 0), an earlier (1, 0, 0), λ = 1: ((3, 2), (2, 5))·Δ = (1, 2)·11 gives (1, 4).
        (Tensor left, Tensor right) = XEdit.Change(
            tensor((float[])[1, 2, 0]).unsqueeze(0),
            tensor((float[])[11]).unsqueeze(0),
            eye(3),
            1,
            tensor((float[])[1, 0, 0]).unsqueeze(0)
        );
        Assert.Equal((float[])[1, 4, 0], mm(left, right).data<float>().Select(v => MathF.Round(v, 4)));

        // (P·(K·Kᵀ + ΣK₁·K₁ᵀ) + λ·I)·Δ = P·K·Rᵀ after two earlier edits, of three and two images.
        Tensor keys = TinyVit.Normal(1, 3, 10).to(ScalarType.Float64);
        Tensor missing = TinyVit.Normal(2, 3, 4).to(ScalarType.Float64);
        (Tensor basis, Tensor _) = linalg.qr(TinyVit.Normal(3, 10, 6).to(ScalarType.Float64));
        Tensor projection = mm(basis, basis.t());
        Tensor first = TinyVit.Normal(4, 3, 10);
        Tensor second = TinyVit.Normal(5, 2, 10);
        KeySum sum = KeySum.Plus(KeySum.Plus(null, first), second);
        Tensor both = cat([first, second], 0).to(ScalarType.Float64);
        foreach (double regularization in (double[])[0.3, 1e-4])
        {
            Tensor published = linalg.solve(
                mm(projection, mm(keys.t(), keys) + mm(both.t(), both))
                    + regularization * eye(10, dtype: ScalarType.Float64),
                mm(projection, mm(keys.t(), missing))
            );
            (left, right) = XEdit.Change(
                keys.to(ScalarType.Float32),
                missing.to(ScalarType.Float32),
                projection.to(ScalarType.Float32),
                regularization,
                sum.Factor
            );
            Assert.InRange(TinyVit.RelativeDifference(mm(left, right), published.t().to(ScalarType.Float32)), 0, 1e-3);
        }
    }

    [Fact]
    public void A_sum_of_keys_is_exact_and_stops_growing()
    {
        Tensor keys = TinyVit.Normal(1, 60, 8);
        KeySum? sum = null;
        for (int edit = 0; edit < 30; edit++)
        {
            Tensor own = keys.narrow(0, 2 * edit, 2);
            sum = KeySum.Plus(sum, own);
            Assert.Equal(Math.Min(2 * (edit + 1), 8), sum.Factor.shape[0]);
            Tensor seen = keys.narrow(0, 0, 2 * (edit + 1));
            Assert.InRange(TinyVit.RelativeDifference(mm(sum.Factor.t(), sum.Factor), mm(seen.t(), seen)), 0, 1e-5);
        }
    }

    [Fact]
    public void A_next_edit_keeps_away_from_the_keys_of_the_edits_that_the_model_carries()
    {
        XEditSettings settings = new() { NullBound = Every, MaxChange = 2 };
        using EditResult first = new XEdit(_keys, settings).Edit(_bed.Split, [_bed.Failure])[0];
        string name = VitNames.Block(2, "mlp.fc2.weight");
        Assert.Equal([2L, 3, 4], first.Patch.Keys.Keys.Order(StringComparer.Ordinal).Select(n => (long)(n[7] - '0')));
        Tensor key = _bed.Keys(_bed.Pixels, 2).select(1, 0);
        Assert.InRange(TinyVit.RelativeDifference(first.Patch.Keys[name], key), 0, 1e-5);
        string path = _bed.FilePath("first.patch");
        PatchFile.Save(first.Patch, path, overwrite: false);
        using Patch loaded = PatchFile.Load(path);

        (float carried, EditHistory history) = Moved([first.Patch]);
        (float read, EditHistory _) = Moved([loaded]);
        (float forgotten, EditHistory none) = Moved([new Patch(first.Patch.Change, first.Patch.Provenance)]);
        Assert.Equal(carried, read);
        Assert.Empty(none.Keys);
        Assert.Equal(3, history.Keys.Count);
        Assert.True(carried < 1e-3 * forgotten && forgotten > 1e-3, $"{carried} {forgotten}");

        // How far a second edit moves what block 2 gives for the first's image; and what is known after it.
        (float Moved, EditHistory After) Moved(IReadOnlyList<Patch> patches)
        {
            using VitModel edited = PatchLedger.Apply(_bed.Model, patches);
            SplitVit next = new(edited, _bed.Split.Space);
            using PrefixState state = next.Prefix(TinyVit.Pixels(_bed.Model, 1, seed: 9));
            using EditResult second = new XEdit(_keys, settings).Edit(next, [new Failure(state, 0)])[0];
            using VitModel twice = PatchLedger.Apply(edited, [second.Patch]);
            if (EditHistory.Of(edited).Keys.Count > 0)
                Assert.Equal(2, EditHistory.Of(twice).Keys[name].Factor.shape[0]);
            Tensor change = second.Patch.Change.Apply(name, zeros(24, 40));
            return (mm(key, change.t()).norm().item<float>(), EditHistory.Of(edited));
        }
    }

    [Fact]
    public void The_last_layer_reaches_its_target_where_every_direction_is_null()
    {
        XEditSettings settings = new()
        {
            NullBound = Every,
            Regularization = 1e-9,
            MaxSteps = 5,
            MaxChange = 2,
        };
        using EditResult result = new XEdit(_keys, settings).Edit(_bed.Split, [_bed.Failure])[0];
        Assert.Equal((15, 15), (result.Steps, result.Losses.Count));
        // Each layer's target is found alone, under the unedited model.
        Assert.Equal(result.Losses[0], result.Losses[5]);
        Assert.Equal(result.Losses[0], result.Losses[10]);

        // The last one's, by autograd on the plain suffix.
        MatrixProbe probe = new(_bed.Split.Space);
        using (no_grad())
            new AutogradSuffix(_bed.Split, visit: probe.Visit).Logits(_bed.State);
        Tensor before = probe.Output(4, FfnMatrix.Fc2).select(1, 0);
        Tensor change = zeros_like(before, requires_grad: true);
        AutogradSuffix moved = new(
            _bed.Split,
            visit: (point, block, value) =>
                block == 4 && point == SuffixPoint.FfnOutput ? value + change.unsqueeze(1) : value
        );
        using Adam adam = new([change]);
        for (int step = 0; step < 5; step++)
        {
            Tensor likely = nn.functional.log_softmax(moved.Logits(_bed.State), 1)[0, _bed.Label];
            Assert.Equal(-likely.item<float>(), result.Losses[10 + step], 1e-3f);
            adam.Step([.. autograd.grad([0.01 * change.square().sum() - likely], [change])], 0.1);
        }
        using IDisposable noGrad = no_grad();
        Assert.True(change.norm().item<float>() < 2 * before.norm().item<float>());
        ModelDelta delta = result.Patch.Change;
        Assert.Equal([.. Enumerable.Range(2, 3).Select(b => VitNames.Block(b, "mlp.fc2.weight"))], delta.Names);
        Dictionary<string, Tensor> edited = delta.Names.ToDictionary(
            n => n,
            n => delta.Apply(n, _bed.Model.Tensors[n])
        );
        new AutogradSuffix(_bed.Split, edited, probe.Visit).Logits(_bed.State);
        Assert.InRange(
            TinyVit.RelativeDifference(probe.Output(4, FfnMatrix.Fc2).select(1, 0), before + change),
            0,
            1e-3
        );
    }

    [Fact]
    public void A_change_of_a_value_is_no_longer_than_its_share_of_it()
    {
        double[] lengths =
        [
            .. ((double[])[0.01, 0.1, 1]).Select(share =>
            {
                using EditResult result = new XEdit(_keys, new() { NullBound = Every, MaxChange = share }).Edit(
                    _bed.Split,
                    [_bed.Failure]
                )[0];
                using Tensor zero = zeros(24, 40);
                return (double)result.Patch.Change.Apply("blocks.2.mlp.fc2.weight", zero).norm().item<float>();
            }),
        ];
        Assert.Equal(10 * lengths[0], lengths[1], 1e-3 * lengths[1]);
        Assert.True(lengths[2] > lengths[1]);
    }

    [Fact]
    public void Ordinary_keys_outside_the_null_space_stay_where_they_are()
    {
        // Twelve keys in 40 dimensions leave a null space.
        using EditResult result = new XEdit(_keys, new() { NullBound = 1e-5, MaxChange = 4 }).Edit(
            _bed.Split,
            [_bed.Failure]
        )[0];
        Tensor change = result.Patch.Change.Apply("blocks.2.mlp.fc2.weight", zeros(24, 40));
        float moved = Longest(_bed.Pixels);
        float preserved = Longest(_bed.OrdinaryPixels());
        Assert.True(moved > 1e-3 && preserved < 0.02 * moved, $"{moved} {preserved}");

        float Longest(Tensor pixels) => mm(_bed.Keys(pixels, 2).select(1, 0), change.t()).norm(1).max().item<float>();
    }
}
