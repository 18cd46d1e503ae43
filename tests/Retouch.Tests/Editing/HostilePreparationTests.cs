using Retouch.Cli;
using Retouch.Data;
using Retouch.Editing;
using Retouch.Locating;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Tests.Editing;

/// <summary>
/// Preparations whose tensors are not what a method needs: said in a sentence, never an error of libtorch.
/// </summary>
public sealed class HostilePreparationTests : IDisposable
{
    static readonly MetaTrainingSettings Short = new()
    {
        Steps = 2,
        Batch = 1,
        Samples = 3,
        Others = 1,
    };

    static readonly Dictionary<string, (Func<IPreparation> Prepare, Func<Preparation, IEditor> Editor)> Kinds = new()
    {
        ["inputs"] = (() => new InputStatistics(), p => new Kfac(p)),
        ["inputs by Fisher information"] = (() => new InputStatistics(), p => new Kfac(p, null, new FisherLocator(p))),
        ["gate"] = (() => new GateMemory(), p => new Gate(p)),
        ["gate of the prototype rule"] = (() => new GateMemory(), p => new Prototype(p)),
        ["gate of GRACE"] = (() => new GateMemory(), p => new Grace(p)),
        ["class keys"] = (() => new ClassKeys(), p => new XEdit(p, new() { NullBound = 1e6 })),
        ["features"] = (() => new HeadMemory(), p => new HeadAlone(p, new() { Weight = 1 })),
        ["neurons"] = (() => new NeuronStatistics(points: 2), p => new KnowledgeNeurons(p)),
        ["keys of ROME"] = (() => new KeyStatistics(), p => new Rome(p)),
        ["keys of AlphaEdit"] = (() => new KeyStatistics(), p => new AlphaEdit(p)),
        ["memory"] = (() => new QueryMemory(), p => new TPatcher(p)),
        ["tokens"] = (() => new TokenMemory(), p => new RefineVit(p)),
        ["mend"] = (() => new MendTraining(Short, rank: 4), p => new Mend(p)),
        ["ke"] = (() => new KnowledgeEditorTraining(Short, hidden: 8), p => new KnowledgeEditor(p)),
    };

    readonly MethodBed _bed = new();

    public static TheoryData<string> Names => [.. Kinds.Keys];

    public void Dispose() => _bed.Dispose();

    [Theory]
    [MemberData(nameof(Names))]
    public void A_tensor_of_another_shape_type_or_value_is_refused_by_name(string name)
    {
        (Func<IPreparation> prepare, Func<Preparation, IEditor> editor) = Kinds[name];
        using Preparation made = _bed.Prepare(prepare());
        int refused = 0;
        foreach (string tensor in made.Tensors.Keys)
        {
            foreach (
                (string how, Func<Tensor, Tensor> spoil) in (IEnumerable<(string, Func<Tensor, Tensor>)>)
                    [
                        (
                            "one short",
                            t => t.dim() == 0 ? zeros([2], t.dtype) : t.narrow(-1, 0, t.shape[^1] - 1).clone()
                        ),
                        ("turned", t => t.dim() == 2 ? t.t().contiguous() : t.unsqueeze(0).clone()),
                        ("empty", t => zeros([0], t.dtype)),
                        ("whole numbers", t => ones(t.shape, ScalarType.Bool)),
                    ]
            )
            {
                using DisposeScope scope = NewDisposeScope();
                using Preparation spoilt = new(
                    made.Kind,
                    _bed.Split,
                    made.Settings,
                    made.Tensors.ToDictionary(t => t.Key, t => t.Key == tensor ? spoil(t.Value) : t.Value.clone())
                );
                Exception? e = Record.Exception(() =>
                {
                    foreach (EditResult result in editor(spoilt).Edit(_bed.Split, [_bed.Failure]))
                        result.Dispose();
                });
                Assert.True(e is null or BadInputException, $"{tensor} {how}: {e}");
                refused += e is null ? 0 : 1;
            }
        }
        Assert.True(refused >= 3, $"{refused}");
    }

    [Theory]
    [InlineData(double.NaN, ScalarType.Float16)]
    [InlineData(double.PositiveInfinity, ScalarType.Float32)]
    [InlineData(double.NegativeInfinity, ScalarType.Float64)]
    [InlineData(double.NaN, ScalarType.BFloat16)]
    public void A_number_that_is_none_is_refused_when_the_file_is_read(double value, ScalarType type)
    {
        using (
            Preparation bad = new(
                "memory",
                _bed.Split,
                new Dictionary<string, string>(),
                new Dictionary<string, Tensor>
                {
                    ["good"] = ones([2]),
                    ["queries"] = tensor((double[])[1, value, 2], dtype: type),
                }
            )
        )
            bad.Save(_bed.FilePath("bad.prep"), overwrite: true);
        string message = RemedyText.Of(
            Assert.Throws<BadInputException>(() => Preparation.Load(_bed.FilePath("bad.prep")))
        );
        Assert.Contains("bad.prep", message, StringComparison.Ordinal);
        Assert.Contains("\"queries\" holds NaN or infinite values", message, StringComparison.Ordinal);
        Assert.Contains("retouch prepare", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_moment_that_is_none_is_said_instead_of_an_error_of_its_factorization()
    {
        using Preparation made = _bed.Prepare(new KeyStatistics());
        using Preparation negative = new(
            made.Kind,
            _bed.Split,
            made.Settings,
            made.Tensors.ToDictionary(t => t.Key, t => -t.Value)
        );
        Assert.Contains(
            "not positive definite",
            Assert.Throws<BadInputException>(() => new Rome(negative).Edit(_bed.Split, [_bed.Failure])).Message,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void A_partial_preparation_of_other_shapes_is_refused()
    {
        using CancellationTokenSource stop = new();
        string checkpoint = _bed.FilePath("partial");
        Assert.Throws<OperationCanceledException>(() =>
            new KeyStatistics().Prepare(_bed.Split, Few(), checkpoint, new Stop(stop), stop.Token)
        );
        using Preparation partial = Preparation.Load(checkpoint);
        foreach (string tensor in partial.Tensors.Keys)
        {
            using (
                Preparation spoilt = new(
                    partial.Kind,
                    _bed.Split,
                    partial.Settings,
                    partial.Tensors.ToDictionary(
                        t => t.Key,
                        t => t.Key == tensor ? zeros([3], t.Value.dtype) : t.Value.clone()
                    )
                )
            )
                spoilt.Save(checkpoint, overwrite: true);
            Exception? e = Record.Exception(() => new KeyStatistics().Prepare(_bed.Split, Few(), checkpoint).Dispose());
            Assert.True(e is BadInputException, $"{tensor}: {e}");
        }

        // Twenty, so that some are left after the first chunk.
        PreparationImages Few() => _bed.Images with { Folders = ImageFoldersTwice() };

        ImageFolders ImageFoldersTwice()
        {
            string root = _bed.FilePath("more");
            if (!Directory.Exists(root))
            {
                Directory.CreateDirectory(root);
                foreach (string path in _bed.Images.Folders.Paths)
                {
                    File.Copy(path, Path.Combine(root, "a" + Path.GetFileName(path)));
                    File.Copy(path, Path.Combine(root, "b" + Path.GetFileName(path)));
                }
            }
            return ImageFolders.Open([root]);
        }
    }

    sealed class Stop(CancellationTokenSource stop) : IProgress<PreparationProgress>
    {
        public void Report(PreparationProgress value) => stop.Cancel();
    }
}
