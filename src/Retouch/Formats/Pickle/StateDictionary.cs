namespace Retouch.Formats;

/// <summary>Gathers the tensors of what a pickle holds, however deep a training script put them.</summary>
static class StateDictionary
{
    const int Deepest = 16;
    const int MostTensors = 100_000;
    const int LongestName = 500;

    /// <summary>Every tensor under its path of keys, with dots between.</summary>
    /// <exception cref="BadInputException">There is none, or two have one name.</exception>
    public static Dictionary<string, PickleTensor> Flatten(object? root, string path)
    {
        Dictionary<string, PickleTensor> tensors = new(StringComparer.Ordinal);
        // A container that occurs twice is gathered once, or a few bytes could ask for endless work.
        HashSet<object> seen = new(ReferenceEqualityComparer.Instance);
        List<string> keys = [];
        Gather(root);
        return tensors.Count > 0
            ? tensors
            : throw BadInput.Missing(path, $"{path} holds no tensor that is a model's: save its state_dict().");

        void Gather(object? value)
        {
            if (value is PickleTensor tensor)
            {
                // Made of its keys here alone: what else is kept under a long key costs nothing.
                if (keys.Sum(k => (long)k.Length + 1) > LongestName)
                    throw BadInput.TooLarge(
                        path,
                        $"{path} holds a tensor whose name is longer than {LongestName} characters: "
                            + $"{UserText.Quote(keys.MaxBy(k => k.Length)!)}."
                    );
                string name = string.Join('.', keys);
                if (!tensors.TryAdd(name, tensor) || tensors.Count > MostTensors)
                    throw BadInput.TooLarge(
                        path,
                        tensors.Count > MostTensors
                            ? $"{path} holds more than {MostTensors} tensors."
                            : $"{path} holds two tensors {UserText.Quote(name)}."
                    );
                return;
            }
            if (
                keys.Count == Deepest
                || value is not (Dictionary<object, object?> or List<object?> or PickleTuple)
                || !seen.Add(value)
            )
                return;
            IEnumerable<(string Key, object? Value)> items = value switch
            {
                Dictionary<object, object?> dictionary => dictionary
                    .Where(d => d.Key is not PickleInert)
                    .Select(d => (d.Key as string ?? d.Key.ToString()!, d.Value)),
                List<object?> list => list.Select((item, i) => (i.ToString(), item)),
                _ => ((PickleTuple)value).Items.Select((item, i) => (i.ToString(), item)),
            };
            foreach ((string key, object? item) in items)
            {
                if (item is not (PickleTensor or Dictionary<object, object?> or List<object?> or PickleTuple))
                    continue;
                keys.Add(key);
                Gather(item);
                keys.RemoveAt(keys.Count - 1);
            }
        }
    }
}
