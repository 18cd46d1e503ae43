namespace Retouch.Editing;

/// <summary>The settings of <see cref="Prototype"/>. Immutable.</summary>
public sealed record PrototypeSettings : IMethodSettings<PrototypeSettings>
{
    /// <summary>
    /// The share of ordinary images of other classes that may get the label, in [0,1): the knob between locality
    /// (small) and generalization.
    /// </summary>
    public double Leak { get; init; } = 0.01;

    /// <summary>How the token that has the label is learned.</summary>
    public TokenSettings Token { get; init; } = new();

    /// <inheritdoc/>
    public static SettingTable<PrototypeSettings> Table { get; } =
        new([
            Setting
                .Number<PrototypeSettings>(
                    "leak",
                    "leak",
                    SettingRange.BelowOne,
                    s => s.Leak,
                    (s, v) => s with { Leak = v },
                    "the share of ordinary images of other classes that may get the label"
                )
                .Swept(["0.02", "0.01", "0"], ["0.1", "0.05", "0.02", "0.01", "0.005", "0"]),
            .. TokenSettings.Settings<PrototypeSettings>(s => s.Token, (s, v) => s with { Token = v }),
        ]);

    /// <summary>Checks every setting's range.</summary>
    /// <exception cref="BadInputException">One is out of range; the message names it.</exception>
    public void Validate() => Table.Validate(this);
}
