using Retouch.Locating;
using Retouch.Suffix;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Tests.Locating;

public sealed class LocatorTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void The_gradient_locator_averages_what_autograd_on_the_plain_forward_scores_for_each_image(int images)
    {
        using DisposeScope scope = NewDisposeScope();
        using VitModel model = TinyVit.Create(depth: 5);
        SplitVit split = new(model);
        Tensor pixels = TinyVit.Pixels(model, images);
        const int label = 2;

        Dictionary<string, Tensor> weights = model.Tensors.ToDictionary(t => t.Key, t => t.Value);
        string[] names = [.. Enumerable.Range(0, split.Space.Matrices).Select(split.Space.MatrixName)];
        foreach (string name in names)
            weights[name] = weights[name].clone().requires_grad_();
        float[] expected = new float[split.Space.Units];
        for (int i = 0; i < images; i++)
        {
            Tensor loss = nn.functional.cross_entropy(
                model.Logits(pixels.narrow(0, i, 1), weights),
                full(1, label, ScalarType.Int64)
            );
            IList<Tensor> gradients = autograd.grad([loss], [.. names.Select(n => weights[n])]);
            for (int m = 0; m < names.Length; m++)
            {
                Tensor norms = gradients[m].norm(split.Space.Matrix(m).Kind == FfnMatrix.Fc1 ? 1 : 0);
                float[] scores = [.. (norms / norms.max()).data<float>()];
                for (int u = 0; u < scores.Length; u++)
                    expected[m * scores.Length + u] += scores[u] / images;
            }
        }

        using PrefixState state = split.Prefix(pixels);
        Mask mask = new GradientLocator().Locate(split, new Failure(state, label));
        Assert.Equal(expected.Length, mask.Values.Length);
        for (int i = 0; i < expected.Length; i++)
            Assert.Equal(expected[i], mask.Values[i], 1e-4f);
    }

    [Fact]
    public void The_random_locator_depends_on_its_seed_alone()
    {
        using DisposeScope scope = NewDisposeScope();
        using VitModel model = TinyVit.Create();
        SplitVit split = new(model);
        using PrefixState state = split.Prefix(TinyVit.Pixels(model, 1));
        using PrefixState other = split.Prefix(TinyVit.Pixels(model, 1, seed: 8));
        float[] first = Values(7, state, 1);
        Assert.Equal(first, Values(7, other, 3));
        Assert.NotEqual(first, Values(8, state, 1));
        Assert.All(first, v => Assert.InRange(v, 0f, 1f));
        Assert.InRange(first.Average(), 0.4f, 0.6f);

        float[] Values(int seed, PrefixState s, int label) =>
            new RandomLocator(seed).Locate(split, new Failure(s, label)).Values.ToArray();
    }

    [Fact]
    public void The_locator_of_all_scores_every_unit_alike()
    {
        using DisposeScope scope = NewDisposeScope();
        using VitModel model = TinyVit.Create();
        SplitVit split = new(model);
        using PrefixState state = split.Prefix(TinyVit.Pixels(model, 1));
        Mask mask = new AllLocator().Locate(split, new Failure(state, 0));
        Assert.All(mask.Values.ToArray(), v => Assert.Equal(1f, v));
        Assert.Equal(split.Space.Units, mask.Keep(1).Count);
    }
}
