namespace Retouch.Editing;

/// <summary>The settings of <see cref="Mend"/>. Immutable.</summary>
public sealed record MendSettings : IMethodSettings<MendSettings>
{
    /// <summary>What the learned change is multiplied by, above 0.</summary>
    public double Scale { get; init; } = 1;

    /// <inheritdoc/>
    public static SettingTable<MendSettings> Table { get; } =
        new(
            Setting
                .Number<MendSettings>(
                    "scale",
                    "scale",
                    SettingRange.Positive,
                    s => s.Scale,
                    (s, v) => s with { Scale = v },
                    "what the learned change is multiplied by"
                )
                .Swept(["0.5", "1", "2"], ["0.25", "0.5", "1", "1.5", "2", "4", "8"])
        );

    /// <summary>Checks every setting's range.</summary>
    /// <exception cref="BadInputException">One is out of range; the message names it.</exception>
    public void Validate() => Table.Validate(this);
}
