using Retouch.Vit;

namespace Retouch.Editing;

/// <summary>
/// The method of an edit where nobody names one: the best whose conditions the request, the model and what is at hand
/// meet. Settings that the published edit has mean the published edit.
/// </summary>
public static class BestMethod
{
    static readonly IReadOnlyDictionary<string, string> Nothing = new Dictionary<string, string>();

    static readonly Candidate[] BestFirst =
    [
        new(Gate.Definition)
        {
            Outdone = config =>
                config.Stages.Count > 0 ? "on transformers of several stages kfac was measured to do better" : null,
            OwnBlocksOnly = true,
            RewritesUnits = true,
        },
        new(Kfac.Definition),
        new(MaskedFineTuning.Definition)
        {
            WithoutHypernetwork = new Dictionary<string, string> { ["locator"] = "gradient" },
        },
    ];

    static readonly Candidate Published = BestFirst[^1];

    static readonly Func<Candidate, MethodWish, string?>[] ConditionsOfRequest =
    [
        (c, wish) =>
            wish.Guarded && c.Method.Generalities.Count == 0 ? "no way from general edits to local ones" : null,
        (c, wish) =>
            wish.Settings.FirstOrDefault(name => !c.Method.Settings.Any(s => s.Name == name)) is string lacking
                ? $"no setting {lacking}"
                : null,
        (c, wish) =>
            BestFirst.Any(other => Reads(other, wish)) && !Reads(c, wish) ? "another preparation was given" : null,
    ];

    static readonly Func<Candidate, MethodSupplies, string?>[] ConditionsOfModel =
    [
        (c, supplies) => c.Outdone(supplies.Config),
        (c, supplies) =>
            c.OwnBlocksOnly && supplies.Blocks is not null && supplies.Blocks != c.Method.Window(supplies.Config)
                ? $"it edits block {c.Method.Window(supplies.Config).BlockRange} alone"
                : null,
        (c, supplies) =>
            c.RewritesUnits && supplies.EditedBefore ? "it might rewrite the unit of an earlier edit" : null,
        (c, supplies) => supplies.Statistics(c.Method) ? null : NoStatistics,
    ];

    const string NoStatistics = "neither statistics for this model nor ordinary images to make them from";

    /// <summary>The names of the methods that are chosen by themselves, the best first.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. BestFirst.Select(c => c.Method.Name)];

    /// <summary>The methods that a request allows, whatever the model: the one to be tried first comes first.</summary>
    /// <exception cref="BadInputException">There is none.</exception>
    internal static IReadOnlyList<Method> Possible(MethodWish wish)
    {
        List<(Candidate Candidate, string Reason)> passed = [];
        List<Method> possible = [];
        foreach (Candidate candidate in Order(wish))
        {
            if (WhyNot(candidate, wish) is string reason)
                passed.Add((candidate, reason));
            else
                possible.Add(candidate.Method);
        }
        return possible.Count > 0 ? possible : throw None(passed, wish);
    }

    /// <summary>The best method that meets everything.</summary>
    /// <exception cref="BadInputException">There is none; the message says why not each.</exception>
    internal static MethodChoice Choose(MethodWish wish, MethodSupplies supplies)
    {
        List<(Candidate Candidate, string Reason)> passed = [];
        foreach (Candidate candidate in Order(wish))
        {
            string? reason =
                WhyNot(candidate, wish)
                ?? ConditionsOfModel
                    .Select(condition => condition(candidate, supplies))
                    .FirstOrDefault(r => r is not null);
            if (reason is null)
                return new MethodChoice(
                    candidate.Method,
                    passed.Count > 0 ? Why(passed)
                        : wish.Settings.Count > 0 ? $"whose settings were given ({string.Join(", ", wish.Settings)})"
                        : "the best that this model allows",
                    supplies.Hypernetwork || wish.Settings.Contains("locator")
                        ? Nothing
                        : candidate.WithoutHypernetwork,
                    passed.Any(p => p.Reason == NoStatistics)
                );
            passed.Add((candidate, reason));
        }
        throw None(passed, wish);
    }

    static IEnumerable<Candidate> Order(MethodWish wish) =>
        wish.Settings.Count == 0 ? BestFirst : BestFirst.Prepend(Published).Distinct();

    static string? WhyNot(Candidate candidate, MethodWish wish) =>
        ConditionsOfRequest.Select(condition => condition(candidate, wish)).FirstOrDefault(r => r is not null);

    static bool Reads(Candidate candidate, MethodWish wish) =>
        candidate.Method.PreparationKind is string kind && wish.Preparations.Contains(kind);

    static string Why(IEnumerable<(Candidate Candidate, string Reason)> passed) =>
        string.Join(
            "; ",
            passed
                .GroupBy(p => p.Reason)
                .Select(g => $"not {string.Join(", ", g.Select(p => p.Candidate.Method.Name))}: {g.Key}")
        );

    static BadInputException None(IReadOnlyList<(Candidate Candidate, string Reason)> passed, MethodWish wish)
    {
        Method[] able = [.. Methods.All.Where(m => wish.Settings.All(name => Has(m, name)))];
        if (able.Length == 0)
            return Nobody(wish);
        Remedy name =
            wish.Settings.Count > 0 && able.Length == 1
                ? Remedy.Option(Parameter.Method, able[0].Name)
                : Remedy.Option(Parameter.Method);
        string are = wish.Settings.Count == 1 ? "is a setting" : "are settings";
        string have =
            wish.Settings.Count > 0 && able.Length < Methods.All.Count
                ? $"; {string.Join(", ", wish.Settings)} {are} " + $"of {string.Join(", ", able.Select(m => m.Name))}"
                : "";
        return BadInput.Mismatch(
            null,
            $"There is no method for this edit that can be chosen without its name: {Why(passed)}{have}.",
            passed.Any(p => p.Reason == NoStatistics) ? Remedy.AnyOf(Remedy.Option(Parameter.Locality), name) : name
        );
    }

    // No name of a method would help.
    static BadInputException Nobody(MethodWish wish)
    {
        IEnumerable<string> each = wish.Settings.Select(name =>
            Methods.All.Where(m => Has(m, name)).Select(m => m.Name).ToArray() is { Length: > 0 } have
                ? $"{name} is one of {string.Join(", ", have)}"
                : $"{name} is one of no method"
        );
        return BadInput.Mismatch(
            wish.Settings.First(),
            wish.Settings.Count == 1
                ? $"No method has a setting {wish.Settings.First()}; check its name."
                : $"No method has all of the settings {string.Join(", ", wish.Settings)}: {string.Join("; ", each)}; "
                    + "leave out those of the others."
        );
    }

    static bool Has(Method method, string setting) => method.Settings.Any(s => s.Name == setting);

    /// <summary>A method and what it asks for.</summary>
    sealed record Candidate(Method Method)
    {
        /// <summary>Why another one comes first for a model; null where none does.</summary>
        public Func<VitConfig, string?> Outdone { get; init; } = _ => null;

        /// <summary>Whether it edits its own window alone, whatever blocks were asked for.</summary>
        public bool OwnBlocksOnly { get; init; }

        /// <summary>Whether it takes a hidden unit for itself, and so perhaps one that an earlier edit took.</summary>
        public bool RewritesUnits { get; init; }

        /// <summary>Values of its settings where there is no hypernetwork for the model.</summary>
        public IReadOnlyDictionary<string, string> WithoutHypernetwork { get; init; } = Nothing;
    }
}
