namespace Retouch.UseCases;

/// <summary>How images that a model is unsure of are put together. Immutable.</summary>
public sealed record SliceSettings
{
    /// <summary>
    /// An image counts as unsure where the likeliest class is likelier than the next by less than this, in (0,1].
    /// </summary>
    public double Unsure { get; init; } = 0.5;

    /// <summary>Of all images, the share of the least sure that counts as unsure in any case, in [0,1].</summary>
    public double Least { get; init; } = 0.1;

    /// <summary>How many images a slice has on average at least; fewer than half of that are no slice.</summary>
    public int Fewest { get; init; } = 10;

    /// <summary>The most slices.</summary>
    public int Most { get; init; } = 64;

    /// <summary>How many classes name a slice at most.</summary>
    public int Names { get; init; } = 3;

    /// <summary>The seed of everything random.</summary>
    public int Seed { get; init; }

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="BadInputException">A number is out of range.</exception>
    public void Validate()
    {
        if (Unsure is not (> 0 and <= 1) || Least is not (>= 0 and <= 1) || Fewest < 2 || Most < 1 || Names < 1)
            throw BadInput.OutOfRange(
                null,
                $"Slices take images less sure than {Unsure} or among the least sure {Least}, at least {Fewest} "
                    + $"together and at most {Most} times, named by {Names} classes: give shares in (0,1] and [0,1], "
                    + "2 or more, 1 or more, and 1 or more."
            );
    }
}
