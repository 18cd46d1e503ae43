using Retouch.Suffix;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Retouch.Locating;

/// <summary>
/// The network that says where to edit ("Learning Where to Edit Vision Transformers", NeurIPS 2024,
/// section 3.2): learned tokens, one a matrix, read a failing image's [CLS] feature through a few pre-norm
/// transformer blocks and give one value in (0,1) for each hidden unit. Owns its tensors.
/// </summary>
/// <remarks>Tensor names are those of the authors' code, so that their checkpoints load.</remarks>
public sealed class Hypernetwork : IDisposable
{
    const double NormEpsilon = 1e-6;
    const float StartGain = 0.3f;

    readonly Dictionary<string, Tensor> _tensors;

    /// <summary>
    /// Builds a hypernetwork from its tensors, taking ownership of those that it uses and disposing the others.
    /// </summary>
    /// <param name="tensors">float32 tensors by name.</param>
    /// <param name="heads">The number of attention heads; divides the width.</param>
    /// <param name="input">What it was trained to see.</param>
    /// <param name="balanced">Whether its units are to be ranked within their matrices.</param>
    /// <exception cref="BadInputException">
    /// A tensor is missing, misshapen or not finite; the message names it. Ownership has not passed then.
    /// </exception>
    public Hypernetwork(
        IReadOnlyDictionary<string, Tensor> tensors,
        int heads,
        LocatorInput input = LocatorInput.Feature,
        bool balanced = false
    )
    {
        (Input, Balanced) = (input, balanced);
        long[] tokens = Shape(tensors, "cls_token");
        long[] output = Shape(tensors, "out_layer.0.out.weight");
        if (tokens.Length != 3 || output.Length != 2 || tokens[1] is < 2 or > 256)
            throw BadInput.Mismatch(
                null,
                "cls_token and out_layer.0.out.weight do not have the shapes [1, matrices, D] and [H, D] of a "
                    + "hypernetwork."
            );
        (Matrices, Width, Hidden, Heads) = ((int)tokens[1], (int)tokens[2], (int)output[0], heads);
        if (heads < 1 || Width % heads != 0)
            throw BadInput.OutOfRange(
                null,
                $"{heads} attention heads do not divide the hypernetwork's width of {Width}."
            );
        while (tensors.ContainsKey($"layer.{Blocks}.attention_norm.weight"))
            Blocks++;
        MlpWidth =
            tensors.TryGetValue("layer.0.ffn.fc1.weight", out Tensor? mlp) && mlp.dim() == 2
                ? (int)mlp.shape[0]
                : Width;
        (string Name, long[] Shape)[] expected = [.. Expected(Matrices, Hidden, Width, Blocks, MlpWidth, Input)];
        foreach ((string name, long[] shape) in expected)
        {
            if (!Shape(tensors, name).AsSpan().SequenceEqual(shape))
                throw BadInput.Mismatch(
                    name,
                    $"{name} is [{string.Join(", ", Shape(tensors, name))}]; [{string.Join(", ", shape)}] was expected."
                );
            using DisposeScope scope = NewDisposeScope();
            if (!tensors[name].isfinite().all().item<bool>())
                throw BadInput.Damaged(name, $"The tensor {name} holds NaN or infinite values.");
        }
        _tensors = expected.ToDictionary(e => e.Name, e => tensors[e.Name].DetachFromDisposeScope());
        foreach ((string name, Tensor unused) in tensors)
        {
            if (!_tensors.ContainsKey(name))
                unused.Dispose();
        }
    }

