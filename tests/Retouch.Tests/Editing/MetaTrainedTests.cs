using Retouch.Editing;
using Retouch.Locating;

namespace Retouch.Tests.Editing;

/// <summary>MEND and KE: transforms of the gradient that are learned.</summary>
public sealed class MetaTrainedTests : IDisposable
{
    static readonly MetaTrainingSettings Short = new()
    {
        Steps = 80,
        Batch = 1,
        Samples = 6,
        Others = 2,
        LearningRate = 0.01,
        EditWeight = 1,
    };

    readonly MethodBed _bed = new();

    public static TheoryData<string> Methods => ["mend", "ke"];

    public void Dispose() => _bed.Dispose();

    [Theory]
    [MemberData(nameof(Methods))]
    public void Meta_training_lowers_its_loss_and_the_edit_the_failures(string method)
    {
        using Preparation learned = _bed.Prepare(Training(method, Short));
        float[] losses = learned["losses"].data<float>().ToArray();
        Assert.Equal(Short.Steps, losses.Length);
        Assert.True(
            losses.TakeLast(20).Average() < 0.9 * losses.Take(20).Average(),
            $"{losses.Take(20).Average()} → {losses.TakeLast(20).Average()}"
        );
        using EditResult result = Editor(method, learned).Edit(_bed.Split, [_bed.Failure])[0];
        Assert.True(_bed.Loss(result.Patch.Delta) < _bed.Loss(null));
        Assert.Equal(1, result.Steps);
    }

    [Theory]
    [MemberData(nameof(Methods))]
    public void An_interrupted_training_goes_on_to_the_same_result(string method)
    {
        MetaTrainingSettings settings = Short with { Steps = 12 };
        using Preparation whole = _bed.Prepare(Training(method, settings));
        string checkpoint = _bed.FilePath("part");
        using CancellationTokenSource source = new();
        Assert.ThrowsAny<OperationCanceledException>(() =>
            Training(method, settings).Prepare(_bed.Split, _bed.Images, checkpoint, new At(7, source), source.Token)
        );
        Assert.True(File.Exists(checkpoint));
        using Preparation resumed = Training(method, settings).Prepare(_bed.Split, _bed.Images, checkpoint);
        Assert.Equal(whole["losses"].data<float>().ToArray(), resumed["losses"].data<float>().ToArray());
        Assert.All(whole.Tensors, t => Assert.Equal(0, TinyVit.MaxDifference(t.Value, resumed[t.Key])));
        Assert.Contains(
            "another meta-training",
            Assert
                .Throws<BadInputException>(() =>
                    Training(method, settings with { EditWeight = 2 }).Prepare(_bed.Split, _bed.Images, checkpoint)
                )
                .Message,
            StringComparison.Ordinal
        );

        string file = _bed.FilePath("learned");
        whole.Save(file, overwrite: false);
        using Preparation loaded = Preparation.Load(file);
        using EditResult one = Editor(method, whole).Edit(_bed.Split, [_bed.Failure])[0];
        using EditResult two = Editor(method, loaded).Edit(_bed.Split, [_bed.Failure])[0];
        Assert.All(
            one.Patch.Delta.Rows.Zip(two.Patch.Delta.Rows),
            r => Assert.Equal(0, TinyVit.MaxDifference(r.First, r.Second))
        );
    }

    static IPreparation Training(string method, MetaTrainingSettings settings) =>
        method == "mend" ? new MendTraining(settings, rank: 8) : new KnowledgeEditorTraining(settings, hidden: 16);

    static IEditor Editor(string method, Preparation learned) =>
        method == "mend" ? new Mend(learned) : new KnowledgeEditor(learned);

    sealed class At(int step, CancellationTokenSource source) : IProgress<PreparationProgress>
    {
        public void Report(PreparationProgress value)
        {
            if (value.Loss is not null && value.Done == step)
                source.Cancel();
        }
    }
}
