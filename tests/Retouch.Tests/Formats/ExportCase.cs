using Retouch.Formats;
using Retouch.Images;
using Retouch.Patches;
using Retouch.Tests.Patches;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Tests.Formats;

/// <summary>
/// A small model of one kind, and how its images are made, to be exported and loaded by other libraries.
/// </summary>
sealed record ExportCase(VitConfig Config, Preprocessing Preprocessing, bool Edited = false)
{
    static readonly VitConfig s_plain = TinyVit.Variants["plain"];

    static readonly VitConfig s_average = s_plain with { Pooling = VitPooling.Average };

    /// <summary>The cases by name.</summary>
    public static IReadOnlyDictionary<string, ExportCase> All { get; } =
        new (string Name, VitConfig Config)[]
        {
            ("plain", s_plain),
            ("heads", s_plain with { Heads = 6 }),
            ("one head", s_plain with { Heads = 1, Depth = 1 }),
            ("quick-gelu", s_plain with { Activation = VitActivation.QuickGelu }),
            ("gelu-tanh", s_plain with { Activation = VitActivation.GeluTanh }),
            ("epsilon 1e-5", s_plain with { NormEpsilon = 1e-5 }),
            ("epsilon 1e-12", s_plain with { NormEpsilon = 1e-12 }),
            ("epsilon 1e-1", s_plain with { NormEpsilon = 0.1 }),
            ("image size", s_plain with { ImageSize = 20 }),
            ("patch 32", s_plain with { ImageSize = 64, PatchSize = 32 }),
            ("patch 14", s_plain with { ImageSize = 28, PatchSize = 14 }),
            ("one class", s_plain with { Classes = 1 }),
            ("two classes", s_plain with { Classes = 2 }),
            // 29 · (89 / 29) is 88.99999999999999.
            ("odd hidden units", s_plain with { Width = 29, Heads = 1, MlpWidth = 89 }),
            ("qkv without bias", s_plain with { QkvBias = false }),
            ("patches without bias", s_plain with { PatchBias = false }),
            ("no_embed_class", s_plain with { PrefixPositions = false }),
            ("fc_norm of [CLS]", s_plain with { NormAfterPooling = true }),
            ("layer scale", s_plain with { LayerScale = true }),
            ("pre-norm", s_plain with { PreNorm = true, PatchBias = false }),
            ("pre-norm and bias", s_plain with { PreNorm = true }),
            ("clip", TinyVit.Variants["clip"]),
            ("registers", s_plain with { Registers = 4 }),
            ("registers without positions", s_plain with { Registers = 4, PrefixPositions = false }),
            ("distilled", s_plain with { Registers = 1 }),
            ("distilled without positions", s_plain with { Registers = 1, PrefixPositions = false }),
            ("average", s_average with { ClassToken = false }),
            ("average, fc_norm", s_average with { ClassToken = false, NormAfterPooling = true }),
            ("average with [CLS]", s_average),
            ("average with [CLS], fc_norm", s_average with { NormAfterPooling = true }),
            ("average with [CLS], no_embed_class", s_average with { PrefixPositions = false, LayerScale = true }),
            ("average with registers", s_average with { ClassToken = false, Registers = 2, PrefixPositions = false }),
            ("average with [CLS] and registers", s_average with { Registers = 2, QkvBias = false }),
        }
            .Select((c, i) => (c.Name, Case: new ExportCase(c.Config, Transform(i, c.Config.ImageSize))))
            .Concat(
                (((string, VitConfig)[])[("edited", s_plain), ("edited average", s_average)]).Select(
                    (c, i) =>
                        (Name: c.Item1, Case: new ExportCase(c.Item2, Transform(i, c.Item2.ImageSize), Edited: true))
                )
            )
            .ToDictionary(c => c.Name, c => c.Case);

    /// <summary>The model, with a patch applied where the case says so.</summary>
    public VitModel Create()
    {
        VitModel model = TinyVit.Of(Config, seed: 3);
        if (!Edited)
            return model;
        using (model)
        using (Patch patch = PatchSamples.Random(model))
            return PatchLedger.Apply(model, [patch]);
    }

    /// <summary>
    /// Writes what a library must give for the case beside its exports: pixels and logits, and of each photo the pixels
    /// that the transform makes of it.
    /// </summary>
    public void WriteExpected(VitModel model, string path, IReadOnlyList<string> photos)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor pixels = TinyVit.Pixels(model, 2);
        (string, Tensor)[] tensors =
        [
            ("pixels", pixels),
            ("logits", model.Logits(pixels)),
            .. photos.Select(p => (Path.GetFileName(p), ImageLoader.LoadBatch([p], Preprocessing))),
        ];
        SafeTensorsWriter.Write(path, tensors, null, overwrite: true);
    }

    static Preprocessing Transform(int index, int size) =>
        (index % 7) switch
        {
            0 => Preprocessing.Inception(size, 0.9),
            1 => Preprocessing.ImageNet(size, 0.875),
            2 => Preprocessing.ImageNet(size, 1, Interpolation.Bilinear),
            3 => Preprocessing.Inception(size, 1) with { Squash = true },
            4 => Preprocessing.Inception(size, 0.8) with { Squash = true, Interpolation = Interpolation.Bilinear },
            5 => Preprocessing.ImageNet(size, 1.25),
            _ => Preprocessing.Inception(size, 1.25) with { Squash = true },
        };
}
