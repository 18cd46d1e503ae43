namespace Retouch.Studio.Jobs;

/// <summary>A job as it is kept on disk. Immutable.</summary>
/// <param name="Id">Its number.</param>
/// <param name="Kind">What it does.</param>
/// <param name="Title">What a page calls it.</param>
/// <param name="State">Where it is.</param>
/// <param name="Begun">When somebody asked for it.</param>
/// <param name="Request">What it was asked for, by name.</param>
/// <param name="Result">What came of it, in words; null until it ends.</param>
/// <param name="Output">The file that it wrote; null for none.</param>
public sealed record JobRecord(
    int Id,
    string Kind,
    string Title,
    JobState State,
    DateTimeOffset Begun,
    IReadOnlyDictionary<string, string> Request,
    string? Result = null,
    string? Output = null
);
