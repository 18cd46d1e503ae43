using Retouch;
using Retouch.Letters;

// Draws the letters world from font packages; tools/rebuild-demo.sh calls it.
try
{
    switch (args)
    {
        case ["render", string list, string packages, string output]:
            return World.Render(FontFamily.ReadList(list), packages, output);
        case ["sheet", string folder, string file, string columns]
            when int.TryParse(columns, out int count) && count is >= 1 and <= 200:
            return ContactSheet.Write(folder, file, count);
        case ["pack", string archive, string benchmark, string every, .. { Length: > 0 } folders]
            when int.TryParse(every, out int step) && step >= 1:
            return Archive.Write(archive, benchmark, step, folders);
        case ["many", string folder, string output, string pictures]
            when int.TryParse(pictures, out int wanted) && wanted is >= 1 and <= 1_000_000:
            return Many.Write(folder, output, wanted);
        case ["unpack", string archive, string folder]:
            System.IO.Compression.ZipFile.ExtractToDirectory(archive, folder, overwriteFiles: true);
            return 0;
        default:
            Console.Error.WriteLine(
                """
                usage: letters render FONTS.tsv PACKAGES OUT      draw the sets of the fonts that lie as .tgz in PACKAGES
                       letters sheet  FOLDER FILE.png COLUMNS     put a folder's pictures side by side, to look at
                       letters pack   FILE.zip BENCHMARK EVERY FOLDER...
                                                                  pack folders, of those that the benchmark draws on its images and every so-manieth other
                       letters unpack FILE.zip FOLDER             the way back
                       letters many   FOLDER OUT COUNT            so many pictures made of a folder's, for the studio
                """
            );
            return 2;
    }
}
catch (BadInputException e)
{
    Console.Error.WriteLine($"error: {e.Message}");
    return 2;
}
