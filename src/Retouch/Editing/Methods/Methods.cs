namespace Retouch.Editing;

/// <summary>Every method of this library. A method is defined in its own folder; here it has one line.</summary>
public static class Methods
{
    static readonly Method[] Own =
    [
        MaskedFineTuning.Definition,
        FineTuning.Plain,
        Kfac.Definition,
        Gate.Definition,
        Remember.Definition,
        FineTuning.WithL1,
        FineTuning.WithL2,
        Lora.Definition,
        KnowledgeNeurons.Definition,
        Rome.Definition,
        AlphaEdit.Definition,
        TPatcher.Definition,
        KnowledgeEditor.Definition,
        Mend.Definition,
        RefineVit.Definition,
        XEdit.Definition,
        Grace.Definition,
        Prototype.Definition,
        WiseFt.Definition,
        HeadAlone.Definition,
        DistilledFineTuning.Definition,
        RepairEditor.Definition,
    ];

    static readonly AsyncLocal<Method[]?> More = new();

    /// <summary>The paper that the published method and its baselines are from.</summary>
    internal const string WhereToEdit =
        "Yang, Huang, Chen, Ma, Wei, Learning Where to Edit Vision Transformers, NeurIPS 2024";

    /// <summary>The methods.</summary>
    public static IReadOnlyList<Method> All => [.. Own, .. More.Value ?? []];

    /// <summary>A method by its name.</summary>
    /// <exception cref="BadInputException">There is none.</exception>
    public static Method Find(string name) =>
        All.FirstOrDefault(m => m.Name == name)
        ?? throw BadInput.Missing(
            name,
            $"There is no method {name}; there are {string.Join(", ", All.Select(m => m.Name))}."
        );

    /// <summary>
    /// Adds a method of one's own for this flow of control and what it starts, until the result is disposed.
    /// </summary>
    /// <exception cref="ArgumentException">There is a method of this name.</exception>
    public static IDisposable Including(Method method)
    {
        if (All.Any(m => m.Name == method.Name))
            throw new ArgumentException($"There is a method {method.Name} already.", nameof(method));
        Method[]? before = More.Value;
        More.Value = [.. before ?? [], method];
        return new Removal(before);
    }

    sealed class Removal(Method[]? before) : IDisposable
    {
        public void Dispose() => More.Value = before;
    }
}
