namespace Retouch.Measurement;

/// <summary>An image whose predicted class an edit changed.</summary>
/// <param name="Image">The image's place in the set.</param>
/// <param name="Before">The unedited model's class.</param>
/// <param name="After">The edited model's class.</param>
public readonly record struct PredictionChange(int Image, int Before, int After);