    /// <summary>
    /// A hypernetwork that has learned nothing: linear layers as PyTorch initializes them, uniform in ±1/√inputs,
    /// its tokens zero. The caller disposes it.
    /// </summary>
    /// <param name="space">Where it is to say what to edit.</param>
    /// <param name="blocks">The number of transformer blocks, at least 1.</param>
    /// <param name="heads">The number of attention heads; divides the width.</param>
    /// <param name="mlpWidth">The width of its MLPs, or null for the width itself, as published.</param>
    /// <param name="seed">The seed of the weights.</param>
    /// <param name="input">What it is to see.</param>
    /// <param name="balanced">Whether its units are to be ranked within their matrices.</param>
    /// <exception cref="BadInputException">The heads do not divide the width.</exception>
    public static Hypernetwork Create(
        EditSpace space,
        int blocks,
        int heads,
        int? mlpWidth,
        int seed,
        LocatorInput input = LocatorInput.Feature,
        bool balanced = false
    )
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(blocks);
        using Generator generator = new((ulong)seed, CPU);
        Dictionary<string, Tensor> tensors = [];
        double bound = 0;
        foreach (
            (string name, long[] shape) in Expected(
                space.Matrices,
                space.Hidden,
                space.Width,
                blocks,
                mlpWidth ?? space.Width,
                input
            )
        )
        {
            // A layer's weight comes before its bias, which has the same bound.
            if (shape.Length == 2)
                bound = 1 / Math.Sqrt(shape[1]);
            tensors[name] =
                name == "cls_token" ? zeros(shape)
                // It starts as a gradient locator and learns where to distrust it.
                : name.EndsWith(".gain", StringComparison.Ordinal) ? Filled(shape, Held(StartGain))
                : !name.Contains("_norm.", StringComparison.Ordinal)
                    ? rand(shape, generator: generator).mul_(Held(2 * bound)).sub_(Held(bound))
                : name.EndsWith("weight", StringComparison.Ordinal) ? ones(shape)
                : zeros(shape);
        }
        return new Hypernetwork(tensors, heads, input, balanced);
    }

    /// <summary>The numbers that one of these settings consists of, counted without making it.</summary>
    internal static double Parameters(EditSpace space, LocatorTrainingSettings settings) =>
        Expected(
                space.Matrices,
                space.Hidden,
                space.Width,
                settings.Blocks,
                settings.MlpWidth ?? space.Width,
                settings.Input
            )
            .Sum(e => e.Shape.Aggregate(1.0, (product, size) => product * size));

    /// <summary>A copy with tensors of its own; the caller disposes it.</summary>
    public Hypernetwork Clone() => new(_tensors.ToDictionary(t => t.Key, t => t.Value.clone()), Heads, Input, Balanced);

    /// <summary>The number of transformer blocks, n: 5 in the paper, 3 in its published command line.</summary>
    public int Blocks { get; }

    /// <summary>What it sees of a failure.</summary>
    public LocatorInput Input { get; }

    /// <summary>
    /// Whether <see cref="HypernetworkLocator"/> ranks units within their matrix, so that a mask has as many of
    /// each; published: no, values of all matrices compete.
    /// </summary>
    public bool Balanced { get; }

    /// <summary>The number of attention heads.</summary>
    public int Heads { get; }

    /// <summary>The width of the feature that it reads, D.</summary>
    public int Width { get; }

    /// <summary>The hidden width of its MLPs; published: <see cref="Width"/>.</summary>
    public int MlpWidth { get; }

    /// <summary>The number of hidden units that it scores a matrix, H.</summary>
    public int Hidden { get; }

    /// <summary>The number of matrices that it scores.</summary>
    public int Matrices { get; }

    /// <summary>The tensors by name; they belong to the hypernetwork.</summary>
    public IReadOnlyDictionary<string, Tensor> Tensors => _tensors;

    /// <summary>The mask values for features of the unedited model, in (0,1).</summary>
    /// <param name="features">
    /// [CLS] features after the final norm, <c>[B,D]</c>, or the tokens of <see cref="Input"/>, <c>[B,n,D]</c>.
    /// </param>
    /// <param name="gradients">
    /// For <see cref="LocatorInput.FeatureAndGradient"/> each unit's gradient norm, <c>[B,matrices,H]</c>; else null.
    /// </param>
    /// <returns><c>[B,matrices,H]</c>; the caller disposes it.</returns>
    /// <exception cref="ArgumentException">Gradients are missing.</exception>
    public Tensor Forward(Tensor features, Tensor? gradients = null)
    {
        if (Input == LocatorInput.FeatureAndGradient && gradients is null)
            throw new ArgumentException("This hypernetwork sees gradients too.", nameof(gradients));
        using DisposeScope scope = NewDisposeScope();
        long batch = features.shape[0];
        Tensor x = cat(
            [
                _tensors["cls_token"].expand(batch, Matrices, Width),
                features.dim() == 2 ? features.unsqueeze(1) : features,
            ],
            1
        ); // [B,matrices+n,D]
        for (int i = 0; i < Blocks; i++)
        {
            string layer = $"layer.{i}.";
            Tensor normed = Norm(x, layer + "attention_norm");
            Tensor mixed = scaled_dot_product_attention(
                Split(Linear(normed, layer + "attn.query")),
                Split(Linear(normed, layer + "attn.key")),
                Split(Linear(normed, layer + "attn.value"))
            );
            x = x.Plus(Linear(mixed.transpose(1, 2).reshape(x.shape), layer + "attn.out"));
            x = x.Plus(Linear(gelu(Linear(Norm(x, layer + "ffn_norm"), layer + "ffn.fc1")), layer + "ffn.fc2"));
        }
        Tensor logits = stack(
            [.. Enumerable.Range(0, Matrices).Select(m => Linear(x[.., m], $"out_layer.{m}.out"))],
            1
        ); // [B,matrices,H]
        if (Input == LocatorInput.FeatureAndGradient)
        {
            Tensor logs = gradients!.clamp_min(Held(1e-20)).log();
            Tensor standard = (logs - logs.mean([1, 2], true)) / logs.std([1, 2], true, true).clamp_min(Held(1e-6));
            logits = logits.Plus(
                standard * stack([.. Enumerable.Range(0, Matrices).Select(m => _tensors[$"out_layer.{m}.gain"])])
            );
        }
        return torch.sigmoid(Held(3) * logits).clamp(Held(1e-5), Held(1 - 1e-5)).MoveToOuterDisposeScope();
    }

    /// <summary>Frees the tensors.</summary>
    public void Dispose()
    {
        foreach (Tensor tensor in _tensors.Values)
            tensor.Dispose();
    }

    static IEnumerable<(string Name, long[] Shape)> Expected(
        int matrices,
        int hidden,
        int width,
        int blocks,
        int mlpWidth,
        LocatorInput input
    )
    {
        long d = width;
        yield return ("cls_token", [1, matrices, d]);
        for (int i = 0; i < blocks; i++)
        {
            foreach (string norm in (string[])["attention_norm", "ffn_norm"])
            {
                yield return ($"layer.{i}.{norm}.weight", [d]);
                yield return ($"layer.{i}.{norm}.bias", [d]);
            }
            foreach (
                (string linear, long from, long to) in (IEnumerable<(string, long, long)>)
                    [
                        ("attn.query", d, d),
                        ("attn.key", d, d),
                        ("attn.value", d, d),
                        ("attn.out", d, d),
                        ("ffn.fc1", d, mlpWidth),
                        ("ffn.fc2", mlpWidth, d),
                    ]
            )
            {
                yield return ($"layer.{i}.{linear}.weight", [to, from]);
                yield return ($"layer.{i}.{linear}.bias", [to]);
            }
        }
        for (int m = 0; m < matrices; m++)
        {
            yield return ($"out_layer.{m}.out.weight", [hidden, d]);
            yield return ($"out_layer.{m}.out.bias", [hidden]);
            if (input == LocatorInput.FeatureAndGradient)
                yield return ($"out_layer.{m}.gain", [hidden]);
        }
    }

    static long[] Shape(IReadOnlyDictionary<string, Tensor> tensors, string name) =>
        tensors.TryGetValue(name, out Tensor? tensor)
            ? tensor.shape
            : throw BadInput.Missing(name, $"The tensor {name} is missing; this is not a hypernetwork.");

    Tensor Linear(Tensor x, string name) => linear(x, _tensors[name + ".weight"], _tensors[name + ".bias"]);

    Tensor Norm(Tensor x, string name) =>
        layer_norm(x, [Width], _tensors[name + ".weight"], _tensors[name + ".bias"], NormEpsilon);

    Tensor Split(Tensor x) => x.view(x.shape[0], -1, Heads, Width / Heads).transpose(1, 2); // [B,heads,tokens,D/heads]
}
