namespace Retouch.Editing;

/// <summary>The settings of <see cref="Grace"/>. Immutable.</summary>
public sealed record GraceSettings : IMethodSettings<GraceSettings>
{
    /// <summary>
    /// The initial radius ε of an entry, above 0, in lengths of a key: up to 2, which holds every image. The knob
    /// between locality (small) and generalization.
    /// </summary>
    public double Radius { get; init; } = 0.8;

    /// <summary>
    /// How near to an earlier edit's key a new image widens or splits it, at least 0, in sums of its radius and that of
    /// a new entry; published 1.
    /// </summary>
    public double Near { get; init; } = 0.5;

    /// <summary>How the value is learned.</summary>
    public TokenSettings Token { get; init; } = new();

    /// <inheritdoc/>
    public static SettingTable<GraceSettings> Table { get; } =
        new([
            Setting
                .Number<GraceSettings>(
                    "radius",
                    "radius",
                    SettingRange.Positive,
                    s => s.Radius,
                    (s, v) => s with { Radius = v },
                    "how near to the failing image's key another one gets the value, in lengths of a key"
                )
                .Swept(["0.7", "0.8", "0.9"], ["0.6", "0.7", "0.75", "0.8", "0.85", "0.9", "1"]),
            Setting
                .Number<GraceSettings>(
                    "near",
                    "nearness of keys",
                    SettingRange.NotNegative,
                    s => s.Near,
                    (s, v) => s with { Near = v },
                    "how near to an earlier edit's key an image widens or splits it, in sums of both radii"
                )
                .AsDetail(),
            .. TokenSettings.Settings<GraceSettings>(s => s.Token, (s, v) => s with { Token = v }),
        ]);

    /// <summary>Checks every setting's range.</summary>
    /// <exception cref="BadInputException">One is out of range; the message names it.</exception>
    public void Validate() => Table.Validate(this);
}
