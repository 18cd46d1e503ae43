namespace Retouch.Speed;

/// <summary>A unit of work in three ways, each of which returns the milliseconds that it took.</summary>
/// <param name="GigaOperations">The operations that ours cannot do without, in 10⁹.</param>
/// <param name="Naive">As the published code does it.</param>
/// <param name="Full">Ours in float32.</param>
/// <param name="Mixed">Ours with frozen products in bfloat16.</param>
sealed record Scenario(double GigaOperations, Func<double> Naive, Func<double> Full, Func<double> Mixed)
{
    /// <summary>Of an edit that is measured as a whole, the steps that it takes.</summary>
    public int? Steps { get; init; }
}
