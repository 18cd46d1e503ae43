using System.Globalization;
using Retouch.Formats;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Pretraining;

/// <summary>A training on disk, whole: weights, both moments, the number of steps and what it learns from.</summary>
public static class PretrainingCheckpoint
{
    const string Format = "retouch-pretraining";
    const string Finished = "finished";

    /// <summary>Writes a training, atomically.</summary>
    /// <param name="run">The training.</param>
    /// <param name="data">What it learns from; only the same data may continue it.</param>
    /// <param name="path">The file; replaced if it exists.</param>
    /// <param name="finished">Whether only the model remains to be written; see <see cref="IsFinished"/>.</param>
    /// <exception cref="BadInputException">The file cannot be written.</exception>
    public static void Save(PretrainingRun run, string data, string path, bool finished = false)
    {
        SortedDictionary<string, string> metadata = new(StringComparer.Ordinal)
        {
            ["format"] = Format,
            ["data"] = data,
            ["settings"] = run.Settings.ToJson(),
            ["steps"] = run.Steps.ToString(CultureInfo.InvariantCulture),
        };
        if (finished)
            metadata[Finished] = "true";
        (string, Tensor)[] tensors = [("first", run.First), ("second", run.Second), ("weights", run.Weights)];
        SafeTensorsWriter.Write(path, tensors, metadata, overwrite: true);
    }

    /// <summary>
    /// Whether a training was done and its model was being written, so that the one beside the file is its own.
    /// </summary>
    /// <exception cref="BadInputException">The file cannot be read.</exception>
    public static bool IsFinished(string path)
    {
        using SafeTensorsFile file = SafeTensorsFile.Open(path);
        return file.Metadata.GetValueOrDefault("format") == Format && file.Metadata.ContainsKey(Finished);
    }

    /// <summary>Reads a training to go on with; the caller disposes it.</summary>
    /// <param name="path">The file.</param>
    /// <param name="data">What it is to learn from.</param>
    /// <param name="settings">Its settings.</param>
    /// <param name="classes">The number of classes.</param>
    /// <exception cref="BadInputException">
    /// The file cannot be read, is no checkpoint, or one of other data or settings.
    /// </exception>
    public static PretrainingRun Load(string path, string data, PretrainingSettings settings, int classes)
    {
        using SafeTensorsFile file = SafeTensorsFile.Open(path);
        if (file.Metadata.GetValueOrDefault("format") != Format)
            throw BadInput.Mismatch(path, $"{path} is not a checkpoint of a model's training.");
        if (file.Metadata.GetValueOrDefault("data") != data)
            throw BadInput.Mismatch(path, $"{path} is a checkpoint of a training on other images.", Remedy.StartAnew);
        if (file.Metadata.GetValueOrDefault("settings") != settings.ToJson())
            throw BadInput.Mismatch(
                path,
                $"{path} is a checkpoint of a training with other settings "
                    + $"({file.Metadata.GetValueOrDefault("settings")}).",
                Remedy.StartAnew
            );
        if (
            !long.TryParse(
                file.Metadata.GetValueOrDefault("steps"),
                NumberStyles.None,
                CultureInfo.InvariantCulture,
                out long steps
            )
        )
            throw BadInput.Damaged(path, $"{path} does not say how many steps it has done.");
        using DisposeScope scope = NewDisposeScope();
        try
        {
            return new PretrainingRun(settings, classes, (Read("weights"), Read("first"), Read("second")), steps);
        }
        catch (BadInputException e)
        {
            throw e.At(path);
        }

        Tensor Read(string name)
        {
            Tensor read = file.Tensors.ContainsKey(name)
                ? file.ReadFloat(name)
                : throw BadInput.Missing(name, $"the tensor {name} is missing.");
            bool sound =
                read.isfinite().all().item<bool>() && (name != "second" || read.ge(Held(0)).all().item<bool>());
            return sound
                ? read
                : throw BadInput.Damaged(
                    name,
                    $"the tensor {name} holds NaN, infinite or impossible values.",
                    Remedy.StartAnew
                );
        }
    }
}
