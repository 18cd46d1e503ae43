namespace Retouch.Images;

/// <summary>
/// The images that a list names, which lie where it says: in its folder, or wherever their paths lead. Where it says
/// their classes, they are listed in folders that are called by them; by the paths of the list they are found, too.
/// </summary>
sealed class ListImages : ImageArchive
{
    const int LongestLabel = 200;

    readonly Dictionary<string, string> _files = new(StringComparer.Ordinal);

    public ListImages(string path)
        : base(ImageList.Whole(path))
    {
        string file = ImageList.Split(path).File;
        string[] root = [System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(file))!];
        List<(string Image, string File)> listed = [];
        Dictionary<string, (ListPlace Place, string? Class)> seen = new(StringComparer.Ordinal);
        // One text for all rows of a class.
        Dictionary<string, string> classes = new(StringComparer.Ordinal);
        LostRows lost = new(file, root);
        foreach (ListRow row in ImageList.Rows(path))
        {
            string? full = ImageList.Find(file, row, root);
            if (!lost.Has(row, full))
                continue;
            string? label = row.Class;
            if (label is not null && !classes.TryAdd(label, label))
                label = classes[label];
            if (!seen.TryAdd(full, (row.Place, label)))
            {
                (ListPlace first, string? known) = seen[full];
                LeaveOut(
                    known == label
                        ? $"{row.Image} is in {file} twice, in {first} and {row.Place}; the first counts."
                        : $"{row.Image} is in {file} twice, as {known ?? "of no class"} in {first} and as "
                            + $"{label ?? "of no class"} in {row.Place}; the first counts."
                );
                continue;
            }
            listed.Add((row.Image, full));
            string name = Name(row);
            for (int i = 2; !_files.TryAdd(name, full); i++)
                name = $"{System.IO.Path.ChangeExtension(name, null)}~{i}{System.IO.Path.GetExtension(name)}";
            List(name);
        }
        lost.Refuse();
        // Benchmarks call them so.
        foreach ((string name, (_, string full)) in ImageList.Names(listed).Zip(listed))
            _files.TryAdd(name, full);
    }

    public override bool Has(string name) => _files.ContainsKey(name);

    public override long Length(string name) =>
        ImageFile.Length(Of(name)) ?? throw new FileNotFoundException($"there is no {Of(name)}");

    public override string RealPath(string name) => Of(name);

    public override byte[] Read(string name) => ImageFile.ReadAllBytes(Of(name));

    string Of(string name) => _files.TryGetValue(name, out string? full) ? full : throw Lacks(name);

    static string Name(ListRow row)
    {
        string path = row.Image.Replace('\\', '/');
        string flat = path.TrimStart('.', '/').Replace('/', '_').Replace(":", "", StringComparison.Ordinal);
        return row.Class is string label && ArchiveLabel.Of(label, LongestLabel) is string folder ? $"{folder}/{flat}"
            : ImagePath.IsNameable(path, out _) ? path
            : flat;
    }
}
