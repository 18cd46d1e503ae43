using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;
using System.Text.RegularExpressions;
using Retouch.Cli;
using Retouch.Formats;
using Retouch.Locating;
using Retouch.Tests.Formats;

namespace Retouch.Tests;

/// <summary>Errors are data: the library says what is wrong, and one place of the command line what to type.</summary>
public sealed partial class ErrorTests : IDisposable
{
    // Pages that the tool makes and their style sheets, whose variables look like options.
    static readonly string[] Exceptions =
    [
        "<!--groups-->",
        "<p>LR was not measured in these runs, so methods cannot be compared at equal LR. Name a folder of other\n"
            + "images with <code>--locality</code> when mining and when running.</p>",
    ];

    readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void No_text_of_the_library_names_an_option_or_a_command()
    {
        string[] named =
        [
            .. Texts(typeof(BadInputException).Assembly.Location)
                .Where(Names)
                .Where(t => !t.StartsWith(":root{", StringComparison.Ordinal)),
        ];
        Assert.Empty(named.Except(Exceptions));
        Assert.Empty(Exceptions.Except(named));
    }

    [Fact]
    public void The_search_finds_what_the_command_line_names()
    {
        string[] named = [.. Texts(typeof(App).Assembly.Location).Where(Names)];
        Assert.Contains("pass --overwrite to replace it", named);
        Assert.Contains(named, n => n.Contains("retouch mine", StringComparison.Ordinal));
    }

    [Fact]
    public void Every_remedy_has_words()
    {
        Remedy[] remedies =
        [
            Remedy.Overwrite,
            Remedy.Resume,
            Remedy.ResumeRun,
            Remedy.BeginAgain,
            Remedy.GoOn,
            Remedy.Finish,
            Remedy.StartAnew,
            Remedy.OtherOutput,
            Remedy.OutputEnding(".safetensors"),
            Remedy.TakeAway,
            Remedy.FreeSpace,
            Remedy.Merge("f"),
            Remedy.Export("timm", "torchvision"),
            Remedy.Smaller("depth", "width"),
            .. Enum.GetValues<Parameter>()
                .SelectMany(p =>
                    (Remedy[])
                        [
                            Remedy.Option(p),
                            Remedy.Option(p, "8"),
                            Remedy.Smaller(p),
                            Remedy.Larger(p),
                            Remedy.LeaveOut(p),
                        ]
                ),
            .. Enum.GetValues<Artifact>()
                .SelectMany(a =>
                    (Remedy[])
                        [
                            Remedy.Make(a, "gate", null, null),
                            Remedy.MakeIn(a, "f"),
                            Remedy.MakeIn(a, "f", 8),
                            Remedy.MakeAgain(a, "gate", "f"),
                            Remedy.GiveMade(a),
                        ]
                ),
        ];
        Assert.Equal(
            Enum.GetValues<RemedyAction>(),
            remedies.Append(Remedy.AnyOf(remedies)).Select(r => r.Action).Distinct().Order()
        );
        Assert.All(
            remedies,
            r =>
            {
                string text = RemedyText.Of(new Problem("It is bad.", Remedy: r));
                Assert.Matches("^It is bad; [^A-Z.].*[^.;,]\\.$", text);
                Assert.DoesNotContain("  ", text, StringComparison.Ordinal);
            }
        );
    }

    [Fact]
    public void A_remedy_follows_the_message()
    {
        Assert.Equal("f exists; pass --overwrite to replace it.", Text("f exists.", Remedy.Overwrite));
        Assert.Equal("Is it whole? Leave out --resume to start anew.", Text("Is it whole?", Remedy.StartAnew));
        Assert.Equal("It is bad.", Text("It is bad.", null));
        Assert.Equal(
            "f exists; pass --resume to go on with it, or name another folder with --out.",
            Text("f exists.", Remedy.AnyOf(Remedy.Resume, Remedy.OtherOutput), BadInputKind.Exists)
        );
        Assert.Equal(
            "It has none; make it from some ordinary images: retouch prepare --model m --images FOLDER "
                + "--method gate --blocks 7-9 --out gate.safetensors, and add --prepared gate.safetensors.",
            Text("It has none.", new MadeFor { Model = "--model m", Blocks = "7-9" }.MakePreparation("gate"))
        );

        static string Text(string message, Remedy? remedy, BadInputKind kind = BadInputKind.Other) =>
            RemedyText.Of(new BadInputException(message) { Kind = kind, Remedy = remedy });
    }

    [Fact]
    public void An_error_says_as_data_what_it_is_about()
    {
        string file = _folder.File("there");
        File.WriteAllText(file, "");
        BadInputException exists = Assert.Throws<BadInputException>(() =>
            AtomicFile.CheckWritable(file, overwrite: false)
        );
        Assert.Equal(new Problem($"{file} exists.", BadInputKind.Exists, file, Remedy.Overwrite), exists.Problem);

        BadInputException none = Assert.Throws<BadInputException>(() => TargetBank.Open(_folder.Root));
        Assert.Equal((BadInputKind.Missing, _folder.Root), (none.Kind, none.Subject));
        Assert.Equal(
            (RemedyAction.Make, Artifact.TargetBank, _folder.Root),
            (none.Remedy!.Action, none.Remedy.Artifact, none.Remedy.Place)
        );
    }

    [Fact]
    public void A_place_in_front_keeps_kind_and_remedy()
    {
        BadInputException inner = new("its width is 3.") { Kind = BadInputKind.OutOfRange, Remedy = Remedy.TakeAway };
        BadInputException outer = inner.At("config.json");
        Assert.Equal(
            new Problem("config.json: its width is 3.", BadInputKind.OutOfRange, "config.json", Remedy.TakeAway),
            outer.Problem
        );
        Assert.Same(outer, outer.AtUnlessNamed("config.json"));
        Assert.Equal("folder: config.json: its width is 3.", outer.AtUnlessNamed("folder").Message);
    }

    static bool Names(string text) =>
        Option().IsMatch(text)
        || App.Commands().Subcommands.Any(c => text.Contains($"retouch {c.Name}", StringComparison.Ordinal));

    static IEnumerable<string> Texts(string file)
    {
        using PEReader image = new(File.OpenRead(file));
        MetadataReader metadata = image.GetMetadataReader();
        UserStringHandle at = MetadataTokens.UserStringHandle(0);
        while (!(at = metadata.GetNextHandle(at)).IsNil)
            yield return metadata.GetUserString(at);
    }

    [GeneratedRegex("--[a-z][a-z-]+", RegexOptions.CultureInvariant)]
    private static partial Regex Option();
}
