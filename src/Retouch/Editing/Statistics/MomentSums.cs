using System.Diagnostics;
using System.Globalization;
using Retouch.Locating;
using Retouch.Suffix;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Editing;

/// <summary>
/// Sums over rows x of x, and where wanted of x·xᵀ, by name, in float64: gathered from ordinary images chunk by
/// chunk, and kept in a checkpoint now and then, from which an interrupted preparation goes on to the same numbers.
/// Owns them.
/// </summary>
sealed class MomentSums : IDisposable
{
    static readonly TimeSpan SavedEvery = TimeSpan.FromSeconds(30);

    readonly Dictionary<string, Tensor> _products = [];
    readonly Dictionary<string, Tensor> _sums = [];
    readonly Dictionary<string, long> _counts = [];

    MomentSums() { }

    /// <summary>The images that were used.</summary>
    public int Images { get; private set; }

    /// <summary>
    /// Runs a pass over images that are spread evenly over the folders; the caller disposes the result.
    /// </summary>
    /// <param name="kind">The preparation's name, for the checkpoint.</param>
    /// <param name="settings">Everything that the result depends on beside the model, for the checkpoint.</param>
    /// <param name="split">The model.</param>
    /// <param name="images">The images.</param>
    /// <param name="most">How many images at most.</param>
    /// <param name="pass">Gets the prefix of a few images and adds what it finds.</param>
    /// <param name="checkpoint">The checkpoint's file; null for none.</param>
    /// <param name="progress">Told how many images are done; null to ignore.</param>
    /// <param name="cancellation">Stops between chunks.</param>
    public static MomentSums Gather(
        string kind,
        IReadOnlyDictionary<string, string> settings,
        SplitVit split,
        PreparationImages images,
        int most,
        Action<MomentSums, PrefixState> pass,
        string? checkpoint,
        IProgress<PreparationProgress>? progress,
        CancellationToken cancellation
    )
    {
        if (most < 1)
            throw BadInput.OutOfRange(null, $"The number of images is {most}; it must be at least 1.");
        MomentSums sums = new();
        try
        {
            int done =
                checkpoint is not null && File.Exists(checkpoint) ? sums.Resume(kind, settings, split, checkpoint) : 0;
            Stopwatch since = Stopwatch.StartNew();
            Told<PreparationProgress> told = new(p =>
            {
                done = p.Done;
                progress?.Report(p);
                if (checkpoint is not null && (cancellation.IsCancellationRequested || since.Elapsed > SavedEvery))
                {
                    sums.Save(kind, settings, split, checkpoint, done);
                    since.Restart();
                }
            });
            foreach (PrefixState state in images.States(split, most, told, done, cancellation))
            {
                using (state)
                using (NewDisposeScope())
                {
                    pass(sums, state);
                    sums.Images += state.Images;
                }
            }
            return sums;
        }
        catch
        {
            sums.Dispose();
            throw;
        }
    }

    /// <summary>Adds rows <c>[n,d]</c> to the second moment and the mean of a name.</summary>
    public void Add(string name, Tensor rows)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        Into(_products, name, mm(rows.t(), rows).cpu().to(ScalarType.Float64));
        AddToMean(name, rows);
    }

    /// <summary>Adds rows <c>[n,d]</c> to the mean of a name, which then has no second moment.</summary>
    public void AddToMean(string name, Tensor rows)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        _counts[name] = _counts.GetValueOrDefault(name) + rows.shape[0];
        Into(_sums, name, rows.to(ScalarType.Float64).sum([0]).cpu());
    }

    /// <summary>E[x·xᵀ], <c>[d,d]</c> float64; the caller disposes it.</summary>
    public Tensor Moment(string name) => _products[name] / Held(_counts[name]);

    /// <summary>E[x], <c>[d]</c> float64; the caller disposes it.</summary>
    public Tensor Mean(string name) => _sums[name] / Held(_counts[name]);

    public void Dispose()
    {
        foreach (Tensor tensor in _products.Values.Concat(_sums.Values))
            tensor.Dispose();
    }

    static void Into(Dictionary<string, Tensor> sums, string name, Tensor value)
    {
        if (sums.TryGetValue(name, out Tensor? sum))
        {
            if (!sum.shape.AsSpan().SequenceEqual(value.shape))
                throw BadInput.Mismatch(
                    name,
                    $"What was kept of the preparation's {name} is of another shape than this model's; delete the "
                        + ".partial file beside the output to begin anew."
                );
            sum.Plus_(value);
        }
        else
            sums[name] = value.clone().DetachFromDisposeScope();
    }

    void Save(string kind, IReadOnlyDictionary<string, string> settings, SplitVit split, string checkpoint, int done)
    {
        using DisposeScope scope = NewDisposeScope();
        Dictionary<string, Tensor> tensors = [];
        foreach ((string name, Tensor sum) in _sums)
            (tensors["sum." + name], tensors["count." + name]) = (
                sum.clone(),
                tensor([_counts[name]], ScalarType.Int64)
            );
        foreach ((string name, Tensor product) in _products)
            tensors["product." + name] = product.clone();
        Dictionary<string, string> all = new(settings) { ["done"] = Text(done), ["used"] = Text(Images) };
        using Preparation partial = new(kind + "-partial", split, all, tensors);
        partial.Save(checkpoint, overwrite: true);
    }

    int Resume(string kind, IReadOnlyDictionary<string, string> settings, SplitVit split, string checkpoint)
    {
        using Preparation partial = Preparation.Load(checkpoint);
        partial.Require(kind + "-partial", split);
        if (
            settings.Any(s => partial.Settings.GetValueOrDefault(s.Key) != s.Value)
            || !int.TryParse(partial.Settings.GetValueOrDefault("done"), out int done)
            || !int.TryParse(partial.Settings.GetValueOrDefault("used"), out int used)
            || done < 0
            || used < 0
        )
            throw BadInput.Mismatch(
                checkpoint,
                $"{checkpoint} holds the beginning of another preparation (other images or "
                    + "settings); delete it to begin anew."
            );
        using DisposeScope scope = NewDisposeScope();
        Images = used;
        foreach (string name in Of("sum."))
        {
            _sums[name] = partial.Shaped("sum." + name, -1).to(ScalarType.Float64).clone().DetachFromDisposeScope();
            Tensor count = partial["count." + name];
            _counts[name] =
                count.dtype == ScalarType.Int64 && count.NumberOfElements == 1 && count.item<long>() > 0
                    ? count.item<long>()
                    : throw BadInput.Damaged(
                        checkpoint,
                        $"{checkpoint} is damaged: the count of {name} is none; delete it to begin anew."
                    );
        }
        foreach (string name in Of("product."))
        {
            long size = partial.Shaped("sum." + name, -1).shape[0];
            _products[name] = partial
                .Shaped("product." + name, size, size)
                .to(ScalarType.Float64)
                .clone()
                .DetachFromDisposeScope();
        }
        return done;

        IEnumerable<string> Of(string part) =>
            partial.Tensors.Keys.Where(n => n.StartsWith(part, StringComparison.Ordinal)).Select(n => n[part.Length..]);
    }

    static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
