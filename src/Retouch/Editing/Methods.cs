using Retouch.Locating;
using Retouch.Vit;

namespace Retouch.Editing;

/// <summary>Every method of this library, with the settings that draw its curve.</summary>
public static class Methods
{
    const string WhereToEdit = "Yang, Huang, Chen, Ma, Wei, Learning Where to Edit Vision Transformers, NeurIPS 2024";
    static readonly MethodKnob Steps = new("steps", "steps at most", "100");

    /// <summary>The methods.</summary>
    public static IReadOnlyList<MethodInfo> All { get; } =
    [
        new("masked-fine-tuning", "fine-tuning of the units that a locator names", WhereToEdit,
            [
                new("locator", "what says where to edit: hypernetwork, gradient, fisher, random", "hypernetwork", ["hypernetwork", "gradient", "random"], ["hypernetwork", "gradient", "fisher", "random"]),
                new("keep", "the share of units to edit", "0.05", ["0.25", "0.05"], ["0.75", "0.5", "0.25", "0.1", "0.05"]),
                new("lr", "RMSprop's step size", "2E-05"), Steps,
            ],
            (v, r) => new MaskedFineTuning(Locator(v.Text("locator"), r, FisherStatistics.Kind), new() { KeepRatio = v.Number("keep"), LearningRate = v.Number("lr"), MaxSteps = v.Count("steps"), Seed = r.Seed })),
        new("ft", "fine-tuning of all six matrices", WhereToEdit,
            [new("lr", "RMSprop's step size", "2E-05", ["1E-05", "2E-05", "5E-05"], ["5E-06", "1E-05", "2E-05", "5E-05", "0.0001"]), Steps],
            (v, _) => new FineTuning(new() { LearningRate = v.Number("lr"), MaxSteps = v.Count("steps") })),
        new("kfac", "natural-gradient steps in the metric of ordinary images", "this library, after Martens, Grosse, Optimizing Neural Networks with Kronecker-factored Approximate Curvature, ICML 2015",
            [
                new("damping", "between locality (small) and generalization (large)", "0.1", ["0.1"], ["1", "0.1", "0.01"]),
                new("stopLoss", "the loss at which an edit is done", "0.01"),
                new("stopMargin", "by how much the right class's logit has to lead then: more generalizes more", "0", ["0", "12"], ["0", "8", "12", "16"]),
                new("step", "a step's greatest length, relative to the weights", "0.02"),
                new("locator", "what says where to edit: all, hypernetwork, gradient, fisher, random", "fisher"),
                new("keep", "the share of units to edit, if not all", "0.05"),
                new("outputDamping", "the same for K-FAC's output side, or none", "none"),
                new("tokens", "of which tokens the gradient is: cls or all", "cls"),
                new("steps", "steps at most", "50"),
            ],
            (v, r) => new Kfac(
                r.Preparation(InputStatistics.Kind),
                new()
                {
                    OnlyClass = v.Text("tokens") switch { "cls" => true, "all" => false, string other => throw new BadInputException($"The setting tokens of kfac is {other}; it must be cls or all.") },
                    Damping = v.Number("damping"), StopLoss = v.Number("stopLoss"), StopMargin = v.Number("stopMargin"), StepLength = v.Number("step"), MaxSteps = v.Count("steps"),
                    KeepRatio = v.Text("locator") == "all" ? 1 : v.Number("keep"), OutputDamping = v.Text("outputDamping") == "none" ? null : v.Number("outputDamping"), Seed = r.Seed,
                },
                Locator(v.Text("locator"), r, InputStatistics.Kind), v.Text("outputDamping") == "none" ? null : r.Preparation(OutputStatistics.Kind)),
            () => new InputStatistics()) { Window = EditSpace.Last },
        new("gate", "one hidden unit of the last FFN opens for images like the failing one", "this library, after Huang et al., Transformer-Patcher: One Mistake Worth One Neuron, ICLR 2023",
            [
                new("leak", "the share of ordinary images of other classes that may open the gate", "0.02", ["0.02"], ["0.1", "0.05", "0.02", "0.01"]),
                new("gain", "what the value is multiplied by once it corrects the image: more generalizes more", "5", ["1", "5"], ["1", "2", "3", "5", "10"]),
                new("steps", "steps at most", "200"),
            ],
            (v, r) => new Gate(r.Preparation(GateMemory.Kind), new() { Leak = v.Number("leak"), Gain = v.Number("gain"), MaxSteps = v.Count("steps") }),
            () => new GateMemory()) { Window = config => new EditSpace(config, config.Depth - 1, 1) },
        Penalized("ft-l1", "fine-tuning with an ℓ1 penalty on the change", FineTuningPenalty.L1),
        Penalized("ft-l2", "fine-tuning with an ℓ2 penalty on the change", FineTuningPenalty.L2),
        new("lora", "low-rank changes of queries and values", "Hu et al., LoRA: Low-Rank Adaptation of Large Language Models, ICLR 2022",
            [new("lr", "Adam's step size", "0.002", ["0.0005", "0.002", "0.005"], ["0.0002", "0.0005", "0.001", "0.002", "0.005", "0.01"]), new("rank", "the rank of each change", "4"), Steps],
            (v, r) => new Lora(new() { LearningRate = v.Number("lr"), Rank = v.Count("rank"), MaxSteps = v.Count("steps"), Seed = r.Seed })),
        new("kn", "the units that carry the wrong prediction get other values", "Dai et al., Knowledge Neurons in Pretrained Transformers, ACL 2022",
            [
                new("gain", "how much of the right class's direction a neuron's value gains, in its own lengths", "2", ["0.5", "1", "2"], ["0.25", "0.5", "1", "2", "4", "8"]),
                new("maxShare", "units that serve more than this share of ordinary images are left out", "0.1"),
                new("neurons", "knowledge neurons at most", "20"),
            ],
            (v, r) => new KnowledgeNeurons(v.Number("maxShare") < 1 ? r.Preparation(NeuronStatistics.Kind) : null, new() { Gain = v.Number("gain"), MaxShare = v.Number("maxShare"), MostNeurons = v.Count("neurons") }),
            () => new NeuronStatistics()),
        new("rome", "a rank-one change of one fc2: one key, one value", "Meng et al., Locating and Editing Factual Associations in GPT, NeurIPS 2022",
            [
                new("stopLoss", "the loss at which the wanted value is found", "0.05", ["1", "0.2", "0.01"], ["1", "0.5", "0.2", "0.1", "0.05", "0.01", "0.003"]),
                new("classShare", "the share of [CLS] keys in the preserved keys", "0.5", ["0.5"], ["0.5"]),
            ],
            (v, r) => new Rome(r.Preparation(KeyStatistics.Kind), new() { ClassShare = v.Number("classShare"), Value = new() { StopLoss = v.Number("stopLoss") } }),
            () => new KeyStatistics()),
        new("alphaedit", "a change of one fc2 in directions that ordinary keys do not use", "Fang et al., AlphaEdit: Null-Space Constrained Knowledge Editing for Language Models, ICLR 2025",
            [
                new("nullEnergy", "how much of the ordinary keys' energy the null space may hold", "0.02", ["0.002", "0.02", "0.2"], ["0.0005", "0.002", "0.005", "0.02", "0.05", "0.2", "1"]),
                new("stopLoss", "the loss at which the wanted value is found", "0.05"),
            ],
            (v, r) => new AlphaEdit(r.Preparation(KeyStatistics.Kind), new() { NullEnergy = v.Number("nullEnergy"), Value = new() { StopLoss = v.Number("stopLoss") } }),
            () => new KeyStatistics()),
        new("t-patcher", "one more hidden unit in the last FFN", "Huang et al., Transformer-Patcher: One Mistake Worth One Neuron, ICLR 2023",
            [new("memory", "how many ordinary images the unit is to be silent on", "700", ["2", "50", "700"], ["1", "2", "5", "20", "50", "200", "700"])],
            (v, r) => new TPatcher(r.Preparation(QueryMemory.Kind), new() { Memory = v.Count("memory") }),
            () => new QueryMemory()) { Sequential = false },
        new("ke", "a hypernetwork gates and shifts the gradient", "De Cao, Aziz, Titov, Editing Factual Knowledge in Language Models, EMNLP 2021",
            [Scale],
            (v, r) => new KnowledgeEditor(r.Preparation(KnowledgeEditorTraining.Kind), new() { Scale = v.Number("scale") }),
            () => new KnowledgeEditorTraining()),
        new("mend", "networks transform the factors of the gradient", "Mitchell et al., Fast Model Editing at Scale, ICLR 2022",
            [Scale],
            (v, r) => new Mend(r.Preparation(MendTraining.Kind), new() { Scale = v.Number("scale") }),
            () => new MendTraining()),
        new("refinevit", "guilty attention heads are ablated, then the representation is projected", "Huang, Zhao, Huang, Model Editing for Vision Transformers, NeurIPS 2025",
            [
                new("locality", "the weight of keeping ordinary images' representation", "10", ["1", "100"], ["0.1", "1", "10", "100", "1000"]),
                new("heads", "attention heads to ablate at most", "1", ["0", "1"], ["0", "1", "2"]),
            ],
            (v, r) => new RefineVit(r.Preparation(TokenMemory.Kind), new() { Locality = v.Number("locality"), Heads = v.Count("heads") }),
            () => new TokenMemory()),
    ];

