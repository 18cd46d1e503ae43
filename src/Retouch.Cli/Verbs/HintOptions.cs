using System.CommandLine;
using Retouch.Formats;
using Retouch.Vit;

namespace Retouch.Cli.Verbs;

/// <summary>The options that say of a model what its files do not: every verb that takes a model has them.</summary>
sealed class HintOptions
{
    readonly Option<string?> _scheme;
    readonly Option<int?> _heads;
    readonly Option<string?> _activation;
    readonly Option<double?> _epsilon;
    readonly Option<string?> _pooling;
    readonly Option<string?> _rope;
    readonly Option<int?> _size;
    readonly Option<string?> _embeddings;
    readonly OrientationOption _orientation;

    /// <summary>Adds the options to a command.</summary>
    /// <param name="command">The verb.</param>
    /// <param name="prefix">What stands before their names: of a verb that takes two models, for the second.</param>
    public HintOptions(Command command, string prefix = "")
    {
        string whose = prefix.Length == 0 ? "the model" : $"the {prefix.TrimEnd('-')} model";
        string[] schemes = [.. NamingSchemes.All.Select(s => s.Name)];
        string[] activations = [.. ModelActivations.Names];
        string[] poolings = [.. ModelPoolings.Names];
        _scheme = new($"--{prefix}scheme")
        {
            Description = $"How {whose}'s tensors are named: {string.Join(", ", schemes)}; recognized by default.",
            HelpName = "NAME",
        };
        _heads = new($"--{prefix}heads")
        {
            Description =
                $"The attention heads of {whose}; by default what its files state, else what is usual for its width.",
            HelpName = "N",
        };
        _activation = new($"--{prefix}activation")
        {
            Description =
                $"The non-linearity of {whose}: {string.Join(", ", activations)}; by default "
                + "what its files state, else gelu.",
            HelpName = "NAME",
        };
        _epsilon = new($"--{prefix}norm-epsilon")
        {
            Description =
                $"The epsilon of the norms of {whose}; by default what its files state, else "
                + "what is usual for its names.",
            HelpName = "EPS",
        };
        _pooling = new($"--{prefix}pooling")
        {
            Description =
                $"What the classifier of {whose} reads: {string.Join(", ", poolings)} (token is [CLS], avg the "
                + "average of the patches); by default what its files state, else [CLS] where there is one and no norm "
                + "after it.",
            HelpName = "NAME",
        };
        _rope = new($"--{prefix}rope")
        {
            Description =
                $"The rotary positions of {whose}: {string.Join(", ", ModelRopes.Names)}, and what differs, as "
                + "eva,period=100,reference=14; by default what its files state.",
            HelpName = "NAME",
        };
        _embeddings = new($"--{prefix}class-embeddings")
        {
            Description =
                $"The embeddings of the classes' texts, [C, D], with which {whose} compares images where it has no "
                + "classifier (CLIP, SigLIP): safetensors or .npy, with or without labels.",
            HelpName = "FILE",
        };
        _size = new($"--{prefix}image-size")
        {
            Description = $"The side of the images that {whose} sees, in pixels; its positions are interpolated to it.",
            HelpName = "PIXELS",
        };
        Verb.Require<string>(_scheme, schemes.Contains, $"one of {string.Join(", ", schemes)}");
        Verb.Require<int>(_heads, heads => heads is >= 1 and <= 1024, "a whole number from 1 to 1024");
        Verb.Require<string>(_activation, activations.Contains, $"one of {string.Join(", ", activations)}");
        Verb.Require<double>(_epsilon, epsilon => epsilon is > 0 and < 1, "a number above 0 and below 1");
        Verb.Require<string>(_pooling, poolings.Contains, $"one of {string.Join(", ", poolings)}");
        Verb.Require<int>(_size, size => size is >= 1 and <= 8192, "a whole number from 1 to 8192");
        foreach (Option option in All)
            command.Add(option);
        _orientation = new OrientationOption(command, prefix, "what the model's file says, else stored");
    }

    /// <summary>The options.</summary>
    public IReadOnlyList<Option> All => [_scheme, _heads, _activation, _epsilon, _pooling, _rope, _size, _embeddings];

    public ModelHints Read(ParseResult parsed) =>
        new()
        {
            Scheme = parsed.GetValue(_scheme) is string scheme ? NamingSchemes.Find(scheme) : null,
            ImageSize = parsed.GetValue(_size),
            ClassEmbeddings = parsed.GetValue(_embeddings),
            Orientation = _orientation.Given(parsed),
            Traits = new VitTraits
            {
                Heads = parsed.GetValue(_heads),
                Activation = parsed.GetValue(_activation) is string activation
                    ? ModelActivations.Parse(activation)
                    : null,
                NormEpsilon = parsed.GetValue(_epsilon),
                Pooling = parsed.GetValue(_pooling) is string pooling ? ModelPoolings.Parse(pooling) : null,
                Rope = parsed.GetValue(_rope) is string rope ? ModelRopes.Parse(rope) : null,
            },
        };
}
