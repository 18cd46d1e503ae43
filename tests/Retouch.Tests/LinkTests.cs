using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;

namespace Retouch.Tests;

/// <summary>What the documents link to is there.</summary>
public sealed partial class LinkTests
{
    static readonly string s_root = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(Here())!, "../.."));

    public static TheoryData<string> Documents =>
        [
            .. Directory
                .EnumerateFiles(s_root, "*.md")
                .Concat(Directory.EnumerateFiles(Path.Combine(s_root, "docs"), "*.md"))
                .Concat(Directory.EnumerateFiles(Path.Combine(s_root, "src"), "README.md", SearchOption.AllDirectories))
                .Select(f => Path.GetRelativePath(s_root, f).Replace('\\', '/'))
                .Order(StringComparer.Ordinal),
        ];

    [Theory]
    [MemberData(nameof(Documents))]
    public void Every_relative_link_leads_somewhere(string document)
    {
        string[] dead = Dead(Path.Combine(s_root, document), File.ReadAllText(Path.Combine(s_root, document)));
        Assert.True(dead.Length == 0, $"{document} links to {string.Join(", ", dead)}, where there is nothing.");
    }

    [Theory]
    [InlineData("[a](nowhere.md)", "nowhere.md")]
    [InlineData("![a picture](docs/none.svg)", "docs/none.svg")]
    [InlineData("[a](README.md#no-such-heading)", "README.md#no-such-heading")]
    [InlineData("# Here\n[a](#there)", "#there")]
    public void A_dead_link_is_found(string text, string link) =>
        Assert.Equal([link], Dead(Path.Combine(s_root, "README.md"), text));

    [Theory]
    [InlineData("[a](README.md) [b](https://example.org/x) [c](docs/models.md#hostile-files)")]
    [InlineData("# Here and `there`\n[a](#here-and-there)")]
    [InlineData("```sh\n[a](nowhere.md)\n```")]
    public void A_good_link_an_address_elsewhere_and_code_pass(string text) =>
        Assert.Empty(Dead(Path.Combine(s_root, "README.md"), text));

    static string[] Dead(string path, string text) =>
        [.. Link().Matches(Fence().Replace(text, "")).Select(m => m.Groups[1].Value).Where(l => !Leads(path, text, l))];

    static bool Leads(string path, string text, string link)
    {
        if (Address().IsMatch(link))
            return true;
        string[] parts = link.Split('#', 2);
        string target = Path.Combine(Path.GetDirectoryName(path)!, Uri.UnescapeDataString(parts[0]));
        if (parts[0].Length > 0 && !File.Exists(target) && !Directory.Exists(target))
            return false;
        if (parts.Length == 1 || (parts[0].Length > 0 && !target.EndsWith(".md", StringComparison.Ordinal)))
            return true;
        string there = parts[0].Length == 0 ? text : File.ReadAllText(target);
        return Heading().Matches(Fence().Replace(there, "")).Any(h => Anchor(h.Groups[1].Value) == parts[1]);
    }

    // As forges make it of a heading: lower case, hyphens for spaces, no punctuation.
    static string Anchor(string heading) =>
        string.Concat(
            heading
                .Trim()
                .ToLowerInvariant()
                .Where(c => char.IsLetterOrDigit(c) || c is ' ' or '-' or '_')
                .Select(c => c == ' ' ? '-' : c)
        );

    static string Here([CallerFilePath] string path = "") => path;

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex("^[a-z]+:")]
    private static partial Regex Address();

    [GeneratedRegex("^#+ (.+?)\r?$", RegexOptions.Multiline)]
    private static partial Regex Heading();

    [GeneratedRegex("^```.*?^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Fence();
}
