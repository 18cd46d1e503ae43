using System.Globalization;
using System.Text.Json;
using Retouch.Formats;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Locating;

/// <summary>
/// A training on disk, whole: weights, optimizer state, best weights, curves and what it learns from, so that
/// one that goes on from it gives the same weights as one that never stopped.
/// </summary>
public static class LocatorCheckpoint
{
    const string Format = "retouch-locator-training";
    const string Finished = "finished";
    const string Now = "now.";
    const string Square = "square.";
    const string Best = "best.";

    /// <summary>Writes a training, atomically.</summary>
    /// <param name="training">The training.</param>
    /// <param name="data">What it learns from; only the same data may continue it.</param>
    /// <param name="path">The file; replaced if it exists.</param>
    /// <param name="finished">Whether only the results remain to be written; see <see cref="IsFinished"/>.</param>
    /// <exception cref="BadInputException">The file cannot be written.</exception>
    public static void Save(LocatorTraining training, string data, string path, bool finished = false)
    {
        Dictionary<string, string> metadata = new()
        {
            ["format"] = Format,
            ["data"] = data,
            ["settings"] = Settings(training.Settings),
            ["batches"] = training.Batches.ToString(CultureInfo.InvariantCulture),
            ["lossSum"] = training.Losses.Sum.ToString("R", CultureInfo.InvariantCulture),
            ["lossCount"] = training.Losses.Count.ToString(CultureInfo.InvariantCulture),
            ["heads"] = training.Network.Heads.ToString(CultureInfo.InvariantCulture),
            ["curve"] = JsonSerializer.Serialize([.. training.Curve], LocatingJson.Default.TrainingPointArray),
        };
        if (training.Best is not null)
            metadata["bestLoss"] = training.BestLoss.ToString("R", CultureInfo.InvariantCulture);
        if (finished)
            metadata[Finished] = "true";
        SafeTensorsWriter.Write(
            path,
            [
                .. training.Network.Tensors.Select(t => (Now + t.Key, t.Value)),
                .. training.Squares.Select(t => (Square + t.Key, t.Value)),
                .. training.Best?.Tensors.Select(t => (Best + t.Key, t.Value)) ?? [],
            ],
            metadata,
            overwrite: true
        );
    }

    /// <summary>
    /// Whether a training was done and its results were being written, so that those beside the file are its own.
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
    /// <exception cref="BadInputException">
    /// The file cannot be read, is no checkpoint, or one of other data or settings; the message names both.
    /// </exception>
    public static LocatorTraining Load(string path, string data, LocatorTrainingSettings settings)
    {
        using SafeTensorsFile file = SafeTensorsFile.Open(path);
        if (file.Metadata.GetValueOrDefault("format") != Format)
            throw BadInput.Mismatch(path, $"{path} is not a checkpoint of a locator's training.");
        if (Text("data") != data)
            throw BadInput.Mismatch(
                path,
                $"{path} is a checkpoint of a training on other data ({Text("data")}, not {data}).",
                Remedy.StartAnew
            );
        if (Text("settings") != Settings(settings))
            throw BadInput.Mismatch(
                path,
                $"{path} is a checkpoint of a training with other settings ({Text("settings")}, not "
                    + $"{Settings(settings)}).",
                Remedy.StartAnew
            );
        using DisposeScope scope = NewDisposeScope();
        try
        {
            (int batches, int heads, (double, int) losses) = (
                Count("batches"),
                Count("heads"),
                (Number("lossSum"), Count("lossCount"))
            );
            double? best = file.Metadata.ContainsKey("bestLoss") ? Number("bestLoss") : null;
            Dictionary<string, Tensor> squares = Tensors(Square);
            Hypernetwork now = new(Tensors(Now), heads, settings.Input, settings.Balanced);
            if (
                now.Tensors.Any(t =>
                    !squares.TryGetValue(t.Key, out Tensor? square) || !square.shape.SequenceEqual(t.Value.shape)
                )
            )
                throw BadInput.Damaged(null, "its optimizer state does not fit its weights.");
            if (squares.FirstOrDefault(s => !IsMeanSquare(s.Value)) is { Key: string strange })
                throw BadInput.Damaged(
                    null,
                    $"its optimizer state of {strange} holds NaN, infinite or negative values."
                );
            LocatorTraining training = new(now, settings, squares);
            training.Restore(
                batches,
                losses,
                JsonSerializer.Deserialize(Text("curve"), LocatingJson.Default.TrainingPointArray) ?? []
            );
            if (best is double loss)
                training.SetBest(new Hypernetwork(Tensors(Best), heads, settings.Input, settings.Balanced), loss);
            return training;
        }
        catch (JsonException e)
        {
            throw BadInput.Damaged(
                path,
                $"{path} is damaged: its curve: {JsonPlace.Describe(e, Text("curve"))}.",
                Remedy.StartAnew,
                e
            );
        }
        catch (Exception e) when (e is BadInputException or InvalidOperationException)
        {
            throw BadInput.Damaged(path, $"{path} is damaged: {SystemMessage.Of(e)}.", Remedy.StartAnew, e);
        }

        int Count(string key) =>
            int.TryParse(Text(key), NumberStyles.None, CultureInfo.InvariantCulture, out int number)
                ? number
                : throw BadInput.OutOfRange(
                    null,
                    $"its metadata '{key}' are {UserText.Quote(Text(key))}, not a whole number."
                );

        double Number(string key) =>
            double.TryParse(Text(key), CultureInfo.InvariantCulture, out double number) && double.IsFinite(number)
                ? number
                : throw BadInput.Damaged(
                    null,
                    $"its metadata '{key}' are {UserText.Quote(Text(key))}, not a finite number."
                );

        string Text(string key) =>
            file.Metadata.TryGetValue(key, out string? value)
                ? value
                : throw BadInput.Damaged(path, $"{path} is damaged: its metadata lack '{key}'.");

        Dictionary<string, Tensor> Tensors(string prefix) =>
            file
                .Tensors.Keys.Where(n => n.StartsWith(prefix, StringComparison.Ordinal))
                .ToDictionary(n => n[prefix.Length..], file.ReadFloat);
    }

    static bool IsMeanSquare(Tensor values)
    {
        using DisposeScope scope = NewDisposeScope();
        return values.isfinite().logical_and(values.ge(Held(0))).all().item<bool>();
    }

    static string Settings(LocatorTrainingSettings settings) =>
        string.Join(", ", settings.Describe().Select(s => $"{s.Key} {s.Value}"));
}
