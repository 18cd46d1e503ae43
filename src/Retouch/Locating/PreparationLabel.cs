using Retouch.Patches;
using Retouch.Suffix;
using Retouch.Vit;

namespace Retouch.Locating;

/// <summary>What a preparation is for. Immutable.</summary>
/// <param name="Kind"><see cref="Preparation.Kind"/>.</param>
/// <param name="Model">The fingerprint of the model that it was made with.</param>
/// <param name="Space">The edit space that it was made with, as text.</param>
readonly record struct PreparationLabel(string Kind, string Model, string Space)
{
    /// <summary>Whether it was made for this model and edit space.</summary>
    public bool Fits(VitModel model, EditSpace space) =>
        Model == EditHistory.Of(model).Origin && Space == Preparation.Describe(space);
}
