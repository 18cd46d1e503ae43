using Retouch.Editing;
using Retouch.Locating;
using Retouch.Suffix;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Tests.Editing;

/// <summary>
/// The smallest method that there can be, defined as CONTRIBUTING.md says: the right class's bias is raised.
/// </summary>
sealed class ToyMethod(ToyMethod.Options settings) : IEditor
{
    public static Method Definition { get; } =
        new Method<Options>(
            "toy",
            "the right class's bias is raised",
            "nobody's",
            (settings, _) => new ToyMethod(settings)
        )
        {
            ShortName = "Toy",
            Path = new([4, 2, 1], ["push"], (settings, place) => settings with { Push = 25 * place }),
        };

    public string Name => Definition.Name;

    public IReadOnlyList<EditResult> Edit(
        SplitVit split,
        IReadOnlyList<Failure> failures,
        IProgress<EditProgress>? progress = null,
        CancellationToken cancellation = default
    ) => Edits.OneByOne(failures, failure => Edit(split, failure), cancellation);

    EditResult Edit(SplitVit split, Failure failure)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor bias = zeros(split.Model.Config.Classes);
        bias[failure.Label] = (float)settings.Push;
        TensorDelta delta = new(
            split.Space,
            new Dictionary<string, TensorChange> { [VitNames.HeadBias] = TensorChange.Add(bias) }
        );
        return Edits.Result(split, failure, delta, Name, Options.Table.Describe(settings), 0, 1, []);
    }

    internal sealed record Options : IMethodSettings<Options>
    {
        public double Push { get; init; } = 50;

        public int Unused { get; init; } = 3;

        public static SettingTable<Options> Table { get; } =
            new(
                Setting
                    .Number<Options>(
                        "push",
                        "push",
                        SettingRange.Positive,
                        s => s.Push,
                        (s, v) => s with { Push = v },
                        "how far it is raised"
                    )
                    .Swept(["25", "50"], ["25", "50", "100"]),
                Setting
                    .Count<Options>(
                        "unused",
                        "unused setting",
                        SettingRange.AtLeast(1),
                        s => s.Unused,
                        (s, v) => s with { Unused = v },
                        "nothing"
                    )
                    .AsDetail()
            );
    }
}
