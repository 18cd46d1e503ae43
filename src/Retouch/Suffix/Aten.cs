using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Suffix;

/// <summary>
/// Kernels of libtorch that TorchSharp does not bind, among them derivatives that would otherwise need a graph of
/// autograd. Safe to use from several threads.
/// </summary>
static class Aten
{
    static readonly Lazy<jit.CompilationUnit> s_script = new(() =>
        jit.compile(
            """
            def layer_norm(x, weight, bias, epsilon: float):
                return torch.native_layer_norm(x, weight.size(), weight, bias, epsilon)

            def layer_norm_backward(gradient, x, mean, deviation, weight, bias):
                return torch.native_layer_norm_backward(gradient, x, weight.size(), mean, deviation, weight, bias, [True, False, False])[0]

            def gelu_backward(gradient, x, tanh: bool):
                return torch.gelu_backward(gradient, x, approximate="tanh" if tanh else "none")

            def softmax_(x):
                return torch._softmax(x, -1, False, out=x)

            def softmax_backward(gradient, y):
                return torch._softmax_backward_data(gradient, y, -1, y.dtype)

            def scaled_product(x, y, scale: float):
                return torch.baddbmm(torch.empty([1], dtype=x.dtype, device=x.device), x, y, beta=0, alpha=scale)

            def split_heads(x, bias: Optional[Tensor], parts: int, heads: int):
                n, m = x.size(0), x.size(1)
                width = x.size(2) // (parts * heads)
                split = x.view(n, m, parts, heads, width).permute(2, 0, 3, 1, 4)
                y = torch.empty(split.size(), dtype=x.dtype, device=x.device)
                if bias is None:
                    y.copy_(split)
                else:
                    torch.add(split, bias.view(parts, 1, heads, 1, width), out=y)
                return y.view(parts, n * heads, m, width)

            def add_scaled(x, y, scale: Optional[Tensor], out):
                if scale is None:
                    return torch.add(x, y, out=out)
                return torch.addcmul(x, y, scale, out=out)

            """
        )
    );

    /// <summary>
    /// Layer normalization over the last axis, and what its derivative needs: mean and inverse standard deviation.
    /// </summary>
    public static (Tensor Output, Tensor Mean, Tensor Deviation) LayerNorm(
        Tensor x,
        Tensor weight,
        Tensor bias,
        double epsilon
    ) => Call<(Tensor, Tensor, Tensor)>("layer_norm", x, weight, bias, epsilon);

    /// <summary>The gradient of layer normalization's input.</summary>
    public static Tensor LayerNormBackward(
        Tensor gradient,
        Tensor x,
        Tensor mean,
        Tensor deviation,
        Tensor weight,
        Tensor bias
    ) => Call<Tensor>("layer_norm_backward", gradient, x, mean, deviation, weight, bias);

    /// <summary>The gradient of GELU's input.</summary>
    /// <param name="gradient">Of its output.</param>
    /// <param name="x">The input.</param>
    /// <param name="tanh">Whether GELU is the approximation by tanh.</param>
    public static Tensor GeluBackward(Tensor gradient, Tensor x, bool tanh) =>
        Call<Tensor>("gelu_backward", gradient, x, tanh);

    /// <summary>Softmax over the last axis, in place.</summary>
    public static Tensor Softmax_(Tensor x) => Call<Tensor>("softmax_", x);

    /// <summary>The gradient of softmax's input.</summary>
    /// <param name="gradient">Of its output.</param>
    /// <param name="y">The output.</param>
    public static Tensor SoftmaxBackward(Tensor gradient, Tensor y) => Call<Tensor>("softmax_backward", gradient, y);

    /// <summary>Products <c>[B,m,k] · [B,k,n]</c> times a number.</summary>
    public static Tensor ScaledProduct(Tensor x, Tensor y, double scale) => Call<Tensor>("scaled_product", x, y, scale);

    /// <summary>
    /// Projected tokens, head by head: <c>[N,M,parts·D]</c> plus a bias <c>[parts·D]</c> to
    /// <c>[parts,N·heads,M,D/heads]</c>, in one pass.
    /// </summary>
    public static Tensor SplitHeads(Tensor x, Tensor? bias, int parts, int heads) =>
        Call<Tensor>("split_heads", x, bias, parts, heads);

    /// <summary>
    /// Writes the sum of <paramref name="x"/> and <paramref name="y"/>, of the latter times <paramref name="scale"/> if
    /// there is one, over <paramref name="into"/>, rounded to its type.
    /// </summary>
    public static void AddScaled(Tensor x, Tensor y, Tensor? scale, Tensor into) =>
        Call<Tensor>("add_scaled", x, y, scale, into).Dispose();

    // TorchSharp would make a scalar of each fraction and forget it before the call, and holds no tensor during it.
    static T Call<T>(string name, params object?[] arguments)
    {
        List<Scalar>? numbers = null;
        try
        {
            for (int i = 0; i < arguments.Length; i++)
            {
                if (arguments[i] is double value)
                {
                    (numbers ??= []).Add(value.ToScalar());
                    arguments[i] = numbers[^1];
                }
            }
            return s_script.Value.invoke<T>(name, arguments!);
        }
        finally
        {
            foreach (Scalar number in numbers ?? [])
                number.Dispose();
            GC.KeepAlive(arguments);
        }
    }
}
