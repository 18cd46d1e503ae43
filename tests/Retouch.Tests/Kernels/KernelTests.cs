using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Retouch.Kernels;
using Retouch.Optimizers;
using Retouch.Suffix;
using Retouch.Tests.Suffix;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Tests.Kernels;

/// <summary>
/// The kernels between products, and the engine that they make up, where the processor and libtorch have what they
/// need.
/// </summary>
public sealed unsafe class KernelTests
{
    static void Require(bool has) =>
        Assert.SkipUnless(has, "This processor or libtorch lacks what the kernels are made of.");

    [Fact]
    public void Functions_are_as_exact_as_float32()
    {
        Require(Native.HasSingle);
        for (float x = -110; x < 88; x += 0.37f)
        {
            double exact = x < -87 ? 0 : Math.Exp(x);
            Assert.InRange(Simd.Exp(Vector512.Create(x))[0], exact * (1 - 3e-7), exact * (1 + 3e-7));
        }
        Assert.Equal(0, Simd.Exp(Vector512.Create(float.NegativeInfinity))[5]);
        Assert.True(float.IsNaN(Simd.Exp(Vector512.Create(float.NaN))[5]));
        using Tensor points = linspace(-9, 9, 4001, ScalarType.Float64);
        using Tensor exactly = special.erf(points / Math.Sqrt(2)).add_(1).div_(2);
        foreach ((double x, double value) in points.data<double>().ToArray().Zip(exactly.data<double>().ToArray()))
        {
            (Vector512<float> distribution, Vector512<float> bell) = Simd.Normal(Vector512.Create((float)x));
            Assert.InRange(distribution[3] - value, -2e-7, 2e-7);
            Assert.InRange(bell[3] - Math.Exp(-x * x / 2), -1e-6, 1e-6);
        }
    }

    [Fact]
    public void Rounding_to_bfloat16_is_that_of_libtorch()
    {
        Require(Avx512F.IsSupported);
        using DisposeScope scope = NewDisposeScope();
        Tensor values = cat([
                TinyVit.Normal(1, 4096),
                TinyVit.Normal(2, 1024) * 1e30,
                TinyVit.Normal(3, 1024) * 1e-30,
                tensor(
                    (float[])
                        [
                            .. Enumerable
                                .Range(0, 1024)
                                .Select(i => BitConverter.Int32BitsToSingle(0x3F800000 + (i << 15))),
                        ]
                ),
            ])
            .contiguous();
        Tensor expected = values.to(ScalarType.BFloat16).to(ScalarType.Float32);
        using AlignedBuffer<Bf16> narrow = new(values.NumberOfElements);
        using AlignedBuffer<float> wide = new(values.NumberOfElements);
        RowKernels<Bf16>.Round((float*)Pointer.Of(values), 1, (int)values.NumberOfElements, null, narrow.Start, 0);
        for (int i = 0; i < values.NumberOfElements; i += Shape.Lanes)
            Bf16.Load(narrow.Start + i).Store(wide.Start + i);
        Assert.Equal(expected.data<float>().ToArray(), new ReadOnlySpan<float>(wide.Start, (int)wide.Count).ToArray());
    }

    [Theory]
    [InlineData(48, 16, 112)]
    [InlineData(33, 224, 7)]
    [InlineData(197, 64, 64)]
    [InlineData(1600, 432, 20)]
    public void Products_are_those_of_matrices(int k, int n, int m)
    {
        Require(Native.HasSingle);
        using DisposeScope scope = NewDisposeScope();
        Products<Fp32>(k, n, m, 1e-5);
        if (Native.HasBFloat16)
            Products<Bf16>(k, n, m, 1e-2);
    }

