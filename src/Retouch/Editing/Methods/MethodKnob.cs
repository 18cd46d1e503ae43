namespace Retouch.Editing;

/// <summary>One setting of a method that can be turned. Immutable.</summary>
/// <param name="Name">The setting's name, as a patch's provenance spells it.</param>
/// <param name="Description">What it does, one line.</param>
/// <param name="Default">Its value where none is given.</param>
/// <param name="Quick">The values of a quick sweep.</param>
/// <param name="Full">The values of a full sweep.</param>
public sealed record MethodKnob(string Name, string Description, string Default, IReadOnlyList<string> Quick, IReadOnlyList<string> Full)
{
    /// <summary>A knob that sweeps leave alone.</summary>
    public MethodKnob(string name, string description, string value) : this(name, description, value, [value], [value]) { }

    /// <summary>The values of a sweep.</summary>
    public IReadOnlyList<string> Values(Sweep sweep) => sweep switch { Sweep.Full => Full, Sweep.Quick => Quick, _ => [Default] };
}
