using System.Globalization;

namespace Retouch.Locating;

/// <summary>
/// The settings of <see cref="LocatorTraining"/>; the defaults are the published constants. Immutable.
/// </summary>
public sealed record LocatorTrainingSettings
{
    /// <summary>What the hypernetwork sees of a failure; published: the feature alone.</summary>
    public LocatorInput Input { get; init; }

    /// <summary>
    /// Whether masks rank units within their matrix; published: no. See <see cref="Hypernetwork.Balanced"/>.
    /// </summary>
    public bool Balanced { get; init; }

    /// <summary>
    /// Transformer blocks of the hypernetwork, at least 1: 5 in the paper, 3 in its published command line.
    /// </summary>
    public int Blocks { get; init; } = 3;

    /// <summary>Attention heads, at least 1; the largest number up to this that divides the width is taken.</summary>
    public int Heads { get; init; } = 6;

    /// <summary>The hidden width of its MLPs, at least 1, or null for the model's width, as published.</summary>
    public int? MlpWidth { get; init; }

    /// <summary>
    /// How far at least the solver of a sample that is learned started from the wanted prediction
    /// (<see cref="TargetSamples.AtLeast"/>): CutMix leaves many an image recognizable, and what is no failure says
    /// little about where failures are mended. At least 0; published: 0, all are learned. Part of the provenance;
    /// the caller chooses the samples.
    /// </summary>
    public double MinDivergence { get; init; }

    /// <summary>Samples of a step, at least 1.</summary>
    public int Batch { get; init; } = 8;

    /// <summary>RMSprop's first step size, above 0.</summary>
    public double LearningRate { get; init; } = 1e-4;

    /// <summary>Steps on each batch, at least 1.</summary>
    public int StepsPerBatch { get; init; } = 4;

    /// <summary>Batches after which the step size, falling along a cosine, reaches zero, at least 1.</summary>
    public int Schedule { get; init; } = 20_000;

    /// <summary>What the binary cross-entropy is multiplied by, above 0.</summary>
    public double LossScale { get; init; } = 0.1;

    /// <summary>RMSprop's smoothing constant, in [0,1).</summary>
    public double Alpha { get; init; } = 0.99;

    /// <summary>What RMSprop adds to the root of the mean square, above 0.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>The seed of the first weights and of the order of samples.</summary>
    public int Seed { get; init; }

    /// <summary>Checks every setting's range.</summary>
    /// <exception cref="BadInputException">One is out of range; the message names it.</exception>
    public void Validate()
    {
        Require(Enum.IsDefined(Input), "input", (int)Input, "one of the kinds that there are");
        Require(Blocks is >= 1 and <= 64, "number of hypernetwork blocks", Blocks, "from 1 to 64");
        Require(Heads is >= 1 and <= 256, "number of hypernetwork heads", Heads, "from 1 to 256");
        Require(MlpWidth is null or (>= 1 and <= 65536), "hypernetwork's MLP width", MlpWidth ?? 0, "from 1 to 65536");
        Require(double.IsFinite(MinDivergence) && MinDivergence >= 0, "least divergence", MinDivergence, "at least 0");
        Require(Batch is >= 1 and <= 4096, "batch", Batch, "from 1 to 4096");
        Require(double.IsFinite(LearningRate) && LearningRate > 0, "learning rate", LearningRate, "above 0");
        Require(StepsPerBatch >= 1, "number of steps a batch", StepsPerBatch, "at least 1");
        Require(Schedule >= 1, "length of the schedule", Schedule, "at least 1");
        Require(double.IsFinite(LossScale) && LossScale > 0, "loss scale", LossScale, "above 0");
        Require(Alpha is >= 0 and < 1, "alpha", Alpha, "at least 0 and below 1");
        Require(double.IsFinite(Epsilon) && Epsilon > 0, "epsilon", Epsilon, "above 0");
    }

    /// <summary>The step size of a batch: a cosine from <see cref="LearningRate"/> to zero.</summary>
    /// <param name="batch">The number of batches learned before it.</param>
    public double Rate(int batch) =>
        batch >= Schedule ? 0 : LearningRate / 2 * (1 + Math.Cos(Math.PI * batch / Schedule));

    /// <summary>The settings by name, as a provenance keeps them.</summary>
    public SortedDictionary<string, string> Describe() =>
        new(StringComparer.Ordinal)
        {
            ["input"] = Input.ToString(),
            ["balanced"] = Balanced ? "yes" : "no",
            ["blocks"] = Text(Blocks),
            ["heads"] = Text(Heads),
            ["mlpWidth"] = MlpWidth is int width ? Text(width) : "model",
            ["minDivergence"] = Text(MinDivergence),
            ["batch"] = Text(Batch),
            ["lr"] = Text(LearningRate),
            ["stepsPerBatch"] = Text(StepsPerBatch),
            ["schedule"] = Text(Schedule),
            ["lossScale"] = Text(LossScale),
            ["alpha"] = Text(Alpha),
            ["eps"] = Text(Epsilon),
            ["seed"] = Text(Seed),
            ["optimizer"] = "rmsprop",
        };

    static string Text(double value) => value.ToString("R", CultureInfo.InvariantCulture);

    static void Require(bool holds, string name, double value, string range)
    {
        if (!holds)
            throw BadInput.OutOfRange(name, $"The {name} is {Text(value)}; it must be {range}.");
    }
}
