namespace Retouch.Reports;

/// <summary>The units of one matrix that an edit touched, and what each added to the margin. Immutable.</summary>
/// <param name="Name">The matrix's canonical name.</param>
/// <param name="Hidden">The number of units that the matrix has.</param>
/// <param name="Units">The touched ones, ascending.</param>
/// <param name="Contributions">What each added, <see cref="EditContribution.Units"/>.</param>
public sealed record GalleryMatrix(
    string Name,
    int Hidden,
    IReadOnlyList<int> Units,
    IReadOnlyList<double> Contributions
);
