using Retouch.Suffix;

namespace Retouch.Locating;

/// <summary>What a method does once a model, before its first edit: learns from unlabelled ordinary images.</summary>
public interface IPreparation
{
    /// <summary>The preparation's name, <see cref="Preparation.Kind"/> of its result.</summary>
    string Name { get; }

    /// <summary>Whether it trains something, which takes much longer than one look at each image.</summary>
    bool Trains => false;

    /// <summary>Runs it. The same arguments give the same result.</summary>
    /// <param name="split">The unedited model.</param>
    /// <param name="images">The images to learn from.</param>
    /// <param name="checkpoint">
    /// Where a long preparation keeps what it has so far, so that the same call goes on from there after an
    /// interrupt, or null to keep nothing. Left for the caller to delete.
    /// </param>
    /// <param name="progress">Told how far it has come, or null to ignore.</param>
    /// <param name="cancellation">Stops between batches.</param>
    /// <returns>The result; the caller disposes it.</returns>
    /// <exception cref="BadInputException">The images do not suffice or cannot be decoded.</exception>
    /// <exception cref="OperationCanceledException">The work was cancelled.</exception>
    Preparation Prepare(
        SplitVit split,
        PreparationImages images,
        string? checkpoint = null,
        IProgress<PreparationProgress>? progress = null,
        CancellationToken cancellation = default
    );
}
