using Retouch.Locating;

namespace Retouch.Editing;

/// <summary>
/// The settings of <see cref="MaskedFineTuning"/>; the defaults are the published constants. Immutable.
/// </summary>
public sealed record MaskedFineTuningSettings : IMethodSettings<MaskedFineTuningSettings>
{
    /// <summary>
    /// The name of what says where to edit, one of <see cref="Locators.Names"/>; an editor that is given a locator has
    /// that one's.
    /// </summary>
    public string Locator { get; init; } = Locators.Hypernetwork;

    /// <summary>The share of units to edit, in (0,1]: 0.05 is the paper's sparsity of 0.95.</summary>
    public double KeepRatio { get; init; } = 0.05;

    /// <summary>RMSprop's step size, above 0.</summary>
    public double LearningRate { get; init; } = 2e-5;

    /// <summary>RMSprop's smoothing constant, in [0,1).</summary>
    public double Alpha { get; init; } = 0.99;

    /// <summary>What RMSprop adds to the root of the mean square.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>Steps at most, at least 1.</summary>
    public int MaxSteps { get; init; } = 100;

    /// <summary>An edit stops when its prediction is right and its loss is at most this.</summary>
    public double StopLoss { get; init; } = 0.01;

    /// <summary>The seed that a locator may have used; recorded in the patch.</summary>
    public int Seed { get; init; }

    /// <inheritdoc/>
    public static SettingTable<MaskedFineTuningSettings> Table { get; } =
        new(
            Locators
                .Setting<MaskedFineTuningSettings>(s => s.Locator, (s, v) => s with { Locator = v })
                .SweptBy(
                    (sweep, _, resources) =>
                        sweep == Sweep.Published ? null : Locators.AtHand(resources, FisherStatistics.Kind)
                ),
            Setting
                .Number<MaskedFineTuningSettings>(
                    "keep",
                    "keep ratio",
                    SettingRange.Share,
                    s => s.KeepRatio,
                    (s, v) => s with { KeepRatio = v },
                    "the share of units to edit"
                )
                .Swept(["0.25", "0.05"], ["0.75", "0.5", "0.25", "0.1", "0.05"])
                .ForcedBy(s => s.Locator == Locators.All ? "1" : null),
            // A mask's curve is over its size; without a mask only the step size is left to turn.
            Setting
                .Number<MaskedFineTuningSettings>(
                    "lr",
                    "learning rate",
                    SettingRange.Positive,
                    s => s.LearningRate,
                    (s, v) => s with { LearningRate = v },
                    "RMSprop's step size"
                )
                .SweptBy(
                    (sweep, s, _) =>
                        s.Locator != Locators.All
                            ? null
                            : sweep switch
                            {
                                Sweep.Full => ["5E-06", "1E-05", "2E-05", "5E-05", "0.0001"],
                                Sweep.Quick => ["1E-05", "2E-05"],
                                _ => null,
                            }
                ),
            CommonSettings.Steps<MaskedFineTuningSettings>(s => s.MaxSteps, (s, v) => s with { MaxSteps = v }),
            CommonSettings.Alpha<MaskedFineTuningSettings>(s => s.Alpha, (s, v) => s with { Alpha = v }),
            CommonSettings.Epsilon<MaskedFineTuningSettings>(s => s.Epsilon, (s, v) => s with { Epsilon = v }),
            CommonSettings
                .StopLoss<MaskedFineTuningSettings>(s => s.StopLoss, (s, v) => s with { StopLoss = v })
                .AsDetail()
        );

    /// <summary>Checks every setting's range.</summary>
    /// <exception cref="BadInputException">One is out of range; the message names it.</exception>
    public void Validate() => Table.Validate(this);

    /// <summary>The settings and what is none, as a patch records them.</summary>
    internal SortedDictionary<string, string> Provenance()
    {
        SortedDictionary<string, string> settings = Table.Describe(this);
        settings["optimizer"] = "rmsprop";
        settings["precision"] = "float32";
        return settings;
    }
}
