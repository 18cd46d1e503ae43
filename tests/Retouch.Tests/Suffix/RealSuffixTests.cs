using Retouch.Formats;
using Retouch.Kernels;
using Retouch.Suffix;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Tests.Suffix;

public sealed class RealSuffixTests
{
    [Theory]
    [InlineData(0.05, true)]
    [InlineData(0.05, false)]
    [InlineData(1.0, true)]
    [InlineData(1.0, false)]
    public void Batched_edits_of_the_real_model_equal_the_plain_forward_and_its_autograd(double share, bool kernels)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable? without = kernels ? null : Engines.None();
        using ModelFile real = RealModel.Load();
        SplitVit split = new(real.Model);
        EditSpace space = split.Space;
        using SafeTensorsFile file = SafeTensorsFile.Open(SharedData.Require("golden", "vit_tiny_timm.safetensors"));
        Tensor pixels = real.Preprocessing.Normalize(file.Read("pixels_u8").narrow(0, 4, 3));
        using PrefixState state = split.Prefix(pixels);
        UnitSelection[] selections =
        [
            .. Enumerable
                .Range(0, 3)
                .Select(e => share == 1 ? UnitSelection.All(space) : TinyVit.RandomUnits(space, share, e)),
        ];
        using EditSession session = new(split, state, selections);
        // As large as the deltas that edits end with.
        Tensor[] deltas = TinyVit.RandomDeltas(session, 2e-3);
        session.SetDeltas(deltas);
        Tensor logits = session.Logits();
        Tensor upstream = TinyVit.Normal(7, logits.shape);
        Tensor[] gradients = session.Gradients(upstream);

        for (int e = 0; e < selections.Length; e++)
        {
            using WeightDelta delta = session.Delta(e, deltas);
            using WeightDelta gathered = session.Delta(e, gradients);
            (Tensor expected, var exact) = ExactPass.Of(
                real.Model,
                pixels.narrow(0, e, 1),
                delta,
                upstream.narrow(0, e, 1)
            );
            Assert.True(TinyVit.MaxDifference(logits.narrow(0, e, 1), expected) < 1e-4);
            using (PrefixState one = state.Select([e]))
                Assert.True(TinyVit.MaxDifference(split.Logits(one, delta), expected) < 1e-4);

            for (int m = 0; m < space.Matrices; m++)
                Assert.True(TinyVit.RelativeDifference(gathered.Rows[m], exact[m].Rows) < 1e-3);
        }
    }
}
