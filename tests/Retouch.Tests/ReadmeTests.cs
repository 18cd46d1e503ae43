using System.Text.RegularExpressions;

namespace Retouch.Tests;

/// <summary>What the README says of the library and of the command line is so.</summary>
public sealed class ReadmeTests
{
    const string Usings = "using Retouch.";
    const string Body = "public static void Run()";

    static readonly string Root = Find();

    [Fact]
    public void Its_lines_of_csharp_are_those_that_are_compiled_with_these_tests()
    {
        string code = Assert
            .Single(Regex.Matches(Read("README.md"), "```csharp\n(.*?)```", RegexOptions.Singleline))
            .Groups[1]
            .Value;
        string[] compiled = Lines(Read("tests", "Retouch.Tests", "ReadmeSnippet.cs"));
        string[] usings = [.. compiled.TakeWhile(l => l.StartsWith(Usings, StringComparison.Ordinal))];
        string[] body = [.. compiled.SkipWhile(l => l != Body).Skip(2).TakeWhile(l => l != "}")];
        Assert.True(usings.Length > 1 && body.Length > 4);
        Assert.Equal([.. usings, .. body], Lines(code));
    }

    [Fact]
    public void The_help_promises_no_more_than_there_is_for_taking_an_edit_back()
    {
        foreach (
            string[] help in (string[][])
                [
                    ["--help"],
                    ["edit", "--help"],
                ]
        )
        {
            string text = Regex.Replace(Cli.Ran.Retouch(help).Good().Out, @"\s+", " ");
            Assert.DoesNotContain("reversible", text, StringComparison.Ordinal);
            Assert.Contains("an edit is taken back by using", text, StringComparison.Ordinal);
        }
        string edit = Regex.Replace(Cli.Ran.Retouch("edit", "--help").Good().Out, @"\s+", " ");
        Assert.Contains("\"alreadyRight\": true", edit, StringComparison.Ordinal);
        Assert.Contains(
            "To take an edit back, use the model without its patch",
            Read("README.md"),
            StringComparison.Ordinal
        );
    }

    static string[] Lines(string text) => [.. text.Split('\n').Select(l => l.Trim()).Where(l => l.Length > 0)];

    static string Read(params string[] parts) =>
        File.ReadAllText(Path.Combine([Root, .. parts])).ReplaceLineEndings("\n");

    static string Find()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Retouch.slnx")))
            folder = folder.Parent;
        return folder?.FullName
            ?? throw new InvalidOperationException($"No repository is above {AppContext.BaseDirectory}.");
    }
}
