using Retouch.Editing;

namespace Retouch.Benchmarks;

/// <summary>How <see cref="LocationSearch"/> edits. Immutable.</summary>
public sealed record LocationSearchSettings
{
    static readonly MaskedFineTuningSettings Published = new();

    /// <summary>RMSprop's step sizes, each of which gives a window a point, above 0.</summary>
    public IReadOnlyList<double> LearningRates { get; init; } = [Published.LearningRate];

    /// <summary>Steps at most, at least 1.</summary>
    public int MaxSteps { get; init; } = Published.MaxSteps;

    /// <summary>The number of blocks of a window; the paper's is 3.</summary>
    public int Blocks { get; init; } = 3;

    /// <summary>Checks every setting's range.</summary>
    /// <exception cref="BadInputException">One is out of range; the message names it.</exception>
    public void Validate()
    {
        if (
            LearningRates.Count == 0
            || LearningRates.Any(r => !double.IsFinite(r) || r <= 0)
            || LearningRates.Distinct().Count() < LearningRates.Count
        )
            throw BadInput.OutOfRange(
                null,
                $"The step sizes are {string.Join(", ", LearningRates)}; they must be above 0, each once."
            );
        if (MaxSteps < 1)
            throw BadInput.OutOfRange(null, $"The number of steps is {MaxSteps}; it must be at least 1.");
    }
}
