using System.Reflection;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Tests;

/// <summary>No code of ours hands libtorch what may be freed during the call, or draws without a seed.</summary>
public sealed class NativeCallTests(CallRules rules) : IClassFixture<CallRules>
{
    const string Tests = "Retouch.Tests.dll";

    [Theory]
    [InlineData("Retouch.dll")]
    [InlineData("Retouch.Cli.dll")]
    public void Every_number_that_libtorch_reads_is_held_and_every_random_value_has_a_seed(string file)
    {
        string[] mayMake = ["Retouch.HeldNumber", "Retouch.HeldCalls", "Retouch.Suffix.Aten"];
        IReadOnlyList<string> broken = rules.Broken(file, mayMake: mayMake, mayCall: ["Retouch.Suffix.Aten.Call"]);
        Assert.True(broken.Count == 0, string.Join('\n', broken));
    }

    public static TheoryData<string> BadOnes => [.. Names(typeof(Bad))];

    public static TheoryData<string> GoodOnes => [.. Names(typeof(Good))];

    [Theory]
    [MemberData(nameof(BadOnes))]
    public void A_call_that_loses_a_number_or_has_no_seed_is_found(string name) =>
        Assert.NotEmpty(Broken(typeof(Bad), name));

    [Theory]
    [MemberData(nameof(GoodOnes))]
    public void A_call_that_holds_its_numbers_passes(string name) => Assert.Empty(Broken(typeof(Good), name));

    [Fact]
    public void A_number_that_is_made_and_not_held_is_found_even_where_numbers_are_made()
    {
        string[] here = [typeof(Makers).FullName!.Replace('+', '/')];
        string broken = Assert.Single(rules.Broken(Tests, t => t == here[0], mayMake: here));
        Assert.Contains($".{nameof(Makers.Loses)} ", broken, StringComparison.Ordinal);
    }

    // What is written in a lambda or an iterator lies in a type of its own within this one.
    IReadOnlyList<string> Broken(Type samples, string name)
    {
        string type = samples.FullName!.Replace('+', '/');
        return
        [
            .. rules
                .Broken(Tests, t => t == type || t.StartsWith(type + "/", StringComparison.Ordinal))
                .Where(b => new[] { $".{name} ", $"<{name}>" }.Any(n => b.Contains(n, StringComparison.Ordinal))),
        ];
    }

    static IEnumerable<string> Names(Type samples) =>
        samples.GetMethods(BindingFlags.Static | BindingFlags.Public | BindingFlags.DeclaredOnly).Select(m => m.Name);

    static class Bad
    {
        public static Tensor Times(Tensor x) => x * 0.5f;

        public static Tensor PlusOne(Tensor x) => x + 1;

        public static Tensor Less(Tensor x) => 1.0 - x;

        public static Tensor OverLong(Tensor x) => x / 3L;

        public static Tensor Sum(Tensor x, Tensor y) => x + y;

        public static Tensor SumInPlace(Tensor x, Tensor y) => x.add_(y);

        public static Tensor Compound(Tensor x, Tensor y)
        {
            x += y;
            return x;
        }

        public static Tensor Scaled(Tensor x, Tensor y) => x.add_(y, alpha: 0.1);

        public static Tensor Clamped(Tensor x) => x.clamp(0, 1);

        public static Tensor Filled(Tensor x) => x.fill_(0);

        public static Tensor Masked(Tensor x, Tensor mask) => x.masked_fill(mask, float.NegativeInfinity);

        public static Tensor Power(Tensor x) => x.pow(2);

        public static Tensor Square(Tensor x) => x.square();

        public static Tensor Equal(Tensor x) => x.eq(3);

        public static Tensor Full() => full(3, 0.5);

        public static Tensor Range() => arange(5);

        public static Tensor Explicit(Tensor x) => x.mul(0.5.ToScalar());

        public static Tensor Leaky(Tensor x) => nn.functional.leaky_relu(x, 0.1);

        public static double Read(Tensor x) => x.ToDouble();

        public static object Script(jit.CompilationUnit unit, Tensor x) => unit.invoke("f", x, 0.5);

        public static Tensor Generic(jit.CompilationUnit unit, Tensor x) => unit.invoke<Tensor>("f", x, 0.5);

        public static Tensor[] InLambda(Tensor[] x) => [.. x.Select(y => y * 2)];

        public static Func<Tensor> AsDelegate(Tensor x) => x.square;

        public static IEnumerable<Tensor> InIterator(Tensor x)
        {
            yield return x / 2;
        }

        public static void Optimizer(TorchSharp.Modules.Parameter x) => optim.SGD([x], 0.1).step();

        public static Tensor Normal() => randn(3);

        public static Tensor Uniform() => rand([2, 3], device: CPU);

        public static Tensor Like(Tensor x) => rand_like(x);

        public static Tensor Permutation() => randperm(5);

        public static Tensor InPlace(Tensor x) => x.normal_();

        public static Tensor Dropped(Tensor x) => nn.functional.dropout(x);

        public static object Layer() => nn.Linear(2, 2);

        public static int Shared() => Random.Shared.Next();

        public static int New() => new Random().Next();

        public static int[] Shuffled(int[] x) => [.. x.Shuffle()];
    }

    static class Good
    {
        public static Tensor Times(Tensor x) => x * HeldNumber.Held(0.5);

        public static Tensor Sum(Tensor x, Tensor y) => x.Plus(y) - y * y / x;

        public static Tensor Clamped(Tensor x) => x.clamp(HeldNumber.Held(0), HeldNumber.Held(1)).Squared();

        public static float Read(Tensor x) => x.item<float>();

        public static Tensor Normal(Generator generator) => randn([2, 3], generator: generator);

        public static Tensor Permutation(Generator generator) => randperm(5, generator: generator, device: CPU);

        public static int Seeded() => new Random(3).Next();
    }

    static class Makers
    {
        public static readonly Scalar Kept = 1L.ToScalar();

        public static Tensor Disposes(Tensor x)
        {
            using Scalar scalar = 0.5.ToScalar();
            return x.mul(scalar);
        }

        public static Tensor Loses(Tensor x) => x.mul(0.5.ToScalar());

        public static Scalar Returns(double x) => x.ToScalar();
    }
}
