using System.Reflection;
using NetArchTest.Rules;
using Retouch.Benchmarks;
using Retouch.Editing;
using Retouch.Locating;
using Retouch.Measurement;
using Retouch.Patches;
using Retouch.UseCases;

namespace Retouch.Tests;

/// <summary>The arrows between the rooms go one way.</summary>
public sealed class ArchitectureTests
{
    static readonly Assembly Library = typeof(BadInputException).Assembly;

    /// <summary>Each room with all that it may know.</summary>
    static readonly Dictionary<string, string[]> Allowed = new()
    {
        ["Vit"] = [],
        ["Images"] = [],
        ["Plots"] = Named("Formats"),
        ["Optimizers"] = Named("Kernels"),
        ["Kernels"] = Named("Vit"),
        ["Suffix"] = Named("Vit Kernels"),
        ["Formats"] = Named("Vit Images"),
        ["Data"] = Named("Images Formats"),
        ["Pretraining"] = Named("Vit Images Formats Data Optimizers"),
        ["Patches"] = Named("Vit Suffix Formats"),
        ["Locating"] = Named("Patches Suffix Vit Formats Data Images Optimizers"),
        ["Editing"] = Named("Locating Patches Suffix Vit Formats Data Images Optimizers"),
        ["Measurement"] = Named("Editing Locating Patches Suffix Vit Formats Data Images"),
        ["Benchmarks"] = Named("Measurement Editing Locating Patches Suffix Vit Formats Data Images Plots"),
        ["Reports"] = Named("Benchmarks Measurement Editing Locating Patches Suffix Vit Formats Data Images Plots"),
        ["UseCases"] = Named(
            "Reports Benchmarks Measurement Editing Locating Patches Suffix Vit Formats Data Images Plots"
        ),
    };

    public static TheoryData<string> Rooms => [.. Allowed.Keys];

    [Theory]
    [MemberData(nameof(Rooms))]
    public void A_room_knows_no_room_above_it(string room)
    {
        string[] forbidden =
        [
            .. Allowed
                .Keys.Append("Cli")
                .Append("Studio")
                .Except(Allowed[room])
                .Where(r => r != room)
                .Select(r => $"Retouch.{r}"),
        ];
        string[] offenders = Offenders(Library, $"Retouch.{room}", forbidden);
        Assert.True(
            offenders.Length == 0,
            $"{room} may know {(Allowed[room].Length == 0 ? "no other room" : string.Join(", ", Allowed[room]))}; "
                + $"these types know more: {string.Join(", ", offenders)}"
        );
    }

    [Fact]
    public void The_model_and_the_pixels_know_no_file_library()
    {
        Assert.Empty(
            Offenders(Library, "Retouch.Vit", ["SkiaSharp", "ICSharpCode", "System.IO.File", "System.IO.FileStream"])
        );
        Assert.Empty(Offenders(Library, "Retouch", ["System.CommandLine", "Spectre.Console"]));
    }

    [Fact]
    public void Every_type_of_the_library_lives_in_a_room()
    {
        string[] rooms = [.. Allowed.Keys.Select(r => $"Retouch.{r}")];
        // What every room says of bad input, and what reading may take.
        Type[] common =
        [
            typeof(BadInput),
            typeof(BadInputException),
            typeof(BadInputKind),
            typeof(Problem),
            typeof(Remedy),
            typeof(RemedyAction),
            typeof(Parameter),
            typeof(Artifact),
            typeof(SystemMessage),
            typeof(ReadingBudget),
            typeof(Told<>),
        ];
        Assert.All(Library.GetExportedTypes().Except(common), t => Assert.Contains(t.Namespace, rooms));
    }

    [Fact]
    public void The_search_finds_the_arrows_that_are_there()
    {
        Assert.Contains(typeof(Patch).FullName, Offenders(Library, "Retouch.Patches", ["Retouch.Vit"]));
        Assert.Contains(typeof(LocalitySet).FullName, Offenders(Library, "Retouch.Measurement", ["Retouch.Suffix"]));
        Assert.Contains(typeof(GradientLocator).FullName, Offenders(Library, "Retouch.Locating", ["Retouch.Suffix"]));
        // Within a method alone, in a file that names Formats in no signature.
        Assert.Contains(typeof(HypernetworkFile).FullName, Offenders(Library, "Retouch.Locating", ["Retouch.Formats"]));
    }

    [Fact]
    public void The_command_line_leaves_editing_measuring_and_running_to_the_use_cases()
    {
        string[] theirs =
        [
            .. (
                (Type[])
                    [
                        typeof(IEditor),
                        typeof(EditResult),
                        typeof(EditorResources),
                        typeof(Failure),
                        typeof(LocalitySet),
                        typeof(Locality),
                        typeof(GuardedEdit),
                        typeof(BenchPlan),
                        typeof(BenchRun),
                        typeof(BenchRowFile),
                        typeof(EditorRegistry),
                        typeof(LocationSearch),
                    ]
            ).Select(t => t.FullName!),
        ];
        Assert.Empty(Offenders(typeof(global::Retouch.Cli.App).Assembly, "Retouch.Cli", theirs));
        Assert.All(
            (Type[])[typeof(EditUseCase), typeof(BenchmarkSession), typeof(LocationSession), typeof(DemoRun)],
            t => Assert.Contains(t.FullName, Offenders(Library, "Retouch.UseCases", theirs))
        );
    }

    static string[] Named(string rooms) => rooms.Split(' ');

    static string[] Offenders(Assembly assembly, string room, string[] forbidden) =>
        [
            .. Types
                .InAssembly(assembly)
                .That()
                .ResideInNamespaceMatching($@"^{room.Replace(".", @"\.", StringComparison.Ordinal)}(\.|$)")
                .ShouldNot()
                .HaveDependencyOnAny(forbidden)
                .GetResult()
                .FailingTypeNames
                ?? [],
        ];
}
