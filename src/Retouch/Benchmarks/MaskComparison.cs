namespace Retouch.Benchmarks;

/// <summary>How specific one locator's masks are, and of what they were made. Immutable.</summary>
public sealed record MaskComparison
{
    /// <summary>The model's fingerprint.</summary>
    public required string Model { get; init; }

    /// <summary>The locator's name.</summary>
    public required string Locator { get; init; }

    /// <summary>The first digits of the SHA-256 of the hypernetwork's file, or null for locators without one.</summary>
    public string? LocatorFile { get; init; }

    /// <summary>The share of units in a mask.</summary>
    public required double Keep { get; init; }

    /// <summary>The seed of random masks.</summary>
    public required int Seed { get; init; }

    /// <summary>What the comparison says.</summary>
    public required MaskSpecificity Specificity { get; init; }
}
