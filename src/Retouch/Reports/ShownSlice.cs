namespace Retouch.Reports;

/// <summary>A slice as its page shows it. Immutable.</summary>
sealed record ShownSlice
{
    /// <summary>What the model says of its images.</summary>
    public required int Said { get; init; }

    /// <summary>What they may be instead, and how probable that is, the likeliest first.</summary>
    public required IReadOnlyList<(int Class, double Share)> Candidates { get; init; }

    /// <summary>How many images it has.</summary>
    public required int Images { get; init; }

    /// <summary>How many of them are probably mistakes.</summary>
    public required double Expected { get; init; }

    /// <summary>How alike they are, in [-1,1].</summary>
    public required double Likeness { get; init; }

    /// <summary>What is special of them, in words.</summary>
    public required IReadOnlyList<string> Traits { get; init; }

    /// <summary>Its list, from the page's folder.</summary>
    public required string List { get; init; }

    /// <summary>
    /// How it is mended, as a command: to each candidate, and, without one, to the classes that its list has.
    /// </summary>
    public required IReadOnlyList<(int? Class, string Command)> Commands { get; init; }

    /// <summary>Those that are shown.</summary>
    public required IReadOnlyList<ShownPicture> Pictures { get; init; }
}
