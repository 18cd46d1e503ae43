using Retouch.Suffix;

namespace Retouch.Locating;

/// <summary>
/// Says where to edit: scores every unit for one failure. Implementations are stateless between calls.
/// </summary>
public interface ILocator
{
    /// <summary>The locator's name, as the command line and a patch's provenance spell it.</summary>
    string Name { get; }

    /// <summary>Scores the units of <paramref name="split"/>'s edit space for a failure.</summary>
    /// <param name="split">The unedited model.</param>
    /// <param name="failure">What is to be corrected.</param>
    /// <exception cref="BadInputException">The locator does not fit the model.</exception>
    Mask Locate(SplitVit split, Failure failure);
}
