namespace Retouch.Images;

/// <summary>The images that a list names, in its order, each as often as it is named.</summary>
public static class ListedImages
{
    /// <summary>Reads a list.</summary>
    /// <param name="list">The list, perhaps with its columns, as <c>photos.csv:path=file</c>.</param>
    /// <returns>What it calls each image, and the file, which need not be there.</returns>
    /// <exception cref="BadInputException">It cannot be read, or a row names no image.</exception>
    public static IEnumerable<(string Name, string Path)> In(string list)
    {
        string file = ImageList.Split(list).File;
        string root = Path.GetDirectoryName(Path.GetFullPath(file))!;
        return ImageList
            .Rows(list)
            .Select(row => (row.Image, ImageList.Find(file, row, [root]) ?? Path.GetFullPath(row.Image, root)));
    }
}
