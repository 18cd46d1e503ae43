namespace Retouch.Formats;

/// <summary>The class that a text means, or why none is.</summary>
/// <param name="Index">The class; without meaning where there is a refusal.</param>
/// <param name="Refusal">What to throw where a class is needed; null where one is meant.</param>
readonly record struct ClassMatch(int Index, BadInputException? Refusal)
{
    /// <summary>The class.</summary>
    /// <exception cref="BadInputException">None is meant.</exception>
    public int Required => Refusal is null ? Index : throw Refusal;

    public static implicit operator ClassMatch(int index) => new(index, null);

    public static implicit operator ClassMatch(BadInputException refusal) => new(-1, refusal);
}
