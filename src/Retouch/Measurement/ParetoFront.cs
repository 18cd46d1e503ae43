namespace Retouch.Measurement;

/// <summary>The best trade-offs between generalization and locality.</summary>
public static class ParetoFront
{
    /// <summary>The places of the points that no other dominates, by rising GR; of equal points all.</summary>
    public static IReadOnlyList<int> Of(IReadOnlyList<OperatingPoint> points) =>
        [
            .. Enumerable
                .Range(0, points.Count)
                .Where(i => !points.Any(p => p.Dominates(points[i])))
                .OrderBy(i => points[i].Generalization),
        ];

    /// <summary>
    /// The area that the points dominate above a reference point (Zitzler and Thiele, 1998): one number for
    /// how good a front is, 1 for a method that is perfect in both where the reference is (0,0).
    /// </summary>
    /// <param name="points">The points; those that are not above the reference in both count for nothing.</param>
    /// <param name="reference">The worst point that counts; (0,0) unless given.</param>
    public static double Hypervolume(IReadOnlyList<OperatingPoint> points, OperatingPoint reference = default)
    {
        double area = 0;
        double left = reference.Generalization;
        foreach (OperatingPoint p in Of(points).Select(i => points[i]))
        {
            // On the front GR rises and LR falls, so the area to the left of a point is as high as it is.
            if (p.Generalization > left && p.Locality > reference.Locality)
            {
                area += (p.Generalization - left) * (p.Locality - reference.Locality);
                left = p.Generalization;
            }
        }
        return area;
    }
}
