using System.Globalization;

namespace Retouch.Locating;

/// <summary>
/// The settings of <see cref="TargetMaskSolver"/>; the defaults are the published constants. Immutable.
/// </summary>
public sealed record TargetMaskSettings
{
    /// <summary>Steps on the mask's logits, at least 1.</summary>
    public int OuterSteps { get; init; } = 10;

    /// <summary>Steps on the weights before each of them, at least 1.</summary>
    public int InnerSteps { get; init; } = 5;

    /// <summary>Step size of the inner gradient descent, above 0.</summary>
    public double InnerLearningRate { get; init; } = 1e-3;

    /// <summary>
    /// Whether an inner step goes by the sign of the gradient, as RMSprop's first step does, that of the edit that
    /// the mask is for; published: no, plain gradient descent.
    /// </summary>
    public bool SignSteps { get; init; }

    /// <summary>
    /// Other views of the sample, with crops and CutMix boxes of their own, on which the outer loss is measured, at
    /// least 0: a unit is worth what its change does for them. Published: 0, the loss is that of the sample itself.
    /// </summary>
    public int Views { get; init; }

    /// <summary>
    /// Ordinary images, a sample, that a unit pays for disturbing, at least 0: its share of the sparsity term
    /// follows what its change, with all other changes of the inner loop's edit, adds to their divergence from
    /// their own prediction. Published: 0, all units pay alike.
    /// </summary>
    public int OrdinaryImages { get; init; }

    /// <summary>How much of a unit's price follows that, from 0 to 1; the rest is the same for all.</summary>
    public double Locality { get; init; } = 0.8;

    /// <summary>RMSprop's step size on the mask's logits, above 0.</summary>
    public double MaskLearningRate { get; init; } = 0.1;

    /// <summary>RMSprop's smoothing constant, in [0,1).</summary>
    public double Alpha { get; init; } = 0.99;

    /// <summary>What RMSprop adds to the root of the mean square, above 0.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>The temperature T at which predictions are compared, above 0.</summary>
    public double Temperature { get; init; } = 5;

    /// <summary>λ, the weight of the mean mask value in the outer loss, at least 0.</summary>
    public double Sparsity { get; init; } = 1;

    /// <summary>
    /// The share of units that are to earn their price, above 0 and below 1: each sample's sparsity term is then
    /// raised or lowered until that share does. Null, as published: one price for all samples.
    /// </summary>
    public double? Density { get; init; }

    /// <summary>
    /// The published number of samples a step, B, at least 1. Samples do not depend on each other, but the
    /// published losses are means over a batch, which leaves each sample λ/(B·units) of the sparsity term.
    /// </summary>
    public int Batch { get; init; } = 8;

    /// <summary>
    /// The mask logits' start is uniform between minus and plus this, at least 0; published: 1. At 0 a target
    /// does not depend on chance.
    /// </summary>
    public double StartRange { get; init; } = 1;

    /// <summary>
    /// A unit's share of the sparsity term is in proportion to this power of its <see cref="DiagonalFisher"/>
    /// information, what ordinary images need of it, scaled to a geometric mean of 1; at least 0. Published: 0,
    /// all units pay alike.
    /// </summary>
    public double FisherPower { get; init; }

    /// <summary>What the logits are multiplied by in the sigmoid while solving, above 0.</summary>
    public double MaskScale { get; init; } = 10;

    /// <summary>What the solved logits are multiplied by in the target's sigmoid, above 0.</summary>
    public double TargetScale { get; init; } = 3;

    /// <summary>Checks every setting's range.</summary>
    /// <exception cref="BadInputException">One is out of range; the message names it.</exception>
    public void Validate()
    {
        Require(OuterSteps >= 1, "number of outer steps", OuterSteps, "at least 1");
        Require(InnerSteps >= 1, "number of inner steps", InnerSteps, "at least 1");
        Require(
            double.IsFinite(InnerLearningRate) && InnerLearningRate > 0,
            "inner learning rate",
            InnerLearningRate,
            "above 0"
        );
        Require(Views is >= 0 and <= 64, "number of views", Views, "from 0 to 64");
        Require(OrdinaryImages is >= 0 and <= 64, "number of ordinary images", OrdinaryImages, "from 0 to 64");
        Require(Locality is >= 0 and <= 1, "share of locality", Locality, "from 0 to 1");
        Require(
            double.IsFinite(MaskLearningRate) && MaskLearningRate > 0,
            "mask learning rate",
            MaskLearningRate,
            "above 0"
        );
        Require(Alpha is >= 0 and < 1, "alpha", Alpha, "at least 0 and below 1");
        Require(double.IsFinite(Epsilon) && Epsilon > 0, "epsilon", Epsilon, "above 0");
        Require(double.IsFinite(Temperature) && Temperature > 0, "temperature", Temperature, "above 0");
        Require(double.IsFinite(Sparsity) && Sparsity >= 0, "sparsity weight", Sparsity, "at least 0");
        Require(Density is null or (> 0 and < 1), "density", Density ?? 0, "above 0 and below 1");
        Require(Batch >= 1, "batch", Batch, "at least 1");
        Require(double.IsFinite(StartRange) && StartRange >= 0, "start range", StartRange, "at least 0");
        Require(FisherPower is >= 0 and <= 10, "Fisher power", FisherPower, "from 0 to 10");
        Require(double.IsFinite(MaskScale) && MaskScale > 0, "mask scale", MaskScale, "above 0");
        Require(double.IsFinite(TargetScale) && TargetScale > 0, "target scale", TargetScale, "above 0");
    }

    /// <summary>The settings by name, as a provenance keeps them.</summary>
    public SortedDictionary<string, string> Describe() =>
        new(StringComparer.Ordinal)
        {
            ["outerSteps"] = Text(OuterSteps),
            ["innerSteps"] = Text(InnerSteps),
            ["innerLr"] = Text(InnerLearningRate),
            ["signSteps"] = SignSteps ? "yes" : "no",
            ["views"] = Text(Views),
            ["ordinaryImages"] = Text(OrdinaryImages),
            ["locality"] = Text(Locality),
            ["maskLr"] = Text(MaskLearningRate),
            ["alpha"] = Text(Alpha),
            ["eps"] = Text(Epsilon),
            ["temperature"] = Text(Temperature),
            ["sparsity"] = Text(Sparsity),
            ["density"] = Density is double share ? Text(share) : "free",
            ["batch"] = Text(Batch),
            ["startRange"] = Text(StartRange),
            ["fisherPower"] = Text(FisherPower),
            ["maskScale"] = Text(MaskScale),
            ["targetScale"] = Text(TargetScale),
            ["precision"] = "float32",
        };

    static string Text(double value) => value.ToString("R", CultureInfo.InvariantCulture);

    static void Require(bool holds, string name, double value, string range)
    {
        if (!holds)
            throw BadInput.OutOfRange(name, $"The {name} is {Text(value)}; it must be {range}.");
    }
}
