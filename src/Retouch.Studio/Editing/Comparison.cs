using System.Globalization;
using Retouch.Patches;
using Retouch.Studio.World;
using Retouch.UseCases;

namespace Retouch.Studio.Editing;

/// <summary>Two states of the ledger, image by image.</summary>
static class Comparison
{
    /// <summary>The states of the ledger, by the number of the entry that made them.</summary>
    /// <exception cref="BadInputException">The ledger cannot be read.</exception>
    public static IReadOnlyList<(int Number, string Words)> States(StudioWorld world)
    {
        if (world.Options.Ledger is not string path || !File.Exists(path))
            return [];
        return
        [
            .. Ledger
                .Open(path)
                .Entries.Select(e =>
                    (e.Number, string.Create(CultureInfo.InvariantCulture, $"after entry {e.Number}: {e.Reason}"))
                ),
        ];
    }

    /// <summary>Compares two states.</summary>
    /// <param name="world">The model and the images.</param>
    /// <param name="before">The number of an entry.</param>
    /// <param name="after">The number of another.</param>
    /// <exception cref="BadInputException">The ledger or a patch cannot be read.</exception>
    public static ImageFlips Of(StudioWorld world, int before, int after)
    {
        Ledger ledger = Ledger.Open(world.Options.Ledger!);
        using LiveState first = State(before);
        using LiveState second = State(after);
        return ImageFlips.Between(world, first.Answers, second.Answers, (_, _) => true, default);

        LiveState State(int number) => world.Live!.With(ledger.Load(ledger.At(number)));
    }
}
