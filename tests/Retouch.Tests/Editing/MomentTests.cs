using Retouch.Editing;
using Retouch.Locating;
using Retouch.Vit;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Retouch.Tests.Editing;

/// <summary>
/// The second moments of ordinary images: what is gathered, how it is kept, and that an interrupt loses nothing.
/// </summary>
public sealed class MomentTests : IDisposable
{
    readonly MethodBed _bed = new();

    public void Dispose() => _bed.Dispose();

    [Fact]
    public void Inputs_are_the_second_moments_of_what_a_matrix_reads_weighted_by_the_squared_gradient()
    {
        // In the last block [CLS] alone counts, so that an image's weight gradient is g·xᵀ, and ‖g‖²·x·xᵀ the product
        // of its transpose and itself.
        using MethodBed bed = new(first: 4, blocks: 1);
        using Preparation inputs = bed.Prepare(new InputStatistics(draws: 600));
        Tensor pixels = bed.OrdinaryPixels();
        foreach (string name in (string[])["mlp.fc1.weight", "mlp.fc2.weight"])
        {
            Tensor weight = bed.Weight(4, name).detach().requires_grad_();
            Dictionary<string, Tensor> weights = bed.Model.Tensors.ToDictionary(t => t.Key, t => t.Value);
            weights[VitNames.Block(4, name)] = weight;
            Tensor expected = zeros(weight.shape[1], weight.shape[1]);
            for (int image = 0; image < pixels.shape[0]; image++)
            {
                Tensor likely = log_softmax(bed.Model.Logits(pixels.narrow(0, image, 1), weights), 1);
                for (int c = 0; c < likely.shape[1]; c++)
                {
                    Tensor gradient = autograd.grad([likely[0, c]], [weight], retain_graph: true)[0];
                    expected += likely[0, c].detach().exp() * mm(gradient.t(), gradient) / pixels.shape[0];
                }
            }
            using Tensor found = PackedMoment.Unpack(inputs, VitNames.Block(4, name));
            // of so many draws
            Assert.InRange(TinyVit.RelativeDifference(found.to(ScalarType.Float32), expected), 0, 0.1);
        }
        Assert.Equal(("12", "600"), (inputs.Settings["images"], inputs.Settings["draws"]));
    }

    [Fact]
    public void Directions_that_no_matrix_reads_have_no_moment()
    {
        using MethodBed bed = new(images: 2);
        using Preparation inputs = bed.Prepare(new InputStatistics());
        for (int m = 0; m < bed.Split.Space.Matrices; m++)
        {
            (int block, FfnMatrix kind) = bed.Split.Space.Matrix(m);
            Tensor read =
                kind == FfnMatrix.Fc1 ? bed.Read(bed.OrdinaryPixels(), block) : bed.Keys(bed.OrdinaryPixels(), block);
            Tensor rows = read.reshape(-1, read.shape[2]).to(ScalarType.Float64);
            Tensor reading = mm(rows.t(), rows);
            Tensor never = eye(rows.shape[1], dtype: ScalarType.Float64) - mm(linalg.pinv(rows, 1e-5), rows);
            Assert.InRange(never.diagonal().sum().item<double>(), rows.shape[1] - rows.shape[0] - 0.01, rows.shape[1]);
            using Tensor found = PackedMoment.Unpack(inputs, bed.Split.Space.MatrixName(m));
            Assert.InRange((mm(found, never).norm() / found.norm()).item<double>(), 0, 2e-3);
            Assert.True(mm(found, reading).norm().item<double>() > 0);
        }
    }

    [Fact]
    public void A_packed_moment_keeps_what_its_small_directions_say()
    {
        // Rows about a mean that is a thousand times as large as their deviation: the moment itself in half precision
        // would hold nothing else.
        using Generator generator = new(3, CPU);
        Tensor rows = randn([500, 8], ScalarType.Float64, generator: generator) * 1e-3 + 1;
        rows.select(1, 5).fill_(2); // no deviation at all
        Tensor moment = mm(rows.t(), rows) / 500;
        Tensor mean = rows.mean([0]);
        Dictionary<string, Tensor> packed = [];
        PackedMoment.Pack(packed, "m", moment, mean);
        Assert.Equal(28, packed["m.correlations"].NumberOfElements);
        using Preparation preparation = new(
            "test",
            _bed.Split,
            new Dictionary<string, string>(),
            packed.ToDictionary(
                p => p.Key,
                p => p.Value.to(p.Key == "m.correlations" ? ScalarType.Float16 : ScalarType.Float64)
            )
        );
        using Tensor found = PackedMoment.Unpack(preparation, "m");
        Tensor covariance = moment - outer(mean, mean);
        Tensor error = found - moment;
        Assert.InRange(error.abs().max().item<double>() / covariance.abs().max().item<double>(), 0, 1e-2);
    }

    [Fact]
    public void Outputs_are_the_second_moments_of_the_gradient_of_what_each_matrix_gives()
    {
        using Preparation outputs = _bed.Prepare(new OutputStatistics());
        // E‖g‖² of fc2's outputs is at least that of the residual stream's part that no later block changes: above 0,
        // and the matrix is one of moments.
        for (int m = 0; m < _bed.Split.Space.Matrices; m++)
        {
            using Tensor moment = PackedMoment.Unpack(outputs, _bed.Split.Space.MatrixName(m));
            Assert.Equal(m % 2 == 0 ? 40 : 24, moment.shape[0]);
            double least = linalg.eigvalsh(moment)[0].item<double>();
            double trace = moment.diagonal().sum().item<double>();
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
        IPreparation preparation = kind switch
        {
            "inputs" => new InputStatistics(),
            "outputs" => new OutputStatistics(),
            _ => new KeyStatistics(),
        };
        string checkpoint = bed.FilePath("partial");
        using CancellationTokenSource stop = new();
        Assert.ThrowsAny<OperationCanceledException>(() =>
            preparation.Prepare(bed.Split, bed.Images, checkpoint, new StopAfter(stop), stop.Token)
        );
        Assert.True(File.Exists(checkpoint));
        using Preparation resumed = preparation.Prepare(bed.Split, bed.Images, checkpoint);
        using Preparation whole = preparation.Prepare(bed.Split, bed.Images);
        Assert.Equal("40", resumed.Settings["images"]);
        Assert.All(whole.Tensors, t => Assert.True(t.Value.Equals(resumed[t.Key]), t.Key));
    }

    [Fact]
    public void A_checkpoint_of_other_images_is_refused()
    {
        using MethodBed bed = new(images: 40);
        string checkpoint = bed.FilePath("partial");
        using CancellationTokenSource stop = new();
        Assert.ThrowsAny<OperationCanceledException>(() =>
            new InputStatistics().Prepare(bed.Split, bed.Images, checkpoint, new StopAfter(stop), stop.Token)
        );
        Assert.Contains(
            "another preparation",
            Assert
                .Throws<BadInputException>(() =>
                    new InputStatistics(most: 20).Prepare(bed.Split, bed.Images, checkpoint)
                )
                .Message,
            StringComparison.Ordinal
        );
    }

    /// <summary>Cancels after the first chunk, as an interrupt in the midst of the work does.</summary>
    sealed class StopAfter(CancellationTokenSource stop) : IProgress<PreparationProgress>
    {
        public void Report(PreparationProgress value) => stop.Cancel();
    }
}
