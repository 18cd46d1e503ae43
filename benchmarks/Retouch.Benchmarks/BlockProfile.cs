using System.Diagnostics;
using System.Runtime.CompilerServices;
using Retouch.Kernels;
using Retouch.Vit;
using Spectre.Console;

namespace Retouch.Speed;

/// <summary>
/// What a frozen block of the suffix spends its time on, one image forward and backward on one thread: each kernel by
/// itself, on memory that the caches hold.
/// </summary>
static unsafe class BlockProfile
{
    const int Tokens = 197;
    const int Repetitions = 7;

    public static void Print(BenchmarkModel kind, bool mixed)
    {
        if (!Native.HasSingle)
            return;
        Table table = new()
        {
            Title = new TableTitle(
                $"{kind.Name}: one frozen block on one image, one thread, forward and backward, microseconds (best of "
                    + $"{Repetitions})"
            ),
        };
        table.AddColumns("kernel", "float32", "bfloat16");
        Dictionary<string, double> full = Times<Fp32>(kind);
        Dictionary<string, double> narrow = mixed && Native.HasBFloat16 ? Times<Bf16>(kind) : [];
        foreach ((string name, double time) in full)
            table.AddRow(name, $"{time:0}", narrow.TryGetValue(name, out double other) ? $"{other:0}" : "–");
        table.AddRow("sum", $"{full.Values.Sum():0}", narrow.Count > 0 ? $"{narrow.Values.Sum():0}" : "–");
        AnsiConsole.Write(table);
    }

    static Dictionary<string, double> Times<T>(BenchmarkModel kind)
        where T : unmanaged, IElement<T>
    {
        int d = kind.Width;
        int h = 4 * d;
        int heads = kind.Heads;
        int e = d / heads;
        int rows = 112;
        int padded = Shape.Up(Tokens);
        double tiles = (double)Tokens / rows;
        using AlignedBuffer<float> x = new((long)padded * h, zeros: true);
        using AlignedBuffer<float> y = new((long)padded * h, zeros: true);
        using AlignedBuffer<float> vector = new(h, zeros: true);
        using AlignedBuffer<float> statistics = new(2 * padded, zeros: true);
        using AlignedBuffer<T> a = new((long)padded * h, zeros: true);
        using AlignedBuffer<T> b = new((long)padded * h, zeros: true);
        using PackedMatrix<T> square = new(d, d);
        using PackedMatrix<T> into = new(d, h);
        using PackedMatrix<T> back = new(h, d);
        using PackedMatrix<T> keys = new(e, padded);
        using PackedMatrix<T> values = new(padded, e);
        using PackedMatrix<T> weights = new(padded, padded);
        float* px = x.Start;
        float* py = y.Start;
        float* pv = vector.Start;
        float* ps = statistics.Start;
        T* pa = a.Start;
        T* pb = b.Start;
        return new Dictionary<string, double>
        {
            ["products of FFN, forward"] =
                tiles * (Time(() => into.Product(rows, pa, d, py, h)) + Time(() => back.Product(rows, pa, h, py, d))),
            ["products of FFN, backward"] =
                tiles * (Time(() => into.Product(rows, pa, d, py, h)) + Time(() => back.Product(rows, pa, h, py, d))),
            ["projections, forward and backward"] = 8 * tiles * Time(() => square.Product(rows, pa, d, py, d)),
            ["products of attention, forward"] =
                heads
                * tiles
                * (
                    Time(() => keys.Product(rows, pa, e, py, padded))
                    + Time(() => values.Product(rows, pa, padded, py, e))
                ),
            ["products of attention, backward"] =
                heads
                * (
                    tiles
                        * (
                            Time(() => keys.Product(rows, pa, e, py, padded))
                            + Time(() => values.Product(rows, pa, padded, py, e))
                        )
                    + 2 * Time(() => weights.Product(e, pa, padded, py, padded))
                ),
            ["norms"] = 2 * tiles * Time(() => RowKernels<T>.Norm(px, rows, d, pv, pv, 1e-6f, pa, d, ps)),
            ["norms' derivatives"] = 2 * tiles * Time(() => RowKernels<T>.NormBackward(px, py, ps, rows, d, pv, py)),
            ["activation and its derivative"] =
                tiles * Time(() => RowKernels<T>.Activate(VitActivation.Gelu, px, rows, h, pv, null, pa, h, pb, h)),
            ["times the activation's derivative"] = tiles * Time(() => RowKernels<T>.Times(px, rows, h, pb, h, pa, h)),
            ["softmax"] = heads * tiles * Time(() => RowKernels<T>.Softmax(px, rows, Tokens, padded, pa)),
            ["softmax's derivative"] =
                heads * tiles * Time(() => RowKernels<T>.SoftmaxBackward(px, pa, rows, padded, pb)),
            ["residual sums and rounding"] =
                2
                * tiles
                * (
                    Time(() => RowKernels<T>.Add(px, py, rows, d, pv, null, py))
                    + Time(() => RowKernels<T>.Round(px, rows, d, null, pa, d))
                ),
            ["to heads and back"] = heads * tiles * 6 * Time(() => ToHeads(px, rows, d, e, pa)),
            ["attention's factors put in place"] =
                heads
                * (
                    2 * Time(() => keys.PutColumns(pa, e, padded))
                    + 2 * Time(() => values.PutRows(pa, e, padded, e))
                    + 2 * Time(() => weights.PutRows(pa, padded, padded, padded))
                ),
            ["attention's factors turned"] =
                heads
                * (
                    2 * Time(() => RowKernels<T>.Transpose(pa, e, padded, e, pb, padded))
                    + 2 * Time(() => RowKernels<T>.TransposeSums(px, padded, Tokens, e, pb, d))
                ),
        };
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    static void ToHeads<T>(float* from, int rows, int width, int head, T* to)
        where T : unmanaged, IElement<T>
    {
        for (int row = 0; row < rows; row++)
            RowKernels<T>.ShiftTo(from + ((long)row * width), head, null, 2, to + ((long)row * head));
    }

    static double Time(Action work)
    {
        double best = double.MaxValue;
        for (int i = 0; i < Repetitions; i++)
        {
            const int Calls = 10;
            long start = Stopwatch.GetTimestamp();
            for (int j = 0; j < Calls; j++)
                work();
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalMicroseconds / Calls);
        }
        return best;
    }
}
