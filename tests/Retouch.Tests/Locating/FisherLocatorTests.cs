using Retouch.Cli;
using Retouch.Editing;
using Retouch.Locating;
using Retouch.Suffix;
using Retouch.Tests.Editing;
using static TorchSharp.torch;

namespace Retouch.Tests.Locating;

public sealed class FisherLocatorTests
{
    [Fact]
    public void Scores_are_gradients_over_fisher_information_as_autograd_on_the_plain_forward_gives_them()
    {
        using MethodBed bed = new();
        using Preparation fisher = bed.Prepare(new FisherStatistics());
        EditSpace space = bed.Split.Space;
        string[] names = [.. Enumerable.Range(0, space.Matrices).Select(space.MatrixName)];
        Dictionary<string, Tensor> weights = new(bed.Model.Tensors);
        foreach (string name in names)
            weights[name] = weights[name].clone().requires_grad_();
        Tensor loss = nn.functional.cross_entropy(bed.Model.Logits(bed.Pixels, weights), tensor([(long)bed.Label]));
        IList<Tensor> gradients = autograd.grad([loss], [.. names.Select(n => weights[n])]);
        float[] actual = new FisherLocator(fisher, damping: 0.3).Locate(bed.Split, bed.Failure).Values.ToArray();
        for (int m = 0; m < names.Length; m++)
        {
            Tensor information = fisher["fisher"][m];
            Tensor scores = gradients[m].norm(m % 2 == 0 ? 1 : 0) / (information + 0.3 * information.mean());
            float[] expected = (scores / scores.max()).data<float>().ToArray();
            for (int i = 0; i < expected.Length; i++)
                Assert.Equal(expected[i], actual[m * space.Hidden + i], 1e-4f);
        }
    }

    [Fact]
    public void The_statistics_are_the_mean_squares_of_the_drawn_labels_gradients()
    {
        using MethodBed bed = new(images: 5);
        using Preparation fisher = bed.Prepare(new FisherStatistics(seed: 3));
        Assert.Equal("5", fisher.Settings["images"]);
        // The same draws, on the plain forward with autograd.
        Random random = new(3);
        EditSpace space = bed.Split.Space;
        Tensor pixels = bed.OrdinaryPixels();
        Tensor sums = zeros([space.Matrices, space.Hidden]);
        for (int i = 0; i < 5; i++)
        {
            Dictionary<string, Tensor> weights = new(bed.Model.Tensors);
            Tensor[] leaves =
            [
                .. Enumerable
                    .Range(0, space.Matrices)
                    .Select(m => weights[space.MatrixName(m)] = weights[space.MatrixName(m)].clone().requires_grad_()),
            ];
            Tensor likely = nn.functional.log_softmax(bed.Model.Logits(pixels.narrow(0, i, 1), weights), 1)[0];
            double drawn = random.NextDouble();
            long label = likely.exp().to(ScalarType.Float64).cumsum(0).lt(drawn).sum().item<long>();
            IList<Tensor> gradients = autograd.grad([likely[label]], leaves);
            sums += stack([.. gradients.Select((g, m) => g.square().mean([m % 2 == 0 ? 1L : 0L]))]);
        }
        Assert.InRange(TinyVit.RelativeDifference(fisher["fisher"], sums / 5), 0, 1e-3);
    }

    [Fact]
    public void Kfacs_statistics_hold_the_same_information_of_more_draws()
    {
        using MethodBed bed = new(images: 5);
        using Preparation inputs = bed.Prepare(new InputStatistics(draws: 400));
        EditSpace space = bed.Split.Space;
        Tensor pixels = bed.OrdinaryPixels();
        Tensor expected = zeros([space.Matrices, space.Hidden]);
        for (int i = 0; i < 5; i++)
        {
            Dictionary<string, Tensor> weights = new(bed.Model.Tensors);
            Tensor[] leaves =
            [
                .. Enumerable
                    .Range(0, space.Matrices)
                    .Select(m => weights[space.MatrixName(m)] = weights[space.MatrixName(m)].clone().requires_grad_()),
            ];
            Tensor likely = nn.functional.log_softmax(bed.Model.Logits(pixels.narrow(0, i, 1), weights), 1)[0];
            for (int c = 0; c < likely.shape[0]; c++)
            {
                IList<Tensor> gradients = autograd.grad([likely[c]], leaves, retain_graph: true);
                expected +=
                    stack([.. gradients.Select((g, m) => g.square().mean([m % 2 == 0 ? 1L : 0L]))])
                    * likely[c].detach().exp()
                    / 5;
            }
        }
        Assert.InRange(TinyVit.RelativeDifference(inputs["fisher"], expected), 0, 0.1);
        // Statistics of before there was such a tensor are named, with what to do.
        using Preparation older = new(
            InputStatistics.Kind,
            bed.Split,
            inputs.Settings,
            inputs.Tensors.Where(t => t.Key != "fisher").ToDictionary(t => t.Key, t => t.Value.clone())
        );
        string message = RemedyText.Of(
            Assert.Throws<BadInputException>(() => new Kfac(older).Edit(bed.Split, [bed.Failure]))
        );
        Assert.Contains("fisher", message, StringComparison.Ordinal);
        Assert.Contains("retouch prepare", message, StringComparison.Ordinal);
    }
}
