using Retouch.Editing;
using Retouch.Locating;
using Retouch.Vit;
using static TorchSharp.torch;

namespace Retouch.Tests.Editing;

/// <summary>The second moments of ordinary images: what is gathered, how it is kept, and that an interrupt loses nothing.</summary>
public sealed class MomentTests : IDisposable
{
    readonly MethodBed _bed = new();

    public void Dispose() => _bed.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Inputs_are_the_second_moments_of_what_each_matrix_reads(bool onlyClass)
    {
        using Preparation inputs = _bed.Prepare(new InputStatistics(onlyClass));
        for (int m = 0; m < _bed.Split.Space.Matrices; m++)
        {
            (int block, FfnMatrix kind) = _bed.Split.Space.Matrix(m);
            Tensor read = kind == FfnMatrix.Fc1 ? _bed.Read(_bed.OrdinaryPixels(), block) : _bed.Keys(_bed.OrdinaryPixels(), block);
            Tensor rows = onlyClass ? read.select(1, 0) : read.reshape(-1, read.shape[2]);
            Tensor expected = mm(rows.t(), rows) / rows.shape[0];
            using Tensor found = PackedMoment.Unpack(inputs, _bed.Split.Space.MatrixName(m));
            Assert.InRange(TinyVit.RelativeDifference(found.to(ScalarType.Float32), expected), 0, 1e-3);
        }
        Assert.Equal("12", inputs.Settings["images"]);
    }

    [Fact]
    public void A_packed_moment_keeps_what_its_small_directions_say()
    {
        // Rows about a mean that is a thousand times as large as their deviation: the moment itself in half precision would hold nothing else.
        using Generator generator = new(3, CPU);
        Tensor rows = randn([500, 8], ScalarType.Float64, generator: generator) * 1e-3 + 1;
        rows.select(1, 5).fill_(2); // no deviation at all
        Tensor moment = mm(rows.t(), rows) / 500, mean = rows.mean([0]);
        Dictionary<string, Tensor> packed = [];
        PackedMoment.Pack(packed, "m", moment, mean);
        Assert.Equal(28, packed["m.correlations"].NumberOfElements);
        using Preparation preparation = new("test", _bed.Split, new Dictionary<string, string>(), packed.ToDictionary(p => p.Key, p => p.Value.to(p.Key == "m.correlations" ? ScalarType.Float16 : ScalarType.Float64)));
        using Tensor found = PackedMoment.Unpack(preparation, "m");
        Tensor covariance = moment - outer(mean, mean), error = found - moment;
        Assert.InRange(error.abs().max().item<double>() / covariance.abs().max().item<double>(), 0, 1e-2);
    }

    [Fact]
    public void Outputs_are_the_second_moments_of_the_gradient_of_what_each_matrix_gives()
    {
        using Preparation outputs = _bed.Prepare(new OutputStatistics());
        // E‖g‖² of fc2's outputs is at least that of the residual stream's part that no later block changes: above 0, and the matrix is one of moments.
        for (int m = 0; m < _bed.Split.Space.Matrices; m++)
        {
            using Tensor moment = PackedMoment.Unpack(outputs, _bed.Split.Space.MatrixName(m));
            Assert.Equal(m % 2 == 0 ? 40 : 24, moment.shape[0]);
            double least = linalg.eigvalsh(moment)[0].item<double>(), trace = moment.diagonal().sum().item<double>();
            Assert.True(trace > 0 && least > -1e-3 * trace, $"{least} {trace}");
        }
    }

    [Theory]
    [InlineData("inputs")]
    [InlineData("outputs")]
    [InlineData("keys")]
    public void An_interrupted_preparation_goes_on_to_the_same_numbers(string kind)
    {
        using MethodBed bed = new(images: 40);
        IPreparation preparation = kind switch { "inputs" => new InputStatistics(), "outputs" => new OutputStatistics(), _ => new KeyStatistics() };
        string checkpoint = bed.FilePath("partial");
        using CancellationTokenSource stop = new();
        Assert.ThrowsAny<OperationCanceledException>(() => preparation.Prepare(bed.Split, bed.Images, checkpoint, new StopAfter(stop), stop.Token));
        Assert.True(File.Exists(checkpoint));
        using Preparation resumed = preparation.Prepare(bed.Split, bed.Images, checkpoint), whole = preparation.Prepare(bed.Split, bed.Images);
        Assert.Equal("40", resumed.Settings["images"]);
        Assert.All(whole.Tensors, t => Assert.True(t.Value.Equals(resumed[t.Key]), t.Key));
    }

    [Fact]
    public void A_checkpoint_of_other_images_is_refused()
    {
        using MethodBed bed = new(images: 40);
        string checkpoint = bed.FilePath("partial");
        using CancellationTokenSource stop = new();
        Assert.ThrowsAny<OperationCanceledException>(() => new InputStatistics().Prepare(bed.Split, bed.Images, checkpoint, new StopAfter(stop), stop.Token));
        Assert.Contains("another preparation", Assert.Throws<BadInputException>(() => new InputStatistics(most: 20).Prepare(bed.Split, bed.Images, checkpoint)).Message, StringComparison.Ordinal);
    }

    /// <summary>Cancels after the first chunk, as an interrupt in the midst of the work does.</summary>
    sealed class StopAfter(CancellationTokenSource stop) : IProgress<PreparationProgress>
    {
        public void Report(PreparationProgress value) => stop.Cancel();
    }
}
