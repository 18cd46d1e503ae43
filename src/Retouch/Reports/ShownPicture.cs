namespace Retouch.Reports;

/// <summary>An image on a page of slices.</summary>
/// <param name="Path">How it is called.</param>
/// <param name="File">Its file.</param>
/// <param name="Said">What the model says.</param>
/// <param name="Probability">How probable that is to it, in [0,1].</param>
/// <param name="Stronger">What the stronger model says; null where there is none.</param>
/// <param name="StrongerProbability">How probable that is to that one.</param>
readonly record struct ShownPicture(
    string Path,
    string File,
    int Said,
    double Probability,
    int? Stronger,
    double? StrongerProbability
);
