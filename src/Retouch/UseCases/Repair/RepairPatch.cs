using Retouch.Editing;
using Retouch.Formats;
using Retouch.Locating;
using Retouch.Patches;
using Retouch.Suffix;
using static TorchSharp.torch;

namespace Retouch.UseCases;

/// <summary>What a repair writes.</summary>
/// <param name="Model">The unedited model.</param>
/// <param name="Labels">The names of its classes.</param>
/// <param name="Settings">How it was repaired.</param>
/// <param name="Corrected">The images that are right by it: file, SHA-256 of its bytes, and the class it gives.</param>
sealed record RepairPatch(
    ModelFile Model,
    LabelSet Labels,
    RepairSettings Settings,
    IReadOnlyList<(string Path, string Sha256, int Label)> Corrected
)
{
    /// <summary>What the last FFN gets of each, <c>[n,D]</c>; null where later patches cannot use it.</summary>
    public Tensor? Tokens { get; init; }

    /// <summary>The seed of everything random.</summary>
    public int Seed { get; init; }

    /// <summary>What was learned of ordinary images, in one line; null where it was at hand.</summary>
    public string? Statistics { get; init; }

    /// <summary>The patches that the edited model carried, by what they change.</summary>
    public IReadOnlyList<string> On { get; init; } = [];

    /// <summary>What was measured.</summary>
    public required PatchMeasurements Measurements { get; init; }

    /// <summary>Writes it.</summary>
    /// <param name="change">What the repair changes; not owned.</param>
    /// <param name="output">The file.</param>
    /// <param name="overwrite">Whether one that is there may be replaced.</param>
    /// <exception cref="BadInputException">The file exists or cannot be written.</exception>
    public void Write(TensorDelta change, string output, bool overwrite)
    {
        using Tensor? tokens = Tokens?.to(ScalarType.Float16);
        PatchProvenance made = new()
        {
            ModelFingerprint = Model.Model.Fingerprint,
            Images =
            [
                .. Corrected.Select(i =>
                    PatchOrigin.Image(i.Path, i.Sha256, output) with
                    {
                        Label = i.Label,
                        LabelName = PatchOrigin.NameOf(Labels, i.Label),
                    }
                ),
            ],
            Label = Failure.MostOf(Corrected.Select(i => i.Label)),
            Method = GateRepair.Name,
            Statistics = Statistics,
            Settings = Settings.Describe(),
            Seed = Seed,
            On = On,
            Measurements = Measurements,
        };
        PatchFile.Save(new Patch(change, PatchOrigin.Of(Model, Labels, made)) { Tokens = tokens }, output, overwrite);
    }
}
