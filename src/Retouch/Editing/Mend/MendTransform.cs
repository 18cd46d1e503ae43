using Retouch.Locating;
using Retouch.Suffix;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Retouch.Editing;

/// <summary>
/// MEND's networks: one for all fc1 and one for all fc2, since matrices of one shape share theirs, with a scale
/// and a shift of its own for each block. Leaves a kind k of matrix: <c>k.U1 [n,r]</c>, <c>k.V1 [r,n]</c>,
/// <c>k.b1 [n]</c>, <c>k.U2</c>, <c>k.V2</c>, <c>k.b2</c> (n = D + H); a matrix m: <c>m.s1, m.o1, m.s2, m.o2 [n]</c>
/// and <c>m.rate []</c>, <c>m.in []</c> and <c>m.out []</c>, logarithms of its step size and of what its two factors
/// are divided by, at first their root mean squares on the first samples.
/// </summary>
sealed class MendTransform : GradientTransform
{
    // Rates are learned through their logarithms, a tenth of them, so that they can grow tenfold within some hundred
    // steps.
    const double FirstRate = 3e-5;
    const double RateScale = 10;

    readonly IReadOnlyDictionary<string, Tensor> _all;

    MendTransform(IReadOnlyDictionary<string, Tensor> all) => _all = all;

    public override IReadOnlyDictionary<string, Tensor> Leaves => _all;

    /// <summary>Those that were trained.</summary>
    /// <exception cref="BadInputException">A leaf is missing or misshapen; the message names it.</exception>
    public static MendTransform Load(Preparation learned, EditSpace space)
    {
        long n = space.Width + space.Hidden;
        long rank = learned.Shaped("fc1.U1", n, -1).shape[1];
        List<(string, long[])> shapes = [];
        foreach (string kind in (string[])["fc1", "fc2"])
        {
            foreach (int layer in (int[])[1, 2])
                shapes.AddRange([
                    ($"{kind}.U{layer}", [n, rank]),
                    ($"{kind}.V{layer}", [rank, n]),
                    ($"{kind}.b{layer}", [n]),
                ]);
        }
        for (int m = 0; m < space.Matrices; m++)
        {
            foreach (int layer in (int[])[1, 2])
                shapes.AddRange([($"{m}.s{layer}", [n]), ($"{m}.o{layer}", [n])]);
            shapes.AddRange([($"{m}.rate", []), ($"{m}.in", []), ($"{m}.out", [])]);
        }
        return new MendTransform(Checked(learned, shapes));
    }

    /// <summary>New ones, at first the identity: plain gradient descent with normalized factors.</summary>
    public static MendTransform Create(SplitVit split, IReadOnlyList<EditGradient> gradients, int rank, int seed)
    {
        using Generator generator = new((ulong)seed + 1, CPU);
        EditSpace space = split.Space;
        long n = space.Width + space.Hidden;
        Dictionary<string, Tensor> all = [];
        foreach (string kind in (string[])["fc1", "fc2"])
        {
            foreach (int layer in (int[])[1, 2])
            {
                all[$"{kind}.U{layer}"] = zeros([n, rank], requires_grad: true);
                all[$"{kind}.V{layer}"] = (
                    randn([rank, n], generator: generator) / Held(Math.Sqrt(n))
                ).requires_grad_();
                all[$"{kind}.b{layer}"] = zeros([n], requires_grad: true);
            }
        }
        for (int m = 0; m < space.Matrices; m++)
        {
            foreach (int layer in (int[])[1, 2])
            {
                all[$"{m}.s{layer}"] = ones([n], requires_grad: true);
                all[$"{m}.o{layer}"] = zeros([n], requires_grad: true);
            }
            all[$"{m}.rate"] = tensor((float)(Math.Log(FirstRate) / RateScale)).requires_grad_();
            all[$"{m}.in"] = LogRms(gradients.Select(g => g.Inputs[m])).requires_grad_();
            all[$"{m}.out"] = LogRms(gradients.Select(g => g.Outputs[m])).requires_grad_();
        }
        return new MendTransform(all);

        static Tensor LogRms(IEnumerable<Tensor> factors) =>
            stack([.. factors.Select(f => f.Squared().mean())]).mean().sqrt().clamp_min(Held(1e-12)).log();
    }

    public override Tensor[] Deltas(SplitVit split, EditGradient gradient) =>
        [
            .. gradient.Inputs.Select(
                (input, m) =>
                {
                    (string kind, long width) = (split.Space.Matrix(m).HasColumns ? "fc2" : "fc1", input.shape[1]);
                    // [n,in+out]
                    Tensor z = cat([input / _all[$"{m}.in"].exp(), gradient.Outputs[m] / _all[$"{m}.out"].exp()], 1);
                    foreach (int layer in (int[])[1, 2])
                    {
                        Tensor inner = mm(mm(z, _all[$"{kind}.V{layer}"].t()), _all[$"{kind}.U{layer}"].t())
                            .Plus(_all[$"{kind}.b{layer}"]);
                        z = z.Plus(gelu((inner * _all[$"{m}.s{layer}"]).Plus(_all[$"{m}.o{layer}"])));
                    }
                    return mm(z.narrow(1, width, z.shape[1] - width).t(), z.narrow(1, 0, width))
                        * -(_all[$"{m}.rate"] * Held(RateScale)).exp(); // [out,in]
                }
            ),
        ];
}
