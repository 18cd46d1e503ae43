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
        double below = SliceGroups.Below(images.SelectMany(i => i.Answers).Select(a => (double)a.Margin), settings);
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
        Tensor rows = SliceGroups.Directions(all, images.Select(i => i.Tokens));
        (IReadOnlyList<int> groups, IReadOnlyList<float> likeness, double bits) = SliceGroups.Of(
            rows,
            settings,
            cancellation
        );
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
            bits
        );
    }
}
