using Retouch.Suffix;
using Retouch.Vit;

namespace Retouch.Editing;

/// <summary>The model for which a method is to be chosen, and what is at hand for it. Immutable.</summary>
/// <param name="Config">The model's architecture.</param>
/// <param name="Blocks">The blocks that were asked for; null for each method's own.</param>
/// <param name="Statistics">Whether what a method learns is at hand, or can be made.</param>
/// <param name="Hypernetwork">Whether there is a hypernetwork trained for the model.</param>
/// <param name="EditedBefore">Whether the model was edited before, which nobody knows how.</param>
sealed record MethodSupplies(
    VitConfig Config,
    EditSpace? Blocks,
    Func<Method, bool> Statistics,
    bool Hypernetwork,
    bool EditedBefore = false
);
