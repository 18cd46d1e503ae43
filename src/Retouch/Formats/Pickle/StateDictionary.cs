namespace Retouch.Formats;

/// <summary>Gathers the tensors of what a pickle holds, however deep a training script put them.</summary>
static class StateDictionary
{
    const int Deepest = 16, MostTensors = 100_000;

    /// <summary>Every tensor under its path of keys, with dots between.</summary>
    /// <exception cref="BadInputException">There is none, or two have one name.</exception>
    public static Dictionary<string, PickleTensor> Flatten(object? root, string path)
    {
        Dictionary<string, PickleTensor> tensors = new(StringComparer.Ordinal);
        // A container that occurs twice is gathered once, or a few bytes could ask for endless work.
        HashSet<object> seen = new(ReferenceEqualityComparer.Instance);
        Gather(root, "", 0);
        return tensors.Count > 0 ? tensors : throw new BadInputException($"{path} holds no tensor that is a model's: save its state_dict().");

        void Gather(object? value, string name, int depth)
        {
            if (value is PickleTensor tensor)
            {
                if (!tensors.TryAdd(name, tensor) || tensors.Count > MostTensors)
                    throw new BadInputException($"{path} holds {(tensors.Count > MostTensors ? $"more than {MostTensors} tensors" : $"two tensors {UserText.Quote(name)}")}.");
                return;
            }
            if (depth == Deepest || value is not (Dictionary<object, object?> or List<object?> or PickleTuple) || !seen.Add(value))
                return;
            IEnumerable<(string Key, object? Value)> items = value switch
            {
                Dictionary<object, object?> dictionary => dictionary.Where(d => d.Key is not PickleInert).Select(d => (d.Key.ToString()!, d.Value)),
                List<object?> list => list.Select((item, i) => (i.ToString(), item)),
                _ => ((PickleTuple)value).Items.Select((item, i) => (i.ToString(), item)),
            };
            foreach ((string key, object? item) in items)
                Gather(item, name.Length == 0 ? key : $"{name}.{key}", depth + 1);
        }
    }
}
