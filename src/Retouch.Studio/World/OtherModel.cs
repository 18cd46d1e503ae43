using System.Text;
using Retouch.Formats;
using Retouch.Images;
using Retouch.Suffix;
using Retouch.UseCases;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Studio.World;

/// <summary>
/// What another model says of the images, kept in a file that only grows, so that whoever was interrupted goes on
/// there.
/// </summary>
sealed class OtherModel
{
    const int Together = 16;

    readonly Dictionary<string, LiveAnswer> _answers = [];
    readonly string _file;

    /// <summary>Reads what is known.</summary>
    /// <param name="file">The file; it need not be there.</param>
    public OtherModel(string file)
    {
        _file = file;
        if (!File.Exists(file))
            return;
        foreach (string text in File.ReadLines(file))
        {
            if (AnswerLine.Parse(text) is not AnswerLine line)
                break;
            _answers[line.Key] = line.Answer();
        }
    }

    /// <summary>What is known of the other model that a studio was opened with; null where there is none.</summary>
    /// <param name="world">The studio's model and images.</param>
    public static OtherModel? Of(StudioWorld world) =>
        world.Options.Against is ModelFile other
            ? new(Path.Combine(world.Options.WorkFolder, $"against-{StudioWorld.Identity(other)}.jsonl"))
            : null;

    /// <summary>What the model says of a file as it is now; null where it was not asked.</summary>
    public LiveAnswer? Of(string path) =>
        _answers.TryGetValue(AnswerLine.KeyOf(path), out LiveAnswer answer) ? answer : null;

    /// <summary>Asks a model about what is not known.</summary>
    /// <param name="model">The model; not owned.</param>
    /// <param name="paths">The images' files.</param>
    /// <param name="events">Told how far it is.</param>
    /// <param name="cancellation">Stops between some images; what is known by then is kept.</param>
    /// <returns>How many images cannot be read.</returns>
    public int Ask(ModelFile model, IReadOnlyList<string> paths, IUseCaseEvents events, CancellationToken cancellation)
    {
        SplitVit split = new(model.Model);
        int failed = 0;
        // What was cut off in the middle of a line would hide what comes after it.
        AtomicFile.Write(
            _file,
            overwrite: true,
            s => s.Write(Encoding.UTF8.GetBytes(string.Concat(_answers.Select(a => AnswerLine.Text(a.Key, a.Value)))))
        );
        using StreamWriter writer = new(_file, append: true);
        return events.Progress(
            "asking the other model",
            paths.Count,
            report =>
            {
                int done = 0;
                foreach (string[] some in paths.Chunk(Together))
                {
                    cancellation.ThrowIfCancellationRequested();
                    Ask([.. some.Where(p => ImageFile.Exists(p) && Of(p) is null)]);
                    writer.Flush();
                    report(done += some.Length, null);
                }
                return failed;
            }
        );

        void Ask(string[] some)
        {
            if (some.Length == 0)
                return;
            using DisposeScope scope = NewDisposeScope();
            using IDisposable noGrad = no_grad();
            (Tensor pixels, IReadOnlyList<int> loaded, IReadOnlyList<(int, Problem)> problems) =
                ImageLoader.LoadAvailable(some, model.Preprocessing);
            failed += problems.Count;
            if (loaded.Count == 0)
                return;
            using PrefixState state = split.Prefix(pixels);
            IReadOnlyList<LiveAnswer> answers = LiveAnswer.Of(split.Logits(state));
            for (int i = 0; i < loaded.Count; i++)
            {
                (string key, LiveAnswer answer) = (AnswerLine.KeyOf(some[loaded[i]]), answers[i]);
                _answers[key] = answer;
                writer.Write(AnswerLine.Text(key, answer));
            }
        }
    }
}
