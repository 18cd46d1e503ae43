using Retouch.Measurement;

namespace Retouch.Benchmarks;

/// <summary>An image that edits should leave alone, before copies are left out. Immutable.</summary>
/// <param name="Place">Its place in the folder's order.</param>
/// <param name="Image">The image.</param>
sealed record MinedLocality(int Place, LocalityImage Image);