    static MethodKnob Scale => new("scale", "what the learned change is multiplied by", "1", ["0.5", "1", "2"], ["0.25", "0.5", "1", "1.5", "2", "4", "8"]);

    /// <summary>A method by its name.</summary>
    /// <exception cref="BadInputException">There is none.</exception>
    public static MethodInfo Find(string name) => All.FirstOrDefault(m => m.Name == name)
        ?? throw new BadInputException($"There is no method {name}; there are {string.Join(", ", All.Select(m => m.Name))}.");

    static MethodInfo Penalized(string name, string title, FineTuningPenalty penalty) => new(name, title, WhereToEdit,
        [new("strength", "the penalty's weight", "0.01", ["0.001", "0.01", "0.1"], ["0", "0.001", "0.005", "0.01", "0.025", "0.05", "0.1"]), new("lr", "RMSprop's step size", "2E-05"), Steps],
        (v, _) => new FineTuning(new() { Penalty = penalty, Strength = v.Number("strength"), LearningRate = v.Number("lr"), MaxSteps = v.Count("steps") }));

    // A method that has units' Fisher information in statistics of its own takes it from there.
    static ILocator Locator(string name, EditorResources resources, string fisher) => name switch
    {
        "hypernetwork" => new HypernetworkLocator(resources.RequireHypernetwork()),
        "all" => new AllLocator(),
        "gradient" => new GradientLocator(),
        "fisher" => new FisherLocator(resources.Preparation(fisher)),
        "random" => new RandomLocator(resources.Seed, anewForEachFailure: true),
        _ => throw new BadInputException($"There is no locator {name}; there are all, hypernetwork, gradient, fisher, random."),
    };
}
