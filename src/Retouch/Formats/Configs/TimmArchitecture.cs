using Retouch.Vit;

namespace Retouch.Formats;

/// <summary>What a name of one of timm's plain ViTs says. Immutable.</summary>
/// <param name="Width">Width of a token.</param>
/// <param name="Heads">Attention heads.</param>
/// <param name="NormEpsilon">The norms' epsilon.</param>
/// <param name="Activation">The non-linearity.</param>
/// <param name="Pooling">What the classifier reads.</param>
sealed record TimmArchitecture(int Width, int Heads, double NormEpsilon, VitActivation Activation, VitPooling Pooling);
