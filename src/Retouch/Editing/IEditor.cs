using Retouch.Locating;
using Retouch.Suffix;

namespace Retouch.Editing;

/// <summary>
/// Says how to edit: turns failures into patches. Implementations are stateless between calls and never change the
/// model.
/// </summary>
public interface IEditor
{
    /// <summary>The method's name, as the command line and a patch's provenance spell it.</summary>
    string Name { get; }

    /// <summary>Makes one independent edit a failure.</summary>
    /// <param name="split">The unedited model.</param>
    /// <param name="failures">What is to be corrected, each with the same number of images.</param>
    /// <param name="progress">Told after each step; null to ignore.</param>
    /// <param name="cancellation">Stops between steps.</param>
    /// <returns>One result a failure, in their order; the caller disposes them.</returns>
    /// <exception cref="BadInputException">A setting or a locator does not fit the model.</exception>
    /// <exception cref="OperationCanceledException">The work was cancelled.</exception>
    IReadOnlyList<EditResult> Edit(
        SplitVit split,
        IReadOnlyList<Failure> failures,
        IProgress<EditProgress>? progress = null,
        CancellationToken cancellation = default
    );
}
