namespace Retouch.Patches;

/// <summary>Where a patch comes from: everything needed to judge it and to make it again. Immutable.</summary>
public sealed record PatchProvenance
{
    /// <summary>The fingerprint of the model that the patch belongs to.</summary>
    public required string ModelFingerprint { get; init; }

    /// <summary>The fingerprint of that model with its weights rounded to float16, or null if unknown.</summary>
    public string? Float16Fingerprint { get; init; }

    /// <summary>The fingerprint of that model with its weights rounded to bfloat16, or null if unknown.</summary>
    public string? BFloat16Fingerprint { get; init; }

    /// <summary>The editing images.</summary>
    public IReadOnlyList<PatchImage> Images { get; init; } = [];

    /// <summary>The index of the class that the images were edited to.</summary>
    public required int Label { get; init; }

    /// <summary>The name of that class, if labels were known.</summary>
    public string? LabelName { get; init; }

    /// <summary>The editor's name.</summary>
    public required string Method { get; init; }

    /// <summary>Why that method was chosen, where nobody named one; else null.</summary>
    public string? Chosen { get; init; }

    /// <summary>
    /// What the method learned from the user's own images, in one line; null where it learned nothing, or before.
    /// </summary>
    public string? Statistics { get; init; }

    /// <summary>All of the editor's settings, by name.</summary>
    public required IReadOnlyDictionary<string, string> Settings { get; init; }

    /// <summary>The seed of everything random.</summary>
    public int Seed { get; init; }

    /// <summary>How the images were made into pixels, as one line.</summary>
    public string? Preprocessing { get; init; }

    /// <summary>
    /// The codebook entries that the patch adds, widens or splits, as it leaves them; empty for other methods.
    /// </summary>
    public IReadOnlyList<CodebookEntry> Codebook { get; init; } = [];

    /// <summary>
    /// The patches that the edited model carried when this one was made, by what they change
    /// (<see cref="LoadedPatch.Change"/>): it was measured together with them. Empty for the unedited model.
    /// </summary>
    public IReadOnlyList<string> On { get; init; } = [];

    /// <summary>What was measured when the patch was made.</summary>
    public PatchMeasurements? Measurements { get; init; }
}
