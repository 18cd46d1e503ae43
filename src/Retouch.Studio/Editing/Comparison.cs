using System.Globalization;
using Retouch.Patches;
using Retouch.Studio.World;
using Retouch.UseCases;

namespace Retouch.Studio.Editing;

/// <summary>What differs between two states of the ledger, image by image. Immutable.</summary>
/// <param name="Mended">Images that are right in the second alone.</param>
/// <param name="Broken">Images that are right in the first alone.</param>
/// <param name="Otherwise">Images of another class, of which neither is known to be better.</param>
/// <param name="Ordinary">Ordinary images of another class.</param>
/// <param name="OrdinaryImages">The number of ordinary images.</param>
public sealed record Comparison(
    IReadOnlyList<ImageChange> Mended,
    IReadOnlyList<ImageChange> Broken,
    IReadOnlyList<ImageChange> Otherwise,
    IReadOnlyList<ImageChange> Ordinary,
    int OrdinaryImages
)
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
    public static Comparison Of(StudioWorld world, int before, int after)
    {
        Ledger ledger = Ledger.Open(world.Options.Ledger!);
        using LiveState first = State(ledger, before);
        using LiveState second = State(ledger, after);
        List<ImageChange> mended = [];
        List<ImageChange> broken = [];
        List<ImageChange> otherwise = [];
        foreach ((LiveImages images, int[] ids) in world.Chunks)
        {
            IReadOnlyList<LiveAnswer> was = first.Answers(images);
            IReadOnlyList<LiveAnswer> now = second.Answers(images);
            for (int i = 0; i < ids.Length; i++)
            {
                if (was[i].Class == now[i].Class)
                    continue;
                IReadOnlyList<int>? accepted = world.Images[ids[i]].Accepted;
                bool wasRight = accepted?.Contains(was[i].Class) == true;
                bool isRight = accepted?.Contains(now[i].Class) == true;
                List<ImageChange> kind =
                    wasRight && !isRight ? broken
                    : !wasRight && isRight ? mended
                    : otherwise;
                kind.Add(new ImageChange(ids[i], was[i], now[i]));
            }
        }
        List<ImageChange> ordinary = [];
        if (world.Locality is LiveImages locality)
        {
            IReadOnlyList<LiveAnswer> was = first.Answers(locality);
            IReadOnlyList<LiveAnswer> now = second.Answers(locality);
            ordinary.AddRange(
                Enumerable
                    .Range(0, locality.Count)
                    .Where(i => was[i].Class != now[i].Class)
                    .Select(i => new ImageChange(i, was[i], now[i]))
            );
        }
        return new Comparison(mended, broken, otherwise, ordinary, world.Locality?.Count ?? 0);

        LiveState State(Ledger from, int number) => world.Live!.With(from.Load(from.At(number)));
    }
}
