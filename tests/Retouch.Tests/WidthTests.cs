using System.Runtime.CompilerServices;

namespace Retouch.Tests;

/// <summary>Code, comments and texts keep to 120 columns, which no formatter sees to for comments and texts.</summary>
public sealed class WidthTests
{
    const int Most = 120;

    [Fact]
    public void Lines_have_at_most_120_columns()
    {
        string root = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(Here())!, "../.."));
        string[] files =
        [
            .. ((string[])["src", "tests", "benchmarks", "tools", "build"])
                .SelectMany(folder =>
                    Directory.EnumerateFiles(
                        Path.Combine(root, folder),
                        "*.cs",
                        new EnumerationOptions { RecurseSubdirectories = true }
                    )
                )
                .Where(file => !file.Split(Path.DirectorySeparatorChar).Any(part => part is "obj" or "bin")),
        ];
        Assert.True(files.Length > 500, $"{files.Length} files");
        Assert.Empty(
            files.SelectMany(file =>
                Long(File.ReadAllLines(file)).Select(line => $"{Path.GetRelativePath(root, file)}:{line}")
            )
        );
    }

    [Fact]
    public void A_long_line_is_found_unless_it_is_of_a_raw_string()
    {
        string quotes = new('"', 3),
            text = new('x', Most);
        Assert.Equal([2], Long(["", $"// {text}"]));
        Assert.Empty(Long([$"string s = {quotes}{text}{quotes};", $"    {quotes}", text + text, $"    {quotes};"]));
        Assert.Equal([4], Long([$"    {quotes}", text + text, $"    {quotes};", text + text]));
    }

    /// <summary>
    /// The numbers of the lines that are too long; raw strings hold data and pages, which are as long as they are.
    /// </summary>
    static IEnumerable<int> Long(string[] lines)
    {
        bool raw = false;
        for (int i = 0; i < lines.Length; i++)
        {
            int marks = lines[i].Split("\"\"\"").Length - 1;
            if (lines[i].Length > Most && !raw && marks == 0)
                yield return i + 1;
            raw ^= marks % 2 == 1;
        }
    }

    static string Here([CallerFilePath] string path = "") => path;
}
