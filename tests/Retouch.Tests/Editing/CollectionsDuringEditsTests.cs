using System.Diagnostics;
using Retouch.Editing;
using Retouch.Locating;
using Retouch.Optimizers;
using Retouch.Suffix;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Tests.Editing;

/// <summary>
/// An edit is the same whatever other threads of the process do: here one allocates and collects garbage, and with
/// it whatever a native call works on that nobody holds any more.
/// </summary>
public sealed class CollectionsDuringEditsTests : IDisposable
{
    const int Many = 30;
    const int Some = 2;
    const int Steps = 20000;

    readonly MethodBed _bed = new();

    public void Dispose() => _bed.Dispose();

    public static TheoryData<string, int> Edits =>
        [.. Methods.All.Select(m => (m.Name, m.Name is "kfac" or "gate" or "masked-fine-tuning" ? Many : Some))];

    public static TheoryData<string> Names => [.. Methods.All.Select(m => m.Name)];

    [Theory]
    [MemberData(nameof(Edits))]
    public void An_edit_has_the_same_bytes_beside_a_thread_that_collects(string name, int edits)
    {
        Dictionary<string, Preparation> prepared = [];
        IEditor editor = Create(name, prepared);
        byte[] undisturbed = Edit(editor);

        List<string> wrong = [];
        using (new Collector())
        {
            for (int i = 0; i < edits; i++)
            {
                try
                {
                    if (!undisturbed.AsSpan().SequenceEqual(Edit(editor)))
                        wrong.Add($"edit {i} has other bytes");
                }
                catch (Exception e)
                {
                    wrong.Add($"edit {i}: {e.Message.Split('\n')[0]}");
                }
            }
        }
        foreach (Preparation each in prepared.Values)
            each.Dispose();
        Assert.True(wrong.Count == 0, $"{wrong.Count} of {edits} edits:\n{string.Join('\n', wrong.Take(9))}");
    }

    // Seven numbers a step. Where nobody held them, some one to three of 10 000 were freed during their call.
    [Fact]
    public void Steps_of_Adam_have_the_same_bytes_beside_a_thread_that_collects()
    {
        using DisposeScope scope = NewDisposeScope();
        byte[] undisturbed = Learned();
        using (new Collector())
            Assert.Equal(undisturbed, Learned());

        static byte[] Learned()
        {
            using DisposeScope each = NewDisposeScope();
            Tensor leaf = TinyVit.Normal(1, 200, 200);
            Tensor[] gradients = [TinyVit.Normal(2, 200, 200)];
            using Adam adam = new([leaf]);
            for (int step = 0; step < Steps; step++)
                adam.Step(gradients, 1e-3);
            return leaf.bytes.ToArray();
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Whatever_an_edit_computes_is_held_by_a_scope_of_its_own(string name)
    {
        Dictionary<string, Preparation> prepared = [];
        IEditor editor = Create(name, prepared);
        long loose = 0;
        // A thread has no scope before it opens one.
        Thread thread = new(() =>
        {
            editor.Edit(_bed.Split, [_bed.Failure])[0].Dispose();
            _bed.Split.Predict(_bed.State);
            loose = DisposeScopeManager.Statistics.TensorStatistics.CreatedOutsideScopeCount;
        });
        thread.Start();
        thread.Join();
        foreach (Preparation each in prepared.Values)
            each.Dispose();
        Assert.Equal(0, loose);
    }

    IEditor Create(string name, Dictionary<string, Preparation> prepared)
    {
        Method method = Methods.Find(name);
        if (method.NewPreparation?.Invoke() is IPreparation preparation)
            prepared[preparation.Name] = _bed.Prepare(Short(preparation));
        if (name == "kfac")
            prepared[InputStatistics.Kind] = _bed.Prepare(new InputStatistics());
        Dictionary<string, string> settings = new(method.Grid(Sweep.Quick)[^1]);
        if (method.Settings.Any(s => s.Name == "steps"))
            settings["steps"] = "4";
        if (settings.ContainsKey("locator"))
            settings["locator"] = name == "kfac" ? "fisher" : "gradient";
        return method.Create(settings, new EditorResources { Preparations = prepared });
    }

    byte[] Edit(IEditor editor)
    {
        using DisposeScope scope = NewDisposeScope();
        using EditResult result = editor.Edit(_bed.Split, [_bed.Failure])[0];
        ModelDelta change = result.Patch.Change;
        return
        [
            .. change
                .Names.Order(StringComparer.Ordinal)
                .SelectMany(n => change.Apply(n, _bed.Model.Tensors[n]).contiguous().bytes.ToArray()),
        ];
    }

    // What is trained beforehand is trained for a moment.
    static IPreparation Short(IPreparation preparation)
    {
        MetaTrainingSettings few = new()
        {
            Steps = 2,
            Batch = 1,
            Samples = 3,
            Others = 1,
        };
        return preparation switch
        {
            MendTraining => new MendTraining(few),
            KnowledgeEditorTraining => new KnowledgeEditorTraining(few),
            NeuronStatistics => new NeuronStatistics(points: 2),
            _ => preparation,
        };
    }

    /// <summary>A thread that makes garbage and collects it, again and again until it is disposed.</summary>
    sealed class Collector : IDisposable
    {
        readonly Thread _thread;
        volatile bool _stop;

        public Collector()
        {
            _thread = new Thread(() =>
            {
                while (!_stop)
                {
                    Stopwatch watch = Stopwatch.StartNew();
                    for (int i = 0; i < 50; i++)
                        _ = new byte[4096];
                    GC.Collect(0);
                    // The other thread gets half of the time: without that it may not get on for minutes.
                    TimeSpan took = watch.Elapsed;
                    while (watch.Elapsed < 2 * took)
                        Thread.SpinWait(20);
                }
            })
            {
                IsBackground = true,
            };
            _thread.Start();
        }

        public void Dispose()
        {
            _stop = true;
            _thread.Join();
        }
    }
}
