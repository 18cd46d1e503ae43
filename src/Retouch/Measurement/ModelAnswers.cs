using Retouch.Formats;

namespace Retouch.Measurement;

/// <summary>What one model said of images, by their hashes. Safe for several threads.</summary>
sealed class ModelAnswers : IDisposable
{
    readonly RecordLog _log;
    readonly int _classes;

    /// <summary>Opens a file of answers, or makes one.</summary>
    /// <param name="path">The file.</param>
    /// <param name="classes">The number of the model's classes.</param>
    /// <exception cref="BadInputException">It is another file, or cannot be read or written.</exception>
    public ModelAnswers(string path, int classes)
    {
        _log = new RecordLog(path, StoredAnswer.Bytes);
        (_classes, WereThere) = (classes, _log.Count);
    }

    /// <summary>How many answers there were when it was opened.</summary>
    public int WereThere { get; }

    /// <summary>How many answers there are.</summary>
    public int Count => _log.Count;

    /// <summary>What the model said of an image; null where it was not asked.</summary>
    /// <param name="hash">The SHA-256 of its bytes.</param>
    public StoredAnswer? Find(ReadOnlySpan<byte> hash)
    {
        Span<byte> bytes = stackalloc byte[StoredAnswer.Bytes];
        if (!_log.TryGet(hash, bytes))
            return null;
        StoredAnswer answer = StoredAnswer.Read(bytes);
        bool isPossible =
            answer.Top.Count == Math.Min(RankedAnswer.Length, _classes)
            && answer.Top.All(c => c < _classes)
            && answer is { Probability: >= 0 and <= 1, Margin: >= 0 and <= 1 };
        return isPossible ? answer : null;
    }

    /// <summary>Keeps what the model says of an image.</summary>
    /// <param name="hash">The SHA-256 of its bytes.</param>
    /// <param name="answer">What it says.</param>
    public void Add(ReadOnlySpan<byte> hash, StoredAnswer answer)
    {
        Span<byte> bytes = stackalloc byte[StoredAnswer.Bytes];
        answer.Write(bytes);
        _log.Add(hash, bytes);
    }

    /// <summary>Brings to the disk what is not there yet.</summary>
    public void Flush() => _log.Flush();

    /// <summary>Closes the file.</summary>
    public void Dispose() => _log.Dispose();
}
