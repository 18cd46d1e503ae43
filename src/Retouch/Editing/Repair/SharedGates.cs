using Retouch.Optimizers;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Retouch.Editing;

/// <summary>
/// Gates that failing images share, one a class that is wanted: a multinomial logistic regression on what the last FFN
/// reads tells the images of each such class from ordinary ones and from right near ones, and a gate opens as far as
/// its logit is above none's, and raises its class along the class's direction (<see cref="LastFfn.Directions"/>).
/// </summary>
/// <remarks>
/// The regression is convex, so that there is one answer, which draws nothing at random. Its examples count alike:
/// failing images, right near ones as their own class or none, and ordinary ones as none, unless the model says one of
/// the wanted classes of them.
/// </remarks>
sealed class SharedGates(LastFfn ffn, RepairSettings settings)
{
    // How steeply a gate opens, and by how many logits a class is raised for one of the regression's.
    const double Drive = 10;
    const double Height = 20;

    const double FirstBias = -1;
    const double LeastSpread = 1e-6;

    /// <summary>Learns gates; in the caller's scope.</summary>
    /// <param name="failing">The images to correct.</param>
    /// <param name="near">Right images that are to stay right.</param>
    /// <param name="units">How many gates at most: the classes that most images want come first.</param>
    /// <param name="rightAreExamples">Whether right near images count for their class, or for none.</param>
    /// <param name="progress">Told after each step.</param>
    /// <param name="cancellation">Stops between steps.</param>
    public (GateUnits Gates, IReadOnlyList<float> Losses) Learn(
        RepairImages failing,
        RepairImages near,
        int units,
        bool rightAreExamples,
        IProgress<EditProgress>? progress,
        CancellationToken cancellation
    )
    {
        using DisposeScope scope = NewDisposeScope();
        int[] classes =
        [
            .. failing
                .Labels.GroupBy(l => l)
                .OrderByDescending(g => g.Count())
                .ThenBy(g => g.Key)
                .Select(g => g.Key)
                .Take(units),
        ];
        Tensor mean = ffn.Mean.to(ScalarType.Float64);
        Tensor spread = ffn.Ordinary.Queries.std(0, false).to(ScalarType.Float64).clamp_min(Held(LeastSpread));
        Tensor read = cat([ffn.Queries(failing.Residuals), ffn.Queries(near.Residuals), ffn.Ordinary.Queries], 0);
        Tensor inputs = (read.to(ScalarType.Float64) - mean) / spread; // [N,D]
        Tensor? within =
            !HeadTokens.AreOne(ffn.Model.Config) && ffn.Within is Tensor tokens
                ? tokens.to(ScalarType.Float64) / (spread.unsqueeze(1) * spread)
                : null; // [D,D]
        Tensor outputs = one_hot(
                tensor(Wanted(failing, near, classes, rightAreExamples), device: inputs.device),
                classes.Length + 1
            )
            .to(ScalarType.Float64); // [N,L+1], none first

        (int count, int width) = (classes.Length, (int)inputs.shape[1]);
        Tensor start = cat(
            [
                zeros([count, width], ScalarType.Float64, inputs.device),
                Filled([count, 1], Held(FirstBias), device: inputs.device).to(ScalarType.Float64),
            ],
            1
        );
        List<float> losses = [];
        Tensor found = Lbfgs
            .Minimize(
                start.flatten(),
                Fit,
                settings.Steps,
                (step, loss) =>
                {
                    losses.Add((float)loss);
                    progress?.Report(new EditProgress(step, settings.Steps, failing.Count, (float)loss));
                },
                cancellation
            )
            .view(count, width + 1);

        // x·K + b in what the FFN reads itself.
        Tensor keys = found.narrow(1, 0, width) / spread; // [L,D]
        Tensor shift = tensor([settings.Shift], device: keys.device);
        Tensor biases = found.select(1, width).Plus(shift) - mv(keys, mean); // [L]
        Tensor values = ffn.Unscaled(ffn.Directions(classes) * Held(Height / Drive)); // [L,D]
        GateUnits gates = new(
            (keys * Held(Drive)).to(ScalarType.Float32).MoveToOuterDisposeScope(),
            (biases * Held(Drive)).to(ScalarType.Float32).MoveToOuterDisposeScope(),
            values.MoveToOuterDisposeScope()
        );
        return (gates, losses);

        // The mean cross-entropy with a ridge on the keys, and its gradient.
        (double, Tensor) Fit(Tensor weights)
        {
            using DisposeScope each = NewDisposeScope();
            Tensor rows = weights.view(count, width + 1);
            Tensor of = rows.narrow(1, 0, width); // [L,D]
            Tensor logits = cat(
                [
                    zeros([inputs.shape[0], 1], ScalarType.Float64, inputs.device),
                    mm(inputs, of.t()).Plus(rows.select(1, width)),
                ],
                1
            ); // [N,L+1]
            Tensor logs = log_softmax(logits, 1);
            // Where several tokens of an image read a key, each for itself, they are to read alike.
            Tensor decayed = within is null ? of : of.Plus(mm(of, within));
            double loss =
                -(outputs * logs).sum().Number() / inputs.shape[0] + settings.Decay * (of * decayed).sum().Number();
            Tensor apart = (logs.exp() - outputs).narrow(1, 1, count) / Held(inputs.shape[0]); // [N,L]
            Tensor gradient = cat(
                [mm(apart.t(), inputs).Plus(decayed * Held(2 * settings.Decay)), apart.sum([0]).unsqueeze(1)],
                1
            );
            return (loss, gradient.flatten().MoveToOuterDisposeScope());
        }
    }

    // What each image is to be: 0 for none, else the place of its class, from 1.
    long[] Wanted(RepairImages failing, RepairImages near, int[] classes, bool rightAreExamples)
    {
        Dictionary<int, int> place = [];
        for (int c = 0; c < classes.Length; c++)
            place[classes[c]] = c + 1;
        Dictionary<int, int> accepted = new(place);
        for (int i = 0; i < failing.Count; i++)
            if (place.TryGetValue(failing.Labels[i], out int of))
                foreach (int other in failing.Accepted[i])
                    accepted.TryAdd(other, of);
        return
        [
            .. failing.Labels.Select(l => (long)place.GetValueOrDefault(l)),
            .. near.Labels.Select(l => rightAreExamples ? (long)accepted.GetValueOrDefault(l) : 0),
            .. ffn.Ordinary.Classes.cpu().data<long>().Select(c => (long)accepted.GetValueOrDefault((int)c)),
        ];
    }
}
