using System.Globalization;

namespace Retouch.Vit;

/// <summary>What a model's pass over images takes, estimated from its architecture alone. Immutable.</summary>
/// <param name="Bytes">
/// Bytes of memory an image: its pixels, the tokens of a block and their hidden units, and the biases of their pairs.
/// </param>
/// <param name="Operations">Floating-point operations an image, through all blocks.</param>
public sealed record VitCost(double Bytes, double Operations)
{
    // Of memory that images of one pass may take together: far above what they take at a usual size.
    const double Together = 2L << 30;

    // Of a core, as measured with float32 products of a ViT's sizes; a half to three times that elsewhere.
    const double OperationsPerSecond = 2e10;

    /// <summary>The estimate for an architecture.</summary>
    public static VitCost Of(VitConfig config)
    {
        double tokens = Tokens(config);
        double width = config.Width;
        double hidden = config.MlpWidth;
        double pixels = 3.0 * config.ImageSize * config.ImageSize;
        // The residual, what it becomes, normed tokens, queries, keys, values, what was mixed; hidden units twice.
        double bytes = sizeof(float) * (2 * pixels + tokens * (7 * width + 2 * hidden));
        if (config.Block.RelativePositions != RelativePositions.None)
            bytes += Enumerable.Range(0, config.Depth).Max(i => BiasBytes(config.At(i)));
        double block = tokens * (8 * width * width + 4 * width * hidden) + 4 * tokens * tokens * width;
        double operations = config.Depth * block + 2 * pixels * width;
        return new VitCost(bytes, operations);
    }

    /// <summary>Seconds an image on all cores, to the order of magnitude.</summary>
    public double Seconds => Operations / (OperationsPerSecond * Environment.ProcessorCount);

    /// <summary>How many images go through the model at once: fewer where the usual would take gigabytes.</summary>
    /// <param name="usual">The usual number.</param>
    public int ImagesTogether(int usual) => (int)Math.Clamp(Together / Bytes, 1, usual);

    /// <summary>Bytes of memory that a step of a training takes beside the weights: all blocks' values.</summary>
    /// <param name="config">The architecture.</param>
    /// <param name="batch">Images of a step.</param>
    public static double TrainingBytes(VitConfig config, int batch)
    {
        double tokens = Tokens(config);
        return sizeof(float)
            * (double)batch
            * (
                3.0 * config.ImageSize * config.ImageSize
                + config.Depth * tokens * (8.0 * config.Width + 2.0 * config.MlpWidth + config.Heads * tokens)
            );
    }

    /// <summary>The estimate for a person, as "2.8 GiB of memory and about 12 minutes".</summary>
    public override string ToString() => $"{MemoryNeed.Size(Bytes)} of memory and about {Time(Seconds)}";

    // Of each pair of tokens that attend to one another a bias a head, and its place in the table.
    static double BiasBytes(VitPlace place)
    {
        double tokens = (double)place.Grid * place.Grid;
        double keys = place.Window > 0 ? (double)place.Window * place.Window : tokens;
        return tokens * keys * (sizeof(float) * place.Heads + sizeof(long));
    }

    static double Tokens(VitConfig config) => (double)config.Grid * config.Grid + config.PrefixTokens;

    static string Time(double seconds)
    {
        (double value, string unit) = seconds switch
        {
            >= 172800 => (seconds / 86400, "days"),
            >= 7200 => (seconds / 3600, "hours"),
            >= 120 => (seconds / 60, "minutes"),
            _ => (seconds, "seconds"),
        };
        return string.Create(CultureInfo.InvariantCulture, $"{value:0.#} {unit}");
    }
}
