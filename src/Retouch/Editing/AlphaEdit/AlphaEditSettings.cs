namespace Retouch.Editing;

/// <summary>The settings of <see cref="AlphaEdit"/>. Immutable.</summary>
public sealed record AlphaEditSettings : IMethodSettings<AlphaEditSettings>
{
    /// <summary>
    /// The block (zero-based) whose fc2 is edited, after the cut; null for the last of the edit space.
    /// </summary>
    public int? Block { get; init; }

    /// <summary>
    /// The share of the [CLS] keys in the keys' second moment, in [0,1]; the rest is that of all tokens.
    /// </summary>
    public double ClassShare { get; init; } = 0.5;

    /// <summary>
    /// How much of the preserved keys' energy (the trace of their second moment) the null space may hold, in
    /// [0,1]: the directions of least energy that together hold at most this share count as null.
    /// </summary>
    public double NullEnergy { get; init; } = 0.02;

    /// <summary>
    /// The weight of the change's squared norm (1 in the paper), relative to the squared length of the projected key.
    /// </summary>
    public double Regularization { get; init; } = 1e-2;

    /// <summary>How the wanted value is found.</summary>
    public ValueSettings Value { get; init; } = new();

    /// <inheritdoc/>
    public static SettingTable<AlphaEditSettings> Table { get; } =
        new([
            Setting
                .Number<AlphaEditSettings>(
                    "nullEnergy",
                    "null space's energy",
                    SettingRange.ZeroToOne,
                    s => s.NullEnergy,
                    (s, v) => s with { NullEnergy = v },
                    "how much of the ordinary keys' energy the null space may hold"
                )
                .Swept(["0.002", "0.02", "0.2"], ["0.0005", "0.002", "0.005", "0.02", "0.05", "0.2", "1"]),
            .. ValueSettings.Settings<AlphaEditSettings>(s => s.Value, (s, v) => s with { Value = v }),
            CommonSettings.Block<AlphaEditSettings>(s => s.Block, (s, v) => s with { Block = v }),
            Setting
                .Number<AlphaEditSettings>(
                    "classShare",
                    "share of [CLS] keys",
                    SettingRange.ZeroToOne,
                    s => s.ClassShare,
                    (s, v) => s with { ClassShare = v },
                    "the share of [CLS] keys in the preserved keys"
                )
                .AsDetail(),
            Setting
                .Number<AlphaEditSettings>(
                    "regularization",
                    "regularization",
                    SettingRange.NotNegative,
                    s => s.Regularization,
                    (s, v) => s with { Regularization = v },
                    "the weight of the change's squared norm, relative to that of the projected key"
                )
                .AsDetail(),
        ]);

    /// <summary>Checks every setting's range.</summary>
    /// <exception cref="BadInputException">One is out of range; the message names it.</exception>
    public void Validate() => Table.Validate(this);
}
