using Retouch.Suffix;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Reports;

/// <summary>
/// Which tokens of an image and which units of an edit brought about its effect. The effect is the gain in margin,
/// the logit of the right class less that of the wrong one. Along the way from the unedited to the edited weights,
/// W + α·Δ for α from 0 to 1, the margin changes by the gradient of what each edited matrix gives, at each token,
/// times what Δ adds there; integrated over α this is integrated gradients (Sundararajan, Taly, Yan, 2017) with
/// respect to the weights, taken apart by token and by unit. Both sets of numbers sum to the gain. Immutable.
/// </summary>
public sealed class EditContribution
{
    EditContribution(double before, double after, double[] tokens, int prefix, double[][] units) =>
        (Before, After, Tokens, Patches, Units) = (before, after, tokens, tokens[prefix..], units);

    /// <summary>The margin under the unedited model.</summary>
    public double Before { get; }

    /// <summary>The margin under the edited model.</summary>
    public double After { get; }

    /// <summary>
    /// What each token adds to the margin, <c>[T]</c>: [CLS] and registers first, then the patches row by row. Negative
    /// where the edit does harm.
    /// </summary>
    public IReadOnlyList<double> Tokens { get; }

    /// <summary>What each patch adds, row by row: <see cref="Tokens"/> without [CLS] and registers.</summary>
    public IReadOnlyList<double> Patches { get; }

    /// <summary>What each touched unit adds, matrix by matrix in the order of the delta's units.</summary>
    public IReadOnlyList<IReadOnlyList<double>> Units { get; }

    /// <summary>Takes an edit's effect on one image apart.</summary>
    /// <param name="split">The unedited model.</param>
    /// <param name="image">The image's prefix.</param>
    /// <param name="delta">The edit.</param>
    /// <param name="label">The right class.</param>
    /// <param name="wrong">The wrong class.</param>
    /// <param name="steps">Values of α, the midpoints of as many equal parts of the way; at least 1.</param>
    /// <exception cref="ArgumentException">The state is not of one image, or the delta is of another space.</exception>
    public static EditContribution Of(
        SplitVit split,
        PrefixState image,
        WeightDelta delta,
        int label,
        int wrong,
        int steps = 24
    )
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(steps, 1);
        if (image.Images != 1)
            throw new ArgumentException(
                $"The contribution of tokens is that of one image, not of {image.Images}.",
                nameof(image)
            );
        split.Require(image.Space);
        split.Require(delta.Space);
        EditSpace space = split.Space;
        using DisposeScope scope = NewDisposeScope();
        double[] tokens = new double[split.Model.Config.Tokens];
        double[][] units = [.. Enumerable.Range(0, space.Matrices).Select(m => new double[delta.Units[m].Length])];
        Tensor[] indices =
        [
            .. Enumerable.Range(0, space.Matrices).Select(m => delta.Indices(m, image.Residual.device)),
        ];
        Tensor[] changes =
        [
            .. Enumerable
                .Range(0, space.Matrices)
                .Select(m => delta.Apply(space.MatrixName(m), zeros_like(split.Model.Tensors[space.MatrixName(m)]))),
        ];
        for (int step = 0; step < steps; step++)
        {
            using DisposeScope pass = NewDisposeScope();
            using IDisposable grad = enable_grad();
            Dictionary<string, Tensor> weights = [];
            using (no_grad())
            {
                HeldNumber alpha = Held((step + 0.5) / steps);
                for (int m = 0; m < space.Matrices; m++)
                    weights[space.MatrixName(m)] = split.Model.Tensors[space.MatrixName(m)].Plus(changes[m] * alpha);
            }
            (Tensor[] inputs, Tensor[] gradients) = Gradients(split, image, weights, label, wrong);
            for (int m = 0; m < space.Matrices; m++)
            {
                if (units[m].Length == 0)
                    continue;
                // Of fc1 a unit is what it gives, of fc2 what it reads.
                Tensor rows = delta.Rows[m]; // [k,D]
                Tensor terms = space.Matrix(m).HasColumns
                    ? inputs[m].index_select(1, indices[m]) * gradients[m].matmul(rows.t())
                    : inputs[m].matmul(rows.t()) * gradients[m].index_select(1, indices[m]); // [M,k]
                Add(tokens, terms.sum([1]));
                Add(units[m], terms.sum([0]));
            }
        }
        return new EditContribution(
            Margin(null),
            Margin(delta),
            [.. tokens.Select(t => t / steps)],
            split.Model.Config.PrefixTokens,
            [.. units.Select(u => u.Select(c => c / steps).ToArray())]
        );

        double Margin(ModelDelta? edit)
        {
            using DisposeScope pass = NewDisposeScope();
            Tensor logits = split.Logits(image, edit)[0];
            return logits[label].item<float>() - logits[wrong].item<float>();
        }
    }

    /// <summary>
    /// What each matrix reads, <c>[M,in]</c>, and the margin's gradient with respect to what it gives, <c>[M,out]</c>;
    /// M is 1 in the last block.
    /// </summary>
    static (Tensor[] Inputs, Tensor[] Gradients) Gradients(
        SplitVit split,
        PrefixState image,
        Dictionary<string, Tensor> weights,
        int label,
        int wrong
    )
    {
        MatrixProbe probe = new(split.Space);
        AutogradSuffix suffix = new(split, weights, probe.Visit);
        Tensor logits = suffix.Logits(image);
        IList<Tensor> gradients = probe.Gradients(logits[0, label] - logits[0, wrong]);
        return ([.. probe.Inputs.Select(u => u.squeeze(0))], [.. gradients.Select(g => g.squeeze(0))]);
    }

    static void Add(double[] to, Tensor values)
    {
        // In the last block [CLS] stands alone, at the front of all.
        float[] numbers = [.. values.cpu().data<float>()];
        for (int i = 0; i < numbers.Length; i++)
            to[i] += numbers[i];
    }
}
