using Retouch.Images;
using Retouch.Vit;

namespace Retouch.UseCases;

/// <summary>A model that a check asks. Owns nothing.</summary>
/// <param name="Model">The model.</param>
/// <param name="Preprocessing">How images are made into its pixels.</param>
/// <param name="Name">What reports call it, such as its path.</param>
public sealed record CheckedModel(VitModel Model, Preprocessing Preprocessing, string Name);