    static void Products<T>(int k, int n, int m, double tolerance)
        where T : unmanaged, IElement<T>
    {
        int even = Shape.Up(k, 2);
        int padded = Shape.Up(even);
        Tensor left = zeros(m, padded);
        Tensor right = zeros(padded, n);
        left.narrow(1, 0, k).copy_(TinyVit.Normal(1, m, k));
        right.narrow(0, 0, k).copy_(TinyVit.Normal(2, k, n));
        using AlignedBuffer<T> a = Elements<T>(left);
        using AlignedBuffer<T> b = Elements<T>(right);
        using AlignedBuffer<T> turned = Elements<T>(right.t().contiguous());
        using PackedMatrix<T> rows = new(k, n);
        using PackedMatrix<T> columns = new(padded, n);
        rows.PutRows(b.Start, n, k, n);
        columns.PutColumns(turned.Start, padded, n);
        Tensor expected = matmul(left.to(ScalarType.Float64), right.to(ScalarType.Float64));
        Tensor product = empty(m, n);
        float* to = (float*)Pointer.Of(product);
        rows.Product(m, a.Start, padded, to, n);
        Assert.InRange(TinyVit.RelativeDifference(product, expected), 0, tolerance);
        columns.Product(m, a.Start, padded, to, n, add: true);
        Assert.InRange(TinyVit.RelativeDifference(product, expected * 2), 0, tolerance);
        // Every fifth row of the second factor alone.
        using Tensor fifth = arange(0, k, 5, ScalarType.Int64);
        rows.SumOfRows(m, a.Start, padded, to, n, 5, k);
        Assert.InRange(
            TinyVit.RelativeDifference(product, matmul(left.index_select(1, fifth), right.index_select(0, fifth))),
            0,
            tolerance
        );
    }

    [Fact]
    public void Turning_is_a_transpose()
    {
        Require(Native.HasSingle);
        using DisposeScope scope = NewDisposeScope();
        Tensor x = arange(0, 48 * 32, ScalarType.Float32).view(48, 32).contiguous();
        Tensor turned = zeros(32, 48);
        RowKernels<Fp32>.Transpose((Fp32*)Pointer.Of(x), 32, 37, 32, (Fp32*)Pointer.Of(turned), 48);
        Assert.Equal(0, TinyVit.MaxDifference(x.t().narrow(1, 0, 37), turned.narrow(1, 0, 37)));
        Assert.Equal(0, turned.narrow(1, 37, 11).abs().max().ToDouble());
        Tensor back = zeros(48, 32);
        RowKernels<Fp32>.TransposeSums((float*)Pointer.Of(turned), 48, 37, 32, (Fp32*)Pointer.Of(back), 32);
        Assert.Equal(0, TinyVit.MaxDifference(x.narrow(0, 0, 37), back.narrow(0, 0, 37)));
        Assert.Equal(0, back.narrow(0, 37, 11).abs().max().ToDouble());
    }

    // More tokens than a task takes; and one image of a wide model, whose units the threads share.
    [Theory]
    [InlineData(64, 2, 12, 3, 1, 0.2)]
    [InlineData(64, 2, 16, 1, 2, 0.4)]
    [InlineData(64, 2, 12, 2, 2, 0.9)]
    [InlineData(320, 5, 6, 1, 1, 0.05)]
    [InlineData(320, 5, 6, 1, 1, 0.9)]
    [InlineData(320, 5, 6, 1, 1, 0)]
    public void Models_of_all_sizes_go_the_same_way(int width, int heads, int grid, int edits, int images, double share)
    {
        Require(Native.HasSingle);
        using DisposeScope scope = NewDisposeScope();
        using VitModel model = Model(width, heads, grid);
        SplitVit split = new(model, new EditSpace(model.Config, 1, 2));
        Tensor pixels = TinyVit.Pixels(model, edits * images);
        using PrefixState state = split.Prefix(pixels);
        UnitSelection[] selections =
        [
            .. Enumerable.Range(0, edits).Select(e => TinyVit.RandomUnits(split.Space, share, e)),
        ];
        using EditSession session = new(split, state, selections);
        Tensor[] deltas = TinyVit.RandomDeltas(session, 0.05);
        session.SetDeltas(deltas);
        Tensor logits = session.Logits();
        Tensor upstream = TinyVit.Normal(7, logits.shape);
        Tensor[] gradients = session.Gradients(upstream);
        for (int e = 0; e < edits; e++)
        {
            using WeightDelta delta = session.Delta(e, deltas);
            using WeightDelta gathered = session.Delta(e, gradients);
            (Tensor expected, var exact) = ExactPass.Of(
                model,
                pixels.narrow(0, e * images, images),
                delta,
                upstream.narrow(0, e * images, images)
            );
            Assert.InRange(TinyVit.RelativeDifference(logits.narrow(0, e * images, images), expected), 0, 1e-5);
            for (int m = 0; m < split.Space.Matrices; m++)
                Assert.InRange(TinyVit.MaxDifference(gathered.Rows[m], exact[m].Rows), 0, 1e-4 * exact[m].Largest);
        }
    }

