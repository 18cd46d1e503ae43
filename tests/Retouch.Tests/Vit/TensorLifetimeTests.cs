using Retouch.Suffix;
using Retouch.Vit;
using static TorchSharp.torch;

namespace Retouch.Tests.Vit;

/// <summary>Tests that count the living tensors of the whole process, so no other test may run beside them.</summary>
[CollectionDefinition(nameof(TensorLifetimeTests), DisableParallelization = true)]
[Collection(nameof(TensorLifetimeTests))]
public sealed class TensorLifetimeTests
{
    [Fact]
    public void Steps_leave_no_tensors_behind()
    {
        using VitModel model = TinyVit.Create();
        SplitVit split = new(model);
        using Tensor pixels = TinyVit.Pixels(model, 2);
        using PrefixState state = split.Prefix(pixels);
        using EditSession session = new(
            split,
            state,
            [TinyVit.RandomUnits(split.Space, 0.2, 0), TinyVit.RandomUnits(split.Space, 0.2, 1)]
        );
        Step();
        GC.Collect();
        GC.WaitForPendingFinalizers();
        long before = Tensor.TotalCount;
        for (int i = 0; i < 10; i++)
            Step();
        Assert.Equal(before, Tensor.TotalCount);

        void Step()
        {
            using Tensor logits = session.Logits();
            using Tensor upstream = ones_like(logits);
            foreach (Tensor gradient in session.Gradients(upstream))
                gradient.Dispose();
        }
    }
}
