using Retouch.Images;

namespace Retouch.Letters;

/// <summary>The sets of the letters world, and how many pictures each has.</summary>
static class World
{
    /// <summary>The classes, in the order of their indices: a digit is its own index.</summary>
    public const string Classes = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

    /// <summary>Draws all sets under a folder, as set/class/family-style-number.png.</summary>
    public static int Render(IReadOnlyList<FontFamily> families, string packages, string output)
    {
        int pictures = 0;
        Parallel.ForEach(
            families,
            family =>
            {
                using FontPackage package = FontPackage.Open(family, packages);
                foreach ((string set, int copies, bool everyStyle) in Sets(family))
                {
                    foreach (
                        (char letter, int copy) in Classes.SelectMany(c =>
                            Enumerable.Range(0, copies).Select(n => (c, n))
                        )
                    )
                    {
                        for (int style = 0; style < (everyStyle ? package.Faces.Count : 1); style++)
                        {
                            // Else a set with one picture a letter would have one weight only.
                            (string name, var face) = package.Faces[
                                everyStyle ? style : (copy + letter) % Math.Min(package.Faces.Count, 2)
                            ];
                            string file = $"{set}/{letter}/{family.Name}-{name}-{copy}.png";
                            string path = Path.Combine(output, file);
                            if (LetterPainter.Draw(face, letter, ImageShift.RandomFor(0, file)) is not RgbImage picture)
                                continue;
                            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                            File.WriteAllBytes(path, ImageEncoder.Png(picture));
                            Interlocked.Increment(ref pictures);
                        }
                    }
                }
            }
        );
        File.WriteAllLines(Path.Combine(output, "labels.txt"), Classes.Select(c => c.ToString()));
        Console.WriteLine($"{output}: {pictures} pictures of {families.Count} families");
        return 0;
    }

    static (string Set, int Copies, bool EveryStyle)[] Sets(FontFamily family) =>
        family.Set switch
        {
            "train" => [("train", 1, true)],
            "locality" => [("locality", 1, false)],
            _ => family.IsMajority ? [("before-oil", 3, false), ("before-stage", 3, false)] : [("natural", 1, false)],
        };
}
