namespace Retouch.Editing;

/// <summary>What a user says of an edit without naming its method. Immutable.</summary>
sealed record MethodWish
{
    /// <summary>The names of the settings that were given.</summary>
    public IReadOnlyCollection<string> Settings { get; init; } = [];

    /// <summary>The kinds of the preparations that were given.</summary>
    public IReadOnlyCollection<string> Preparations { get; init; } = [];

    /// <summary>Whether the most general edit that keeps to a bound is sought.</summary>
    public bool Guarded { get; init; }
}
