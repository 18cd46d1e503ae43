using System.CommandLine;
using Retouch.Cli;
using Retouch.Formats;

namespace Retouch.Tests.Cli;

/// <summary>All commands with their options: each name means one thing.</summary>
public sealed class CommandTreeTests
{
    public static TheoryData<string> Verbs => [.. All(App.Commands(), "").Select(c => c.Path)];

    [Fact]
    public void No_two_options_of_a_command_have_a_name_in_common() => Assert.Empty(Doubles(App.Commands(), []));

    [Fact]
    public void A_double_is_found_wherever_it_is()
    {
        Command inner = new("inner") { new Option<int>("--keep", "-k"), new Option<int>("--kept", "-k") };
        Command other = new("other")
        {
            new Option<int>("--all") { Recursive = true },
            new Command("below") { new Option<int>("--all") },
        };
        Command root = new("root") { new Option<int>("--heads"), new Option<string>("--heads"), inner, other };
        Assert.Equal(["root: --heads", "inner: -k", "below: --all"], Doubles(root, []));
    }

    [Theory]
    [MemberData(nameof(Verbs))]
    public void An_option_of_one_value_that_is_given_twice_is_refused(string path)
    {
        Command root = App.Commands();
        Command command = All(root, "").Single(c => c.Path == path).Command;
        Option[] single =
        [
            .. command.Options.Where(o => o.Arity.MaximumNumberOfValues == 1 && o.ValueType != typeof(bool)),
        ];
        foreach (Option option in single)
        {
            (string first, string second) = option.ValueType == typeof(bool?) ? ("true", "false") : ("1", "2");
            Ran ran = Ran.Retouch([.. path.Split(' '), option.Name, first, option.Name, second]);
            Assert.Equal(2, ran.Code);
            Assert.Contains($"{option.Name} is given 2 times, but takes one value", ran.Err, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_switch_says_the_same_twice()
    {
        Ran once = Ran.Retouch("methods", "--json").Good();
        Ran twice = Ran.Retouch("methods", "--json", "--json").Good();
        Assert.Equal(once.Out, twice.Out);
    }

    [Fact]
    public void Heads_are_the_models_and_the_hypernetworks_have_a_name_of_their_own()
    {
        using Workbench bench = new();
        string[] shared = ["--model", bench.Model, "--bank", bench.Path("bank")];
        string[] solve =
        [
            "solve-targets",
            .. shared,
            "--images",
            bench.Locality,
            "--count",
            "8",
            "--batch",
            "2",
            "--outer-steps",
            "1",
            "--inner-steps",
            "1",
        ];
        string[] train = ["train-locator", .. shared, "--out", bench.Path("l"), "--batch", "4", "--epochs", "1"];
        Ran.Retouch(solve).Good();
        bench.Refuses([.. train, "--heads", "5"], "5 attention heads");
        Ran.Retouch([.. train, "--heads", "3", "--hypernetwork-heads", "2"]).Good();
        using (SafeTensorsFile file = SafeTensorsFile.Open(bench.Path("l")))
            Assert.Equal("2", file.Metadata["heads"]);
        string[] two = ["--blocks", "2", "--hypernetwork-blocks", "3"];
        bench.Refuses([.. train, .. two], "--blocks 2", "--hypernetwork-blocks 3");
    }

    static IEnumerable<(string Path, Command Command)> All(Command command, string path) =>
        command.Subcommands.SelectMany(c => All(c, $"{path} {c.Name}").Prepend(($"{path} {c.Name}".Trim(), c)));

    static IEnumerable<string> Doubles(Command command, IReadOnlyList<Option> above)
    {
        Option[] seen = [.. above, .. command.Options];
        IEnumerable<string> own = seen.SelectMany(o => o.Aliases.Append(o.Name))
            .Concat(command.Subcommands.SelectMany(c => c.Aliases.Append(c.Name)))
            .GroupBy(n => n)
            .Where(g => g.Count() > 1)
            .Select(g => $"{command.Name}: {g.Key}");
        return own.Concat(command.Subcommands.SelectMany(c => Doubles(c, [.. seen.Where(o => o.Recursive)])));
    }
}