    // Chunks of images whose last is small enough for its units to be shared, as the [CLS] tokens of all are.
    [Theory]
    [InlineData(17, 6)]
    [InlineData(21, 5)]
    public void A_small_last_chunk_goes_the_same_way(int images, int grid)
    {
        Require(Native.HasSingle);
        using DisposeScope scope = NewDisposeScope();
        using VitModel model = Model(320, 5, grid);
        SplitVit split = new(model, new EditSpace(model.Config, 1, 2));
        Tensor pixels = TinyVit.Pixels(model, images);
        using PrefixState state = split.Prefix(pixels);
        Assert.InRange(TinyVit.RelativeDifference(split.Logits(state), ExactPass.Logits(model, pixels)), 0, 1e-5);
    }

    [Theory]
    [InlineData(Precision.Full, 64, 3)]
    [InlineData(Precision.Full, 320, 1)]
    [InlineData(Precision.Mixed, 64, 3)]
    [InlineData(Precision.Mixed, 320, 1)]
    public void Threads_do_not_change_a_bit(Precision precision, int width, int edits)
    {
        Require(precision == Precision.Full ? Native.HasSingle : Native.HasBFloat16);
        using DisposeScope scope = NewDisposeScope();
        using VitModel model = TinyVit.Create(depth: 4, width: width, hidden: 5 * width, heads: width / 32, grid: 12);
        SplitVit split = new(model, new EditSpace(model.Config, 1, 2), precision);
        using PrefixState state = split.Prefix(TinyVit.Pixels(model, edits));
        UnitSelection[] selections =
        [
            .. Enumerable.Range(0, edits).Select(e => TinyVit.RandomUnits(split.Space, 0.3, e)),
        ];
        int threads = get_num_threads();
        try
        {
            List<float[]> passes = [];
            foreach (int count in (int[])[1, 2, 3])
            {
                set_num_threads(count);
                using EditSession session = new(split, state, selections);
                Tensor logits = session.Logits();
                passes.Add([
                    .. logits.data<float>(),
                    .. session.Gradients(logits).SelectMany(g => g.data<float>().ToArray()),
                ]);
            }
            Assert.Equal(passes[0], passes[1]);
            Assert.Equal(passes[0], passes[2]);
        }
        finally
        {
            set_num_threads(threads);
        }
    }

    [Fact]
    public void A_task_that_fails_fails_the_call()
    {
        Require(Native.HasSingle);
        int done = 0;
        Assert.Throws<InvalidOperationException>(() =>
            Team.Run(
                8,
                2,
                (task, _) =>
                {
                    if (task == 3)
                        throw new InvalidOperationException();
                    Interlocked.Increment(ref done);
                }
            )
        );
        Assert.InRange(done, 1, 7);
    }

    [Fact]
    public void One_pass_of_RMSprop_is_that_of_PyTorch()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor weights = TinyVit.Normal(0, 3, 40, 48);
        Tensor square = zeros(3, 40, 48);
        Tensor expected = weights.clone();
        Tensor mean = square.clone();
        RmsProp optimizer = new(0.99, 1e-8);
        for (int step = 0; step < 5; step++)
        {
            Tensor gradient = TinyVit.Normal(step + 1, 3, 40, 48);
            optimizer.Step(weights, gradient, square, 1e-2);
            mean.mul_(0.99).addcmul_(gradient, gradient, 1 - 0.99);
            expected.addcdiv_(gradient, mean.sqrt().add_(1e-8), -1e-2);
        }
        Assert.InRange(TinyVit.MaxDifference(weights, expected), 0, 1e-6);
        Assert.InRange(TinyVit.RelativeDifference(square, mean), 0, 1e-6);
    }

    // Sums of one size whatever the width: those of weights of one size would end in softmaxes that are steps.
    static VitModel Model(int width, int heads, int grid)
    {
        using VitModel random = TinyVit.Create(
            depth: 4,
            width: width,
            hidden: width == 64 ? 144 : 1600,
            heads: heads,
            grid: grid
        );
        return new VitModel(
            random.Tensors.ToDictionary(
                t => t.Key,
                t => t.Value.dim() == 2 ? t.Value * Math.Sqrt(64.0 / width) : t.Value.clone()
            ),
            heads
        );
    }

    static AlignedBuffer<T> Elements<T>(Tensor values)
        where T : unmanaged, IElement<T>
    {
        AlignedBuffer<T> block = new(values.NumberOfElements);
        RowKernels<T>.Round((float*)Pointer.Of(values), 1, (int)values.NumberOfElements, null, block.Start, 0);
        return block;
    }
}
