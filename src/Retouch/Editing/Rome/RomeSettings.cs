namespace Retouch.Editing;

/// <summary>The settings of <see cref="Rome"/>. Immutable.</summary>
public sealed record RomeSettings : IMethodSettings<RomeSettings>
{
    /// <summary>
    /// The block (zero-based) whose fc2 is edited, after the cut; null for the last of the edit space.
    /// </summary>
    public int? Block { get; init; }

    /// <summary>
    /// The share of the [CLS] keys in the keys' second moment, in [0,1]; the rest is that of all tokens.
    /// </summary>
    public double ClassShare { get; init; } = 0.5;

    /// <summary>What is added to the diagonal of the moment, relative to its mean, above 0.</summary>
    public double Ridge { get; init; } = 1e-3;

    /// <summary>How the wanted value is found.</summary>
    public ValueSettings Value { get; init; } = new();

    /// <inheritdoc/>
    public static SettingTable<RomeSettings> Table { get; } =
        new SettingTable<RomeSettings>([
            .. ValueSettings.Settings<RomeSettings>(s => s.Value, (s, v) => s with { Value = v }),
            Setting.Number<RomeSettings>(
                "classShare",
                "share of [CLS] keys",
                SettingRange.ZeroToOne,
                s => s.ClassShare,
                (s, v) => s with { ClassShare = v },
                "the share of [CLS] keys in the preserved keys"
            ),
            CommonSettings.Block<RomeSettings>(s => s.Block, (s, v) => s with { Block = v }),
            Setting
                .Number<RomeSettings>(
                    "ridge",
                    "ridge",
                    SettingRange.Positive,
                    s => s.Ridge,
                    (s, v) => s with { Ridge = v },
                    "what is added to the diagonal of the keys' moment, relative to its mean"
                )
                .AsDetail(),
        ]).Swept("stopLoss", ["1", "0.2", "0.01"], ["1", "0.5", "0.2", "0.1", "0.05", "0.01", "0.003"]);

    /// <summary>Checks every setting's range.</summary>
    /// <exception cref="BadInputException">One is out of range; the message names it.</exception>
    public void Validate() => Table.Validate(this);
}
