using Retouch.Locating;
using Retouch.Suffix;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Editing;

/// <summary>
/// Steepest descent in a metric on the rows of chosen units, any number of independent edits as one batch. A step
/// has a greatest length; one that leads away from the goal is halved; and the step that reaches the goal goes
/// back to the first point on its line that does.
/// </summary>
/// <param name="method">The editor's name.</param>
/// <param name="settings">All of its settings, for the provenance.</param>
/// <param name="newMetric">The metric for the rows of a session.</param>
/// <param name="rule">The goal.</param>
/// <param name="longest">A step's greatest length, the Euclidean norm over all matrices.</param>
/// <param name="maxSteps">Steps at most.</param>
/// <param name="precision">How exactly that first point is found, as a share of the step.</param>
/// <param name="onlyClass">Whether the loss's gradient is taken of what the matrices do to [CLS] alone.</param>
/// <param name="seed">The seed, for the provenance.</param>
sealed class MetricDescent(
    string method,
    IReadOnlyDictionary<string, string> settings,
    Func<EditSession, KfacMetric> newMetric,
    StopRule rule,
    double longest,
    int maxSteps,
    double precision,
    bool onlyClass,
    int seed
)
{
    const int MostHalvings = 8;
    const int MostRefinements = 8;

    // By how much a try overshoots the goal as the slope foretells it, and how near to it, in log-odds, is near enough.
    const double Overshoot = 1.5;
    const double Near = 0.05;

    public IReadOnlyList<EditResult> Run(
        SplitVit split,
        IReadOnlyList<Failure> failures,
        IReadOnlyList<UnitSelection> units,
        IProgress<EditProgress>? progress,
        CancellationToken cancellation
    )
    {
        EditResult?[] results = new EditResult?[failures.Count];
        Walk[] walks = [.. failures.Select(_ => new Walk())];
        // what was reached, and the direction from there
        RowBatch? batch = RowBatch.Of(split, failures, units, values: 2);
        KfacMetric metric = newMetric(batch.Session);
        try
        {
            while (batch is not null)
            {
                cancellation.ThrowIfCancellationRequested();
                using DisposeScope scope = NewDisposeScope();
                Walk[] own = [.. batch.Edits.Select(e => walks[e])];
                Tensor logits = Try(batch, [.. own.Select(w => w.Length)]);
                StopRule.Point[] points = rule.Judge(logits, batch);
                int[] met = [.. Where(b => points[b].IsMet)];
                int[] nearer = [.. Where(b => !points[b].IsMet && points[b].Gap > own[b].At.Gap)];
                int[] ended =
                [
                    .. Where(b =>
                        nearer.Contains(b)
                            ? own[b].Steps + 1 == maxSteps
                            : !met.Contains(b) && own[b].Halvings == MostHalvings
                    ),
                ];
                int[] stay = [.. Where(b => !met.Contains(b) && !ended.Contains(b))];
                progress?.Report(
                    new EditProgress(own.Max(w => w.Steps), maxSteps, stay.Length, points.Average(p => p.Loss))
                );

                Move(batch, [.. own.Select((w, b) => nearer.Contains(b) ? w.Length : 0)]);
                foreach (int b in nearer)
                    own[b].Reach(points[b]);
                foreach (int b in stay.Except(nearer))
                    own[b].Halve();
                foreach (int b in ended)
                    results[batch.Edits[b]] = Result(split, failures, batch, b, own[b]);
                if (met.Length > 0)
                {
                    using RowBatch found = batch.Select(met);
                    Refine(found, [.. met.Select(b => own[b])], [.. met.Select(b => points[b])], cancellation);
                    for (int i = 0; i < met.Length; i++)
                        results[found.Edits[i]] = Result(split, failures, found, i, own[met[i]]);
                }
                if (nearer.Intersect(stay).Any())
                    Turn(batch, own, [.. nearer.Intersect(stay)], batch.Gradients(logits, onlyClass), metric);
                if (stay.Length < batch.Count)
                {
                    RowBatch? rest = stay.Length > 0 ? batch.Select(stay) : null;
                    batch.Dispose();
                    metric.Dispose();
                    batch = rest;
                    if (batch is not null)
                        metric = newMetric(batch.Session);
                }

                IEnumerable<int> Where(Func<int, bool> holds) => Enumerable.Range(0, own.Length).Where(holds);
            }
            return results!;
        }
        catch
        {
            foreach (EditResult? result in results)
                result?.Dispose();
            throw;
        }
        finally
        {
            batch?.Dispose();
            metric.Dispose();
        }
    }

    EditResult Result(SplitVit split, IReadOnlyList<Failure> failures, RowBatch batch, int edit, Walk walk) =>
        Edits.Result(
            split,
            failures[batch.Edits[edit]],
            batch.Delta(edit),
            method,
            settings,
            seed,
            walk.Steps,
            walk.Losses,
            walk.At.IsRight
        );

    // The logits some way along each edit's direction.
    static Tensor Try(RowBatch batch, double[] lengths)
    {
        Tensor along = PerEdit(batch, lengths);
        batch.Session.SetDeltas([.. batch[0].Zip(batch[1], (reached, direction) => reached.Plus(direction * along))]);
        return batch.Session.Logits();
    }

    static void Move(RowBatch batch, double[] lengths)
    {
        Tensor along = PerEdit(batch, lengths);
        foreach ((Tensor reached, Tensor direction) in batch[0].Zip(batch[1]))
            reached.addcmul_(direction, along, Held(1));
    }

    // The direction of some edits from where they are now, of length 1, and how far to try it.
    void Turn(RowBatch batch, Walk[] walks, int[] some, Tensor[] gradients, KfacMetric metric)
    {
        Tensor[] descent = metric.Descent(gradients);
        Tensor norms = stack([.. descent.Select(d => d.Squared().sum([1, 2]))]).sum([0]).sqrt();
        Tensor slopes = stack([.. descent.Zip(gradients, (d, g) => (d * g).sum([1, 2]))]).sum([0]);
        float[] norm = norms.cpu().data<float>().ToArray();
        float[] slope = slopes.cpu().data<float>().ToArray();
        Tensor turned = PerEdit(batch, [.. norm.Select((_, b) => some.Contains(b) ? 1.0 : 0)]).gt(Held(0));
        Tensor scale = norms.clamp_min(Held(float.Epsilon)).reciprocal().view(-1, 1, 1);
        for (int m = 0; m < descent.Length; m++)
            batch[1][m].copy_(where(turned, descent[m] * scale, batch[1][m]));
        foreach (int b in some)
        {
            double perLength = -slope[b] / norm[b] * StopRule.LogOddsPerLoss(walks[b].At.Loss);
            walks[b].Length = perLength > 0 ? Math.Min(longest, Overshoot * -walks[b].At.Gap / perLength) : longest;
        }
    }

    // Regula falsi between the last point before the goal and one beyond it; every third time half the way, where one
    // end would not move.
    void Refine(RowBatch batch, Walk[] walks, StopRule.Point[] points, CancellationToken cancellation)
    {
        double[] low = new double[walks.Length];
        double[] high = [.. walks.Select(w => w.Length)];
        StopRule.Point[] before = [.. walks.Select(w => w.At)];
        StopRule.Point[] beyond = [.. points];
        for (int pass = 1; pass <= MostRefinements; pass++)
        {
            cancellation.ThrowIfCancellationRequested();
            using DisposeScope scope = NewDisposeScope();
            bool[] open = [.. walks.Select((w, b) => high[b] - low[b] > precision * w.Length && beyond[b].Gap > Near)];
            if (!open.Contains(true))
                break;
            double[] tried = [.. high];
            for (int b = 0; b < walks.Length; b++)
            {
                if (open[b])
                    tried[b] =
                        low[b]
                        + (high[b] - low[b])
                            * (
                                pass % 3 == 0
                                    ? 0.5
                                    : Math.Clamp(
                                        (Near / 2 - before[b].Gap) / (beyond[b].Gap - before[b].Gap),
                                        0.05,
                                        0.95
                                    )
                            );
            }
            StopRule.Point[] at = rule.Judge(Try(batch, tried), batch);
            for (int b = 0; b < walks.Length; b++)
            {
                if (open[b] && at[b].IsMet)
                    (high[b], beyond[b]) = (tried[b], at[b]);
                else if (open[b])
                    (low[b], before[b]) = (tried[b], at[b]);
            }
        }
        Move(batch, high);
        for (int b = 0; b < walks.Length; b++)
            walks[b].Arrive(beyond[b]);
    }

    static Tensor PerEdit(RowBatch batch, double[] values) =>
        tensor([.. values.Select(v => (float)v)], [values.Length, 1, 1], ScalarType.Float32, batch.Labels.device);

    /// <summary>How far one edit is.</summary>
    sealed class Walk
    {
        public List<float> Losses { get; } = [];

        /// <summary>The point that was reached; before the first pass one that any is nearer than.</summary>
        public StopRule.Point At { get; private set; } = new(float.NaN, false, false, double.NegativeInfinity);

        /// <summary>How far the next try goes.</summary>
        public double Length { get; set; }

        /// <summary>Directions taken.</summary>
        public int Steps { get; private set; } = -1;

        /// <summary>How often the step was too long.</summary>
        public int Halvings { get; private set; }

        public void Halve()
        {
            Length /= 2;
            Halvings++;
        }

        public void Reach(StopRule.Point point)
        {
            Arrive(point);
            Halvings = 0;
        }

        public void Arrive(StopRule.Point point)
        {
            At = point;
            Losses.Add(point.Loss);
            Steps++;
        }
    }
}
