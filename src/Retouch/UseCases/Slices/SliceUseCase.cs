using Retouch.Measurement;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.UseCases;

/// <summary>
/// Where a model fails together, without labels: images that it is unsure of, grouped by what its last block sees of
/// them, and named by the classes that it wavers between.
/// </summary>
/// <param name="live">The model.</param>
public sealed class SliceUseCase(LiveModel live)
{
    /// <summary>Finds the slices.</summary>
    /// <param name="images">All images; those that the model is sure of say what is usual.</param>
    /// <param name="settings">How.</param>
    /// <param name="cancellation">Stops in the middle.</param>
    /// <returns>The slices; an image's number counts through <paramref name="images"/>.</returns>
    /// <exception cref="BadInputException">A setting is out of range.</exception>
    public SliceReport Run(
        IReadOnlyList<LiveImages> images,
        SliceSettings settings,
        CancellationToken cancellation = default
    )
    {
        settings.Validate();
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        float[] margins = [.. images.SelectMany(i => i.Answers).Select(a => a.Margin).Order()];
        int least = (int)(settings.Least * margins.Length);
        double below = least < margins.Length ? Math.Max(settings.Unsure, margins[least]) : double.PositiveInfinity;
        List<int> numbers = [];
        List<Tensor> tokens = [];
        int first = 0;
        foreach (LiveImages some in images)
        {
            int[] unsure = [.. Enumerable.Range(0, some.Count).Where(i => some.Answers[i].Margin < below)];
            if (unsure.Length > 0)
                tokens.Add(some.Tokens.index_select(0, tensor([.. unsure.Select(i => (long)i)])));
            numbers.AddRange(unsure.Select(i => first + i));
            first += some.Count;
        }
        if (numbers.Count < settings.Fewest)
            return new SliceReport([], numbers.Count, 0);
        Tensor all = cat([.. tokens], 0); // [N,D]
        Tensor rows = Features(all, images);
        using Clusters clusters = Clusters.Of(rows, settings.Fewest, settings.Most, settings.Seed, cancellation);
        (IReadOnlyList<int> groups, IReadOnlyList<float> likeness) = clusters.Assign(rows);
        return new SliceReport(
            [
                .. Enumerable
                    .Range(0, numbers.Count)
                    .GroupBy(i => groups[i])
                    .Where(g => 2 * g.Count() >= settings.Fewest)
                    .OrderByDescending(g => g.Count())
                    .ThenBy(g => g.First())
                    .Select(g =>
                    {
                        cancellation.ThrowIfCancellationRequested();
                        int[] members = [.. g.OrderByDescending(i => likeness[i]).ThenBy(i => i)];
                        return new Slice(
                            [.. members.Select(i => numbers[i])],
                            live.MeanOf(all.index_select(0, tensor([.. members.Select(i => (long)i)])), settings.Names),
                            members.Average(i => likeness[i])
                        );
                    }),
            ],
            numbers.Count,
            clusters.Bits
        );
    }

    // Directions from what is usual, with as much weight on each dimension as it varies; in the caller's scope.
    static Tensor Features(Tensor unsure, IReadOnlyList<LiveImages> images)
    {
        Tensor sum = zeros(unsure.shape[1], ScalarType.Float64);
        Tensor squares = zeros(unsure.shape[1], ScalarType.Float64);
        long count = 0;
        foreach (LiveImages some in images)
        {
            using DisposeScope each = NewDisposeScope();
            Tensor tokens = some.Tokens.to(ScalarType.Float64);
            sum.Plus_(tokens.sum([0]));
            squares.Plus_(tokens.Squared().sum([0]));
            count += some.Count;
        }
        Tensor mean = sum / Held(count);
        Tensor deviation = (squares / Held(count) - mean.Squared()).clamp_min(Held(1e-12)).sqrt();
        return Clusters.Unit((unsure - mean.to(ScalarType.Float32)) / deviation.to(ScalarType.Float32));
    }
}
