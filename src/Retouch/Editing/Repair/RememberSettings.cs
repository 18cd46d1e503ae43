namespace Retouch.Editing;

/// <summary>The settings of <see cref="Remember"/>. Immutable.</summary>
public sealed record RememberSettings : IMethodSettings<RememberSettings>
{
    /// <summary>
    /// Where the unit opens, on the way from the nearest other image to the failing one, in [0,1): the knob between
    /// locality (large) and generalization.
    /// </summary>
    public double Edge { get; init; } = 0.5;

    /// <inheritdoc/>
    public static SettingTable<RememberSettings> Table { get; } =
        new(
            Setting
                .Number<RememberSettings>(
                    "edge",
                    "edge",
                    SettingRange.BelowOne,
                    s => s.Edge,
                    (s, v) => s with { Edge = v },
                    "where the unit opens, on the way from the nearest other image to the failing one"
                )
                .Swept(["0.5", "0.1"], ["0.1", "0.3", "0.5", "0.7"])
        );

    /// <summary>Checks every setting's range.</summary>
    /// <exception cref="BadInputException">One is out of range; the message names it.</exception>
    public void Validate() => Table.Validate(this);
}
