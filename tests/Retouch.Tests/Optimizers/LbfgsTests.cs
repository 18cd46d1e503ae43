using Retouch.Optimizers;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Tests.Optimizers;

/// <summary>L-BFGS on functions whose minimum is known.</summary>
public class LbfgsTests
{
    [Fact]
    public void Of_a_quadratic_it_finds_what_a_solver_finds()
    {
        using DisposeScope scope = NewDisposeScope();
        using Generator generator = new(4, CPU);
        Tensor root = randn([30, 30], ScalarType.Float64, generator: generator);
        Tensor matrix = mm(root.t(), root) / 30 + eye(30, dtype: ScalarType.Float64) * 0.01;
        Tensor right = randn([30], ScalarType.Float64, generator: generator);
        List<double> values = [];
        Tensor found = Lbfgs.Minimize(
            zeros([30], ScalarType.Float64),
            x => (0.5 * x.dot(mv(matrix, x)).item<double>() - x.dot(right).item<double>(), mv(matrix, x) - right),
            500,
            (_, value) => values.Add(value),
            default
        );
        Tensor exact = linalg.solve(matrix, right);
        Assert.True((found - exact).abs().max().item<double>() < 1e-4 * exact.abs().max().item<double>());
        Assert.Equal(values.OrderDescending(), values);
        Assert.InRange(values.Count, 5, 200);
    }

    [Fact]
    public void Through_a_bent_valley_it_finds_the_floor()
    {
        // Rosenbrock's function, whose minimum is at (1, 1).
        using DisposeScope scope = NewDisposeScope();
        Tensor found = Lbfgs.Minimize(tensor([-1.2, 1.0]), Valley, 200, (_, _) => { }, default);
        Assert.Equal(1, found[0].item<double>(), 1e-4);
        Assert.Equal(1, found[1].item<double>(), 1e-4);

        static (double, Tensor) Valley(Tensor at)
        {
            (double x, double y) = (at[0].item<double>(), at[1].item<double>());
            double off = y - x * x;
            return ((1 - x) * (1 - x) + 100 * off * off, tensor([-2 * (1 - x) - 400 * x * off, 200 * off]));
        }
    }

    [Fact]
    public void Where_it_is_flat_it_stays_and_cancelled_it_stops()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor start = tensor([3.0]);
        int asked = 0;
        Tensor found = Lbfgs.Minimize(
            start,
            _ =>
            {
                asked++;
                return (1, tensor([0.0]));
            },
            50,
            (_, _) => { },
            default
        );
        Assert.Equal((1, 3.0), (asked, found.item<double>()));
        using CancellationTokenSource source = new();
        source.Cancel();
        Assert.Throws<OperationCanceledException>(() =>
            Lbfgs.Minimize(start, x => (x.item<double>(), tensor([1.0])), 50, (_, _) => { }, source.Token)
        );
    }
}
