using System.Buffers.Binary;
using System.Collections;
using System.Text;
using Retouch.Formats;

namespace Retouch.Measurement;

/// <summary>
/// What models say of files as a list that millions may be in: it lies in a <see cref="Spool"/>. Grows until it is
/// read; then safe for several threads.
/// </summary>
sealed class ComparedAnswers : IReadOnlyList<ComparedAnswer>
{
    const int NumberLength = sizeof(int);

    readonly Spool _answers = new();
    readonly HashSet<int> _undecoded = [];

    /// <summary>How many there are.</summary>
    public int Count => _answers.Count;

    /// <summary>Why files were left out, in their order.</summary>
    public IEnumerable<Problem> Problems => _undecoded.Order().Select(i => this[i].Problem!);

    /// <summary>What is said of a file.</summary>
    /// <param name="place">Its place.</param>
    public ComparedAnswer this[int place]
    {
        get
        {
            ReadOnlySpan<byte> bytes = _answers[place];
            if (_undecoded.Contains(place))
                return new ComparedAnswer(null, null, new Problem(Encoding.UTF8.GetString(bytes)));
            RankedAnswer after = Take(ref bytes);
            return new ComparedAnswer(after, bytes.Length > 0 ? Take(ref bytes) : null, null);
        }
    }

    /// <summary>Whether a file could be decoded.</summary>
    public bool IsDecoded(int place) => !_undecoded.Contains(place);

    /// <summary>Adds what is said of the next file.</summary>
    public void Add(ComparedAnswer answer)
    {
        if (answer.Problem is { } why)
        {
            _undecoded.Add(Count);
            _answers.Add(Encoding.UTF8.GetBytes(why.Message));
            return;
        }
        Span<byte> bytes = stackalloc byte[2 * (NumberLength * (RankedAnswer.Length + 1) + sizeof(double))];
        int length = Put(answer.After!, bytes);
        if (answer.Before is { } before)
            length += Put(before, bytes[length..]);
        _answers.Add(bytes[..length]);
    }

    /// <summary>Goes through them.</summary>
    public IEnumerator<ComparedAnswer> GetEnumerator()
    {
        for (int i = 0; i < Count; i++)
            yield return this[i];
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    static int Put(RankedAnswer answer, Span<byte> bytes)
    {
        BinaryPrimitives.WriteInt32LittleEndian(bytes, answer.Top.Count);
        int at = NumberLength;
        foreach (int c in answer.Top)
        {
            BinaryPrimitives.WriteInt32LittleEndian(bytes[at..], c);
            at += NumberLength;
        }
        BinaryPrimitives.WriteDoubleLittleEndian(bytes[at..], answer.Probability);
        return at + sizeof(double);
    }

    static RankedAnswer Take(ref ReadOnlySpan<byte> bytes)
    {
        int[] top = new int[BinaryPrimitives.ReadInt32LittleEndian(bytes)];
        for (int i = 0; i < top.Length; i++)
            top[i] = BinaryPrimitives.ReadInt32LittleEndian(bytes[((i + 1) * NumberLength)..]);
        bytes = bytes[((top.Length + 1) * NumberLength)..];
        RankedAnswer answer = new(top, BinaryPrimitives.ReadDoubleLittleEndian(bytes));
        bytes = bytes[sizeof(double)..];
        return answer;
    }
}
