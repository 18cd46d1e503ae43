using System.Formats.Tar;
using System.IO.Compression;
using System.Text.Json;
using SkiaSharp;

namespace Retouch.Letters;

/// <summary>The faces of a family, read from its npm package without unpacking it. Owns them.</summary>
sealed class FontPackage : IDisposable
{
    const long LargestFile = 16 << 20;

    // At most so many faces a family, in this order.
    static readonly string[] Styles = ["400-normal", "700-normal"];

    FontPackage(FontFamily family, IReadOnlyList<(string Style, SKTypeface Face)> faces) =>
        (Family, Faces) = (family, faces);

    public FontFamily Family { get; }

    /// <summary>The faces by style; at least one.</summary>
    public IReadOnlyList<(string Style, SKTypeface Face)> Faces { get; }

    /// <summary>Opens a package and checks its version and licence against the list.</summary>
    /// <exception cref="BadInputException">
    /// It is missing, of another version or licence, or has no usable face.
    /// </exception>
    public static FontPackage Open(FontFamily family, string folder)
    {
        string path = Path.Combine(folder, $"{family.Package.TrimStart('@').Replace('/', '-')}-{family.Version}.tgz");
        if (!File.Exists(path))
            throw new BadInputException(
                $"{path} is missing; 'npm pack {family.Package}@{family.Version}' in {folder} fetches it."
            );
        Dictionary<string, byte[]> files = Read(path, family.Name);
        using (
            JsonDocument json = JsonDocument.Parse(
                files.GetValueOrDefault("package.json") ?? throw new BadInputException($"{path} has no package.json.")
            )
        )
        {
            string? licence = json.RootElement.GetProperty("license").GetString();
            if (licence != family.Licence)
                throw new BadInputException($"{path} is under {licence}, but the list says {family.Licence}.");
        }
        (string, SKTypeface)[] faces = [.. Styles.Where(files.ContainsKey).Select(s => (s, Face(files[s], path)))];
        return faces.Length > 0
            ? new FontPackage(family, faces)
            : throw new BadInputException($"{path} has none of the styles {string.Join(", ", Styles)} for Latin.");
    }

    public void Dispose()
    {
        foreach ((_, SKTypeface face) in Faces)
            face.Dispose();
    }

    static Dictionary<string, byte[]> Read(string path, string family)
    {
        using GZipStream gzip = new(File.OpenRead(path), CompressionMode.Decompress);
        using TarReader tar = new(gzip);
        Dictionary<string, byte[]> files = [];
        while (tar.GetNextEntry() is TarEntry entry)
        {
            string? name =
                entry.Name == "package/package.json"
                    ? "package.json"
                    : Styles.FirstOrDefault(s => entry.Name == $"package/files/{family}-latin-{s}.woff");
            if (name is null || entry.DataStream is null)
                continue;
            if (entry.Length > LargestFile)
                throw new BadInputException($"{path}: {entry.Name} has {entry.Length} bytes.");
            byte[] bytes = new byte[entry.Length];
            entry.DataStream.ReadExactly(bytes);
            files[name] = bytes;
        }
        return files;
    }

    static SKTypeface Face(byte[] woff, string path)
    {
        using SKData data = SKData.CreateCopy(woff);
        return SKTypeface.FromData(data) ?? throw new BadInputException($"{path} holds a font that cannot be read.");
    }
}
