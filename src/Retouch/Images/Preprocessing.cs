using System.Text.Json;
using System.Text.Json.Serialization;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Images;

/// <summary>
/// How a model wants its images: timm's evaluation transform (resize the shorter side, centre crop,
/// normalize), equal to it bit for bit. Immutable; every way to make one checks its values and
/// throws <see cref="BadInputException"/> for one out of range.
/// </summary>
public sealed record Preprocessing
{
    static readonly JsonSerializerOptions TimmNames = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    };

    /// <summary>Creates the transform from timm's settings of the same names.</summary>
    public Preprocessing(
        int imageSize,
        double cropFraction,
        Interpolation interpolation,
        ChannelValues mean,
        ChannelValues std
    ) => (ImageSize, CropFraction, Interpolation, Mean, Std) = (imageSize, cropFraction, interpolation, mean, std);

    /// <summary>The side of the square that the model sees, in pixels, from 1 to 8192.</summary>
    public int ImageSize
    {
        get;
        init =>
            field = value is >= 1 and <= 8192
                ? value
                : throw BadInput.OutOfRange(null, $"The preprocessing's image size is {value}: give 1 to 8192 pixels.");
    }

    /// <summary>
    /// timm's crop_pct: which part of the resized shorter side the crop keeps, from 0.01 to 2.
    /// Above 1 the image gets a black frame.
    /// </summary>
    public double CropFraction
    {
        get;
        init =>
            field = value is >= 0.01 and <= 2
                ? value
                : throw BadInput.OutOfRange(
                    null,
                    $"The preprocessing's crop fraction is {value}: give a share of the shorter "
                        + "side from 0.01 to 2, as 0.9."
                );
    }

    /// <summary>The kernel of the resize.</summary>
    public Interpolation Interpolation
    {
        get;
        init =>
            field = Enum.IsDefined(value)
                ? value
                : throw BadInput.OutOfRange(
                    null,
                    $"The preprocessing's interpolation is {value}: give {nameof(Interpolation.Bilinear)} or "
                        + $"{nameof(Interpolation.Bicubic)}."
                );
    }

    /// <summary>What is subtracted from each channel after its values are scaled to 0..1.</summary>
    public ChannelValues Mean
    {
        get;
        init =>
            field = value.ToArray().All(x => float.IsFinite((float)x))
                ? value
                : throw BadInput.OutOfRange(null, $"The preprocessing's mean is {value}: give three finite numbers.");
    }

    /// <summary>What each channel is divided by thereafter, above 0.</summary>
    public ChannelValues Std
    {
        get;
        init =>
            field = value.ToArray().All(x => float.IsNormal((float)x) && x > 0)
                ? value
                : throw BadInput.OutOfRange(
                    null,
                    $"The preprocessing's standard deviation is {value}: give three numbers above 0."
                );
    }

    /// <summary>
    /// Whether both sides are resized to the same length whatever the image's were, timm's crop_mode "squash", as
    /// transformers' ViTs do.
    /// </summary>
    public bool Squash { get; init; }

    /// <summary>
    /// Which way up images are taken; <see cref="ImageOrientation.Stored"/> unless told otherwise, as timm and
    /// torchvision do.
    /// </summary>
    public ImageOrientation Orientation
    {
        get;
        init =>
            field = Enum.IsDefined(value)
                ? value
                : throw BadInput.OutOfRange(
                    null,
                    $"The preprocessing's orientation is {value}: give {nameof(ImageOrientation.Stored)} or "
                        + $"{nameof(ImageOrientation.Exif)}."
                );
    }

    /// <summary>
    /// What the shorter side, or where <see cref="Squash"/> is set both sides, are resized to, in pixels.
    /// </summary>
    public int ResizedSide => Math.Max((int)Math.Floor(ImageSize / CropFraction), 1);

    /// <summary>The transform of Inception-style checkpoints, as Google's AugReg: bicubic, mean and std 0.5.</summary>
    public static Preprocessing Inception(int imageSize, double crop) =>
        new(imageSize, crop, Interpolation.Bicubic, new ChannelValues(0.5), new ChannelValues(0.5));

    /// <summary>
    /// The transform with ImageNet's mean and std, as DeiT and torchvision: bicubic unless told otherwise.
    /// </summary>
    public static Preprocessing ImageNet(
        int imageSize,
        double crop,
        Interpolation interpolation = Interpolation.Bicubic
    ) =>
        new(
            imageSize,
            crop,
            interpolation,
            new ChannelValues(0.485, 0.456, 0.406),
            new ChannelValues(0.229, 0.224, 0.225)
        );

    /// <summary>The transform of CLIP: bicubic, with the mean and std of its own images.</summary>
    public static Preprocessing Clip(int imageSize) =>
        new(
            imageSize,
            1,
            Interpolation.Bicubic,
            new ChannelValues(0.48145466, 0.4578275, 0.40821073),
            new ChannelValues(0.26862954, 0.26130258, 0.27577711)
        );

    /// <summary>
    /// Reads an image file, the way up that <see cref="Orientation"/> says, at its own size: what <see cref="Apply"/>
    /// takes.
    /// </summary>
    /// <exception cref="BadInputException">The file is missing, unreadable, too large, truncated, damaged or of
    /// another format.</exception>
    public RgbImage Open(string path) => ImageDecoder.Load(path, Orientation);

    /// <summary>
    /// An image file as the model sees it, before the normalization: <see cref="Open"/> and <see cref="Apply"/>, within
    /// the memory that images share.
    /// </summary>
    /// <exception cref="BadInputException">As of <see cref="Open"/>.</exception>
    internal RgbImage Load(string path) => ImageDecoder.Load(path, Orientation, Apply);

    /// <summary>The same of an image that is changed at its own size before.</summary>
    internal RgbImage Load(string path, Func<RgbImage, RgbImage> change) =>
        ImageDecoder.Load(path, Orientation, image => Apply(change(image)));

    /// <summary>
    /// Resizes and crops to <see cref="ImageSize"/> square: what the model sees, before the normalization.
    /// </summary>
    public RgbImage Apply(RgbImage image)
    {
        long width = Squash || image.Width <= image.Height ? ResizedSide : ResizedLongerSide(image.Width, image.Height);
        long height =
            !Squash && image.Width <= image.Height ? ResizedLongerSide(image.Height, image.Width) : ResizedSide;
        (long left, int columns, int leftMargin) = CentreCrop(width);
        (long top, int rows, int topMargin) = CentreCrop(height);
        RgbImage crop = Resampler.Resize(
            image,
            ResampleKernel.Create(image.Width, 0, image.Width, width, left, columns, Interpolation),
            ResampleKernel.Create(image.Height, 0, image.Height, height, top, rows, Interpolation)
        );
        if (columns == ImageSize && rows == ImageSize)
        {
            return crop;
        }
        byte[] framed = new byte[ImageSize * ImageSize * 3];
        for (int y = 0; y < rows; y++)
        {
            crop.Pixels.Slice(y * columns * 3, columns * 3)
                .CopyTo(framed.AsSpan(((topMargin + y) * ImageSize + leftMargin) * 3));
        }
        return new RgbImage(ImageSize, ImageSize, framed);
    }

    /// <summary>
    /// The normalized tensor [B, 3, S, S], float32, of images that are <see cref="ImageSize"/> square already.
    /// The caller disposes it.
    /// </summary>
    /// <exception cref="ArgumentException">There is no image, or one of another size.</exception>
    public Tensor ToTensor(IReadOnlyList<RgbImage> images)
    {
        ArgumentOutOfRangeException.ThrowIfZero(images.Count, nameof(images));
        float[] batch = NewBatch(images.Count);
        float[] table = NormalizedLevels();
        for (int i = 0; i < images.Count; i++)
        {
            WriteNormalized(images[i], table, batch, i);
        }
        return ToTensor(batch);
    }

    /// <summary>As <see cref="ToTensor(IReadOnlyList{RgbImage})"/>, for one image: [1, 3, S, S].</summary>
    public Tensor ToTensor(RgbImage image) => ToTensor([image]);

    /// <summary>
    /// Pixels as bytes [B, 3, S, S], for example another program's, normalized to float32. The caller disposes both.
    /// </summary>
    /// <exception cref="ArgumentException">The tensor has another type or shape.</exception>
    public Tensor Normalize(Tensor pixels)
    {
        if (
            pixels.dtype != ScalarType.Byte
            || pixels.dim() != 4
            || pixels.shape[1] != 3
            || pixels.shape[2] != ImageSize
            || pixels.shape[3] != ImageSize
        )
        {
            throw new ArgumentException(
                $"The pixels are {pixels.dtype} [{string.Join(", ", pixels.shape)}], not Byte [B, 3, {ImageSize}, "
                    + $"{ImageSize}].",
                nameof(pixels)
            );
        }
        using DisposeScope scope = NewDisposeScope();
        Tensor mean = tensor(Mean.ToArray(), [3, 1, 1], ScalarType.Float32, pixels.device);
        Tensor std = tensor(Std.ToArray(), [3, 1, 1], ScalarType.Float32, pixels.device);
        return pixels.to(ScalarType.Float32).div(Held(255)).sub(mean).div(std).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// The settings as one line of JSON with the names of timm's pretrained_cfg, and an orientation, which timm has
    /// none of, where it is not the stored one.
    /// </summary>
    public string ToJson() =>
        JsonSerializer.Serialize(
            new TimmConfig(
                [3, ImageSize, ImageSize],
                CropFraction,
                Interpolation.ToString().ToLowerInvariant(),
                Mean.ToArray(),
                Std.ToArray(),
                Squash ? "squash" : null,
                Orientation == ImageOrientation.Stored ? null : Orientation.ToString().ToLowerInvariant()
            ),
            TimmNames
        );

    /// <summary>
    /// Reads <see cref="ToJson"/>'s text or a whole pretrained_cfg of timm, whose other settings are passed over.
    /// </summary>
    /// <param name="json">The text.</param>
    /// <param name="source">Where it comes from, for messages: a file's name.</param>
    /// <exception cref="BadInputException">
    /// The text is no JSON, or a setting is missing, out of range or not supported.
    /// </exception>
    public static Preprocessing FromJson(string json, string source = "preprocessing settings")
    {
        TimmConfig config;
        try
        {
            config = JsonSerializer.Deserialize<TimmConfig>(json, TimmNames) ?? throw new JsonException("it is null");
        }
        catch (JsonException e)
        {
            throw BadInput.Damaged(
                source,
                $"{source}: not the JSON of timm's pretrained_cfg ({JsonPlace.Describe(e, json)}).",
                cause: e
            );
        }
        if (config.InputSize is not [3, int height, int width] || height != width)
        {
            throw Unusable("input_size", "[3, S, S]");
        }
        if (config.CropMode is not (null or "center" or "squash"))
        {
            throw Unusable("crop_mode", "\"center\" or \"squash\", or leave it out");
        }
        Interpolation interpolation = config.Interpolation switch
        {
            "bicubic" => Interpolation.Bicubic,
            "bilinear" => Interpolation.Bilinear,
            _ => throw Unusable("interpolation", "\"bicubic\" or \"bilinear\""),
        };
        ImageOrientation orientation = config.Orientation switch
        {
            null or "stored" => ImageOrientation.Stored,
            "exif" => ImageOrientation.Exif,
            _ => throw Unusable("orientation", "\"stored\" or \"exif\", or leave it out"),
        };
        double crop = config.CropPct ?? throw Unusable("crop_pct", "a number, as 0.9");
        if (config.Mean is not [double meanRed, double meanGreen, double meanBlue])
        {
            throw Unusable("mean", "three numbers");
        }
        if (config.Std is not [double stdRed, double stdGreen, double stdBlue])
        {
            throw Unusable("std", "three numbers");
        }
        try
        {
            return new Preprocessing(
                height,
                crop,
                interpolation,
                new(meanRed, meanGreen, meanBlue),
                new(stdRed, stdGreen, stdBlue)
            )
            {
                Squash = config.CropMode == "squash",
                Orientation = orientation,
            };
        }
        catch (BadInputException e)
        {
            throw e.At(source);
        }

        BadInputException Unusable(string setting, string wanted) =>
            BadInput.Unsupported(setting, $"{source}: {setting} is missing or not supported: give {wanted}.");
    }

    /// <summary>The transform in one line for a person.</summary>
    public override string ToString() =>
        $"{(Orientation == ImageOrientation.Exif ? "turn upright by EXIF, " : "")}resize "
        + $"{(Squash ? "both sides" : "shorter side")} to {ResizedSide} "
        + $"{Interpolation.ToString().ToLowerInvariant()}, centre crop {ImageSize}, mean {Mean}, std {Std}";

    internal float[] NewBatch(int count)
    {
        long length = 3L * ImageSize * ImageSize * count;
        return length <= Array.MaxLength
            ? new float[length]
            : throw BadInput.TooLarge(
                null,
                $"{count} images of {ImageSize}x{ImageSize} do not fit one batch: load at most "
                    + $"{Array.MaxLength / (3 * ImageSize * ImageSize)} at a time."
            );
    }

    internal Tensor ToTensor(float[] batch) =>
        tensor(batch, [batch.Length / (3 * ImageSize * ImageSize), 3, ImageSize, ImageSize]);

    /// <summary>
    /// What each of the 256 levels of each channel becomes, with float32 operations in torchvision's order.
    /// </summary>
    internal float[] NormalizedLevels()
    {
        float[] table = new float[3 * 256];
        (double[] mean, double[] std) = (Mean.ToArray(), Std.ToArray());
        for (int i = 0; i < table.Length; i++)
        {
            table[i] = (i % 256 / 255f - (float)mean[i / 256]) / (float)std[i / 256];
        }
        return table;
    }

    /// <summary>
    /// Writes the image as the <paramref name="index"/>-th of the batch: planes, where the image interleaves.
    /// </summary>
    internal void WriteNormalized(RgbImage image, float[] table, float[] batch, int index)
    {
        if (image.Width != ImageSize || image.Height != ImageSize)
        {
            throw new ArgumentException(
                $"Image {index} is {image.Width}x{image.Height}, not {ImageSize}x{ImageSize}: "
                    + "apply the preprocessing first.",
                nameof(image)
            );
        }
        int plane = ImageSize * ImageSize;
        for (int channel = 0; channel < 3; channel++)
        {
            ReadOnlySpan<float> levels = table.AsSpan(channel * 256, 256);
            Span<float> to = batch.AsSpan((index * 3 + channel) * plane, plane);
            ReadOnlySpan<byte> pixels = image.Pixels[channel..];
            for (int i = 0; i < to.Length; i++)
            {
                to[i] = levels[pixels[i * 3]];
            }
        }
    }

    // torchvision's rule, which truncates. The product is exact, so the quotient rounds as Python's.
    long ResizedLongerSide(int longer, int shorter) => (long)((double)((long)ResizedSide * longer) / shorter);

    /// <summary>
    /// Which part of a side of <paramref name="size"/> the crop keeps, and how wide the frame before it is if the side
    /// is too short.
    /// </summary>
    (long Offset, int Count, int Margin) CentreCrop(long size) =>
        size < ImageSize
            ? (0, (int)size, (ImageSize - (int)size) / 2)
            // To even on a tie, as Python rounds.
            : ((long)Math.Round((size - ImageSize) / 2.0, MidpointRounding.ToEven), ImageSize, 0);

    sealed record TimmConfig(
        int[]? InputSize,
        double? CropPct,
        string? Interpolation,
        double[]? Mean,
        double[]? Std,
        string? CropMode,
        string? Orientation
    );
}
