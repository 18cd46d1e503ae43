using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Retouch.Formats;
using Retouch.Images;
using Retouch.Vit;

namespace Retouch.Pretraining;

/// <summary>
/// How a ViT is trained from nothing: its architecture, AdamW, a schedule, and what is done to images. The
/// default architecture is that of the letters world's model.
/// </summary>
public sealed record PretrainingSettings
{
    const int MaxLength = 1 << 16;

    // Not source-generated: that would forget the defaults of what a file leaves out.
    static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    };

    /// <summary>One of <see cref="PretrainingFamilies.Names"/>; null for a plain ViT.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Family { get; init; }

    /// <summary>Height and width of the input in pixels, a multiple of <see cref="PatchSize"/>.</summary>
    public int ImageSize { get; init; } = 24;

    /// <summary>Height and width of a patch in pixels.</summary>
    public int PatchSize { get; init; } = 4;

    /// <summary>Width of a token, from 8 to 4096; a multiple of <see cref="Heads"/>.</summary>
    public int Width { get; init; } = 64;

    /// <summary>Transformer blocks, from 1 to 64.</summary>
    public int Depth { get; init; } = 12;

    /// <summary>Attention heads.</summary>
    public int Heads { get; init; } = 4;

    /// <summary>Hidden units of a feed-forward network, from 1 to 65536.</summary>
    public int MlpWidth { get; init; } = 256;

    /// <summary>How often each image is seen, at least 1.</summary>
    public int Epochs { get; init; } = 36;

    /// <summary>Images of a step, at least 1.</summary>
    public int Batch { get; init; } = 32;

    /// <summary>AdamW's largest step size, above 0.</summary>
    public double LearningRate { get; init; } = 5e-4;

    /// <summary>
    /// Epochs in which the step size rises to <see cref="LearningRate"/>; fewer than all, at least 0. Then it falls
    /// along a cosine to 0.
    /// </summary>
    public double WarmUpEpochs { get; init; } = 1;

    /// <summary>AdamW's decay of matrices, at least 0; biases, norms, tokens and positions are never decayed.</summary>
    public double WeightDecay { get; init; } = 0.05;

    /// <summary>The largest norm of a gradient, above 0; a longer one is shortened to it.</summary>
    public double ClipNorm { get; init; } = 1;

    /// <summary>The share of probability that goes to all classes alike, in [0,1).</summary>
    public double LabelSmoothing { get; init; } = 0.03;

    /// <summary>
    /// The share of images mixed with another, in [0,1]: half by mixup (Zhang et al., 2018), half by CutMix (Yun et
    /// al., 2019).
    /// </summary>
    public double MixShare { get; init; } = 0.05;

    /// <summary>α of the Beta distribution that mixup's weight comes from, above 0.</summary>
    public double MixAlpha { get; init; } = 0.3;

    /// <summary>How far images are changed, in [0,1]; see <see cref="RandAugment"/>.</summary>
    public double Augmentation { get; init; } = 0.25;

    /// <summary>
    /// Epochs in which <see cref="Augmentation"/> and <see cref="MixShare"/> rise from 0 to what they are, at least 0:
    /// a transformer finds what to look at sooner where images stand still.
    /// </summary>
    public double RampEpochs { get; init; } = 10;

    /// <summary>The seed of everything random.</summary>
    public int Seed { get; init; }

    /// <summary>
    /// Reads settings from a JSON object of their names in camel case; those that it leaves out keep their defaults.
    /// </summary>
    /// <exception cref="BadInputException">
    /// The file cannot be read, has an unknown setting, or one is out of range; the message names it.
    /// </exception>
    public static PretrainingSettings Load(string path)
    {
        ReadOnlyMemory<byte> json = InputFile.ReadJson(path, MaxLength);
        try
        {
            PretrainingSettings settings =
                JsonSerializer.Deserialize<PretrainingSettings>(json.Span, Json)
                ?? throw new JsonException("it is null");
            settings.Validate();
            return settings;
        }
        catch (JsonException e)
        {
            throw BadInput.Damaged(
                path,
                $"{path} holds no settings of a training ({JsonPlace.Describe(e, json.Span)}).",
                cause: e
            );
        }
        catch (BadInputException e)
        {
            throw e.At(path);
        }
    }

    /// <summary>The architecture.</summary>
    /// <param name="classes">The number of classes.</param>
    /// <exception cref="BadInputException">There is no such family, or none of these sizes.</exception>
    public VitConfig Architecture(int classes)
    {
        VitConfig plain = new()
        {
            ImageSize = ImageSize,
            PatchSize = PatchSize,
            Width = Width,
            Depth = Depth,
            Heads = Heads,
            MlpWidth = MlpWidth,
            Classes = classes,
            QkvBias = true,
        };
        return Family is null ? plain : PretrainingFamilies.Of(Family, plain);
    }

    /// <summary>The step size before a step.</summary>
    /// <param name="step">The number of steps done.</param>
    /// <param name="perEpoch">Steps an epoch.</param>
    public double Rate(long step, int perEpoch)
    {
        double warm = WarmUpEpochs * perEpoch;
        double total = (double)Epochs * perEpoch;
        return step < warm
            ? LearningRate * (step + 1) / warm
            : LearningRate / 2 * (1 + Math.Cos(Math.PI * Math.Min((step - warm) / (total - warm), 1)));
    }

    /// <summary>
    /// How much of <see cref="Augmentation"/> and <see cref="MixShare"/> there is at a step, in [0,1].
    /// </summary>
    /// <param name="step">The number of steps done.</param>
    /// <param name="perEpoch">Steps an epoch.</param>
    public double Ramp(long step, int perEpoch) => RampEpochs == 0 ? 1 : Math.Min(step / (RampEpochs * perEpoch), 1);

    /// <summary>Checks every setting's range.</summary>
    /// <exception cref="BadInputException">One is out of range; the message names it.</exception>
    public void Validate()
    {
        Require(ImageSize is >= 1 and <= 1024, "imageSize", ImageSize, "from 1 to 1024");
        Require(
            PatchSize >= 1 && ImageSize % PatchSize == 0,
            "patchSize",
            PatchSize,
            "at least 1 and divide imageSize"
        );
        Require(Width is >= 8 and <= 4096, "width", Width, "from 8 to 4096");
        Require(Depth is >= 1 and <= 64, "depth", Depth, "from 1 to 64");
        Require(Heads >= 1 && Width % Heads == 0, "heads", Heads, "at least 1 and divide width");
        Require(MlpWidth is >= 1 and <= 65536, "mlpWidth", MlpWidth, "from 1 to 65536");
        Require(Epochs is >= 1 and <= 1_000_000, "epochs", Epochs, "from 1 to 1000000");
        Require(Batch is >= 1 and <= 65536, "batch", Batch, "from 1 to 65536");
        Require(double.IsFinite(LearningRate) && LearningRate > 0, "learningRate", LearningRate, "above 0");
        Require(
            WarmUpEpochs >= 0 && WarmUpEpochs < Epochs,
            "warmUpEpochs",
            WarmUpEpochs,
            "at least 0 and below epochs"
        );
        Require(double.IsFinite(WeightDecay) && WeightDecay >= 0, "weightDecay", WeightDecay, "at least 0");
        Require(double.IsFinite(ClipNorm) && ClipNorm > 0, "clipNorm", ClipNorm, "above 0");
        Require(LabelSmoothing is >= 0 and < 1, "labelSmoothing", LabelSmoothing, "at least 0 and below 1");
        Require(MixShare is >= 0 and <= 1, "mixShare", MixShare, "from 0 to 1");
        Require(double.IsFinite(MixAlpha) && MixAlpha > 0, "mixAlpha", MixAlpha, "above 0");
        Require(double.IsFinite(RampEpochs) && RampEpochs >= 0, "rampEpochs", RampEpochs, "at least 0");
        _ = Architecture(2);
        Require(Augmentation is >= 0 and <= 1, "augmentation", Augmentation, "from 0 to 1");
    }

    /// <summary>The settings as one line of JSON, which <see cref="Load"/> reads.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, Json);

    static void Require(bool holds, string name, double value, string range)
    {
        if (!holds)
            throw BadInput.OutOfRange(
                name,
                $"{name} is {value.ToString("R", CultureInfo.InvariantCulture)}; it must be {range}."
            );
    }
}
