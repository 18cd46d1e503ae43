using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using NetArchTest.Rules;
using Retouch.Benchmarks;
using Retouch.Editing;
using Retouch.Kernels;
using Retouch.Locating;
using Retouch.Patches;
using Retouch.Reports;
using Retouch.Suffix;
using Retouch.UseCases;

namespace Retouch.Tests;

/// <summary>
/// The three walks of <c>docs/architecture.md</c> go one way: who calls knows who is called, data of a step only that
/// of steps before it.
/// </summary>
public sealed partial class WalkTests
{
    const string Edit = "An image through `edit` to the patch file";
    const string Gradient = "A gradient through one step";
    const string Row = "A benchmark row to the report";

    static readonly Type s_editVerb = typeof(global::Retouch.Cli.App).Assembly.GetType(
        "Retouch.Cli.Verbs.EditVerb",
        throwOnError: true
    )!;

    /// <summary>
    /// Types that one walk passes, none of which may know one of the <em>earlier</em>: who calls comes first.
    /// </summary>
    static readonly (string Walk, Type[] Types)[] s_calls =
    [
        (Edit, [s_editVerb, typeof(EditUseCase), typeof(SplitVit)]),
        (Edit, [s_editVerb, typeof(EditUseCase), typeof(Method), typeof(IEditor), typeof(ILocator)]),
        (
            Gradient,
            [
                typeof(MaskedFineTuning),
                typeof(DescendingEdits),
                typeof(RowBatch),
                typeof(EditSession),
                typeof(Passes),
                typeof(OwnUnits<>),
            ]
        ),
        (Gradient, [typeof(MaskedFineTuning), typeof(DescendingEdits), typeof(EditSession), typeof(WeightDelta)]),
        (Row, [typeof(BenchReport), typeof(BenchComparison), typeof(BenchRow)]),
    ];

    /// <summary>
    /// Types that one walk passes, none of which may know one of the <em>later</em>: data, in the order in which it
    /// comes to be.
    /// </summary>
    static readonly (string Walk, Type[] Types)[] s_data =
    [
        (Edit, [typeof(PrefixState), typeof(Failure), typeof(Mask), typeof(EditReport)]),
        (Edit, [typeof(PrefixState), typeof(Failure), typeof(Patch), typeof(PatchFile)]),
        (
            Row,
            [
                typeof(Benchmark),
                typeof(BenchPlan),
                typeof(BenchRow),
                typeof(BenchRowFile),
                typeof(SettingSummary),
                typeof(ReportRun),
                typeof(BenchComparison),
                typeof(ReportFigures),
                typeof(BenchReport),
            ]
        ),
    ];

    [Fact]
    public void Who_is_called_does_not_know_who_calls()
    {
        Assert.All(
            s_calls,
            walk =>
            {
                for (int i = 1; i < walk.Types.Length; i++)
                    Assert.Empty(Known(walk.Types[i], walk.Types[..i]));
            }
        );
    }

    [Fact]
    public void Data_does_not_know_what_becomes_of_it()
    {
        Assert.All(
            s_data,
            walk =>
            {
                for (int i = 0; i < walk.Types.Length - 1; i++)
                    Assert.Empty(Known(walk.Types[i], walk.Types[(i + 1)..]));
            }
        );
    }

    [Fact]
    public void The_search_finds_what_a_step_does_know()
    {
        Assert.NotEmpty(Known(s_editVerb, [typeof(EditUseCase)]));
        Assert.NotEmpty(Known(typeof(DescendingEdits), [typeof(RowBatch)]));
        Assert.NotEmpty(Known(typeof(BenchReport), [typeof(BenchComparison)]));
        Assert.NotEmpty(Known(typeof(Failure), [typeof(PrefixState)]));
    }

    [Fact]
    public void Each_walk_is_told_in_ten_lines_that_link_its_types()
    {
        string text = File.ReadAllText(Path.Combine(Path.GetDirectoryName(Here())!, "../../docs/architecture.md"));
        foreach (string walk in (string[])[Edit, Gradient, Row])
        {
            string section = text[text.IndexOf($"## {walk}", StringComparison.Ordinal)..];
            section = section[
                ..(section.IndexOf("\n## ", StringComparison.Ordinal) is int end and > 0 ? end : section.Length)
            ];
            Assert.Equal(10, Step().Count(section));
            foreach (Type type in s_calls.Concat(s_data).Where(w => w.Walk == walk).SelectMany(w => w.Types).Distinct())
                Assert.Contains($"/{type.Name.Split('`')[0]}.cs)", section, StringComparison.Ordinal);
        }
    }

    static IEnumerable<string> Known(Type type, Type[] others)
    {
        string[] names = [.. others.Select(o => o.FullName!)];
        NetArchTest.Rules.TestResult result = Types
            .InAssembly(type.Assembly)
            .That()
            .HaveName(type.Name.Split('`')[0])
            .And()
            .ResideInNamespace(type.Namespace!)
            .ShouldNot()
            .HaveDependencyOnAny(names)
            .GetResult();
        return result.FailingTypeNames ?? [];
    }

    static string Here([CallerFilePath] string path = "") => path;

    [GeneratedRegex(@"^\d+\. ", RegexOptions.Multiline)]
    private static partial Regex Step();
}
