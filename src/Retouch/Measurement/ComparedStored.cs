namespace Retouch.Measurement;

/// <summary>What models say of a file as an index keeps it, or why it was left out.</summary>
/// <param name="After">What the model says; null where the file was left out.</param>
/// <param name="Before">What the model says that it is compared with; null where there is none.</param>
/// <param name="Problem">Why the file was left out; else null.</param>
sealed record ComparedStored(StoredAnswer? After, StoredAnswer? Before, Problem? Problem)
{
    /// <summary>The same as checks need it.</summary>
    public ComparedAnswer Ranked => new(After?.Ranked, Before?.Ranked, Problem);
}
