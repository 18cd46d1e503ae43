using Retouch.Data;

namespace Retouch.Measurement;

/// <summary>
/// Asks models about image files, of which what is in an index is not asked. In the order of the files, some thousand
/// of them in memory at a time.
/// </summary>
/// <param name="models">The models.</param>
/// <param name="index">What is known; null for nothing.</param>
sealed class IndexedQuestions(ComparedModels models, AnswerIndex? index)
{
    const int Window = 1024;

    readonly ModelAnswers? _after = index?.Of(models.After, models.Preprocessing);
    readonly ModelAnswers? _before = models.Before is null
        ? null
        : index?.Of(models.Before, models.PreprocessingBefore);

    /// <summary>How many files are asked about at once: a batch, or with an index a whole number of batches.</summary>
    public int Together { get; } =
        index is null ? models.Together : Math.Max(1, Window / models.Together) * models.Together;

    /// <summary>Asks about files, of which some may be left out since they cannot be decoded.</summary>
    /// <param name="paths">The files, at most <see cref="Together"/>.</param>
    /// <param name="cancellation">Stops between batches; answers by then are in the index.</param>
    /// <returns>An answer a file, in their order.</returns>
    /// <exception cref="BadInputException">The index cannot be read or written.</exception>
    /// <exception cref="OperationCanceledException">The work was cancelled.</exception>
    public ComparedStored[] Ask(string[] paths, CancellationToken cancellation)
    {
        if (index is null)
            return models.AskStored(paths);
        ComparedStored?[] answers = new ComparedStored?[paths.Length];
        (byte[]? Hash, byte[]? Stamp)[] names = new (byte[]?, byte[]?)[paths.Length];
        Parallel.For(
            0,
            paths.Length,
            new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount },
            i =>
            {
                byte[]? hash = index.Hashes.Of(paths[i], out byte[]? stamp);
                names[i] = (hash, stamp);
                if (hash is not null)
                    answers[i] = Find(hash);
            }
        );
        int[] missing = [.. Enumerable.Range(0, paths.Length).Where(i => answers[i] is null)];
        // Several names of one content are asked about once.
        Dictionary<string, int> first = [];
        List<int> asked = [];
        foreach (int i in missing)
            if (names[i].Hash is not byte[] hash || first.TryAdd(Convert.ToHexString(hash), i))
                asked.Add(i);
        foreach (int[] batch in asked.Chunk(models.Together))
        {
            cancellation.ThrowIfCancellationRequested();
            ComparedStored[] said = models.AskStored([.. batch.Select(i => paths[i])]);
            for (int i = 0; i < batch.Length; i++)
            {
                answers[batch[i]] = said[i];
                Keep(paths[batch[i]], names[batch[i]].Hash, names[batch[i]].Stamp, said[i]);
            }
            index.Flush();
        }
        for (int i = 0; i < answers.Length; i++)
        {
            if (answers[i] is not null)
                continue;
            ComparedStored other = answers[first[Convert.ToHexString(names[i].Hash!)]]!;
            // A problem names its file.
            answers[i] = other.Problem is null ? other : models.AskStored([paths[i]])[0];
        }
        return answers!;
    }

    ComparedStored? Find(byte[] hash)
    {
        if (_after!.Find(hash) is not { } after)
            return null;
        if (_before is null)
            return new ComparedStored(after, null, null);
        return _before.Find(hash) is { } before ? new ComparedStored(after, before, null) : null;
    }

    void Keep(string path, byte[]? hash, byte[]? stamp, ComparedStored said)
    {
        // Only of what was hashed: a file may be written to in the meantime.
        if (hash is null || said.After is not { } after || !ContentHashes.Same(stamp, path))
            return;
        _after!.Add(hash, after);
        if (said.Before is { } before)
            _before!.Add(hash, before);
    }
}
