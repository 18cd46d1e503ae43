using System.Globalization;
using Retouch.Patches;
using Retouch.Studio.World;
using Retouch.UseCases;

namespace Retouch.Studio.Editing;

/// <summary>Two states of the ledger, or one and another model, image by image.</summary>
static class Comparison
{
    /// <summary>The number of the other model.</summary>
    public const int Other = -1;

    /// <summary>
    /// The states of the ledger, by the number of the entry that made them, and the other model, if there is one.
    /// </summary>
    /// <exception cref="BadInputException">The ledger cannot be read.</exception>
    public static IReadOnlyList<(int Number, string Words)> States(StudioWorld world)
    {
        List<(int, string)> states =
        [
            .. world.Options.Ledger is string path && File.Exists(path)
                ? Ledger
                    .Open(path)
                    .Entries.Select(e =>
                        (e.Number, string.Create(CultureInfo.InvariantCulture, $"after entry {e.Number}: {e.Reason}"))
                    )
                : [(0, "the model as it is")],
        ];
        if (world.Options.Against is { } other)
            states.Add((Other, $"the other model, {Path.GetFileName(other.Path)}"));
        return states;
    }

    /// <summary>Compares two of them.</summary>
    /// <param name="world">The model and the images.</param>
    /// <param name="before">The number of an entry, or <see cref="Other"/>.</param>
    /// <param name="after">Another.</param>
    /// <exception cref="BadInputException">The ledger or a patch cannot be read.</exception>
    public static ImageFlips Of(StudioWorld world, int before, int after)
    {
        List<IDisposable> states = [];
        try
        {
            return ImageFlips.Between(world, Answers(before), Answers(after), (_, _) => true, default);
        }
        finally
        {
            foreach (IDisposable state in states)
                state.Dispose();
        }

        Func<LiveImages, IReadOnlyList<LiveAnswer>> Answers(int number)
        {
            if (number == Other)
                return Others(world);
            if (world.Options.Ledger is not string path || !File.Exists(path))
                return images => images.Answers;
            Ledger ledger = Ledger.Open(path);
            LiveState state = world.Live!.With(ledger.Load(ledger.At(number)));
            states.Add(state);
            return state.Answers;
        }
    }

    // Of an image that the other model was not asked about nobody knows that it differs.
    static Func<LiveImages, IReadOnlyList<LiveAnswer>> Others(StudioWorld world)
    {
        OtherModel other = OtherModel.Of(world)!;
        Dictionary<LiveImages, string[]> paths = world.Chunks.ToDictionary(
            c => c.Images,
            c => c.Ids.Select(id => world.Images[id].Path).ToArray()
        );
        if (world.Locality is LiveImages locality)
            paths[locality] = [.. world.LocalityImages.Select(l => l.Path)];
        return images => [.. images.Answers.Select((own, i) => other.Of(paths[images][i]) ?? own)];
    }
}
