using System.Buffers.Binary;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Measurement;

/// <summary>What a model says of an image, as an <see cref="AnswerIndex"/> keeps it. Immutable.</summary>
/// <param name="Top">
/// The likeliest classes, likeliest first: <see cref="RankedAnswer.Length"/> of them, or all where there are fewer.
/// </param>
/// <param name="Probability">The probability of the first, in [0,1].</param>
/// <param name="Margin">By how much the first is likelier than the second, in [0,1].</param>
readonly record struct StoredAnswer(IReadOnlyList<int> Top, float Probability, float Margin)
{
    /// <summary>Bytes of an answer in a file.</summary>
    public const int Bytes = (RankedAnswer.Length + 2) * sizeof(int);

    /// <summary>As top-5 accuracy needs it.</summary>
    public RankedAnswer Ranked => new(Top, Probability);

    /// <summary>As margins need it.</summary>
    public ModelAnswer Answer => new(Top[0], Probability, Margin);

    /// <summary>The answers that logits <c>[N,C]</c> are.</summary>
    public static StoredAnswer[] Of(Tensor logits)
    {
        using DisposeScope scope = NewDisposeScope();
        int width = (int)Math.Min(RankedAnswer.Length, logits.shape[1]);
        (Tensor values, Tensor indices) = special.softmax(logits, 1).topk(width);
        float[] probabilities = values.cpu().contiguous().data<float>().ToArray();
        long[] classes = indices.cpu().contiguous().data<long>().ToArray();
        StoredAnswer[] answers = new StoredAnswer[probabilities.Length / width];
        for (int i = 0; i < answers.Length; i++)
        {
            ReadOnlySpan<float> p = probabilities.AsSpan(i * width, width);
            answers[i] = new StoredAnswer(
                Array.ConvertAll(classes.AsSpan(i * width, width).ToArray(), c => (int)c),
                Math.Clamp(p[0], 0f, 1f),
                Math.Clamp(p[0] - (width > 1 ? p[1] : 0), 0f, 1f)
            );
        }
        return answers;
    }

    /// <summary>Writes it to <see cref="Bytes"/> bytes.</summary>
    public void Write(Span<byte> bytes)
    {
        for (int i = 0; i < RankedAnswer.Length; i++)
            BinaryPrimitives.WriteInt32LittleEndian(bytes[(i * sizeof(int))..], i < Top.Count ? Top[i] : -1);
        BinaryPrimitives.WriteSingleLittleEndian(bytes[(RankedAnswer.Length * sizeof(int))..], Probability);
        BinaryPrimitives.WriteSingleLittleEndian(bytes[((RankedAnswer.Length + 1) * sizeof(int))..], Margin);
    }

    /// <summary>Reads what <see cref="Write"/> wrote.</summary>
    public static StoredAnswer Read(ReadOnlySpan<byte> bytes)
    {
        int count = 0;
        Span<int> top = stackalloc int[RankedAnswer.Length];
        while (
            count < top.Length
            && BinaryPrimitives.ReadInt32LittleEndian(bytes[(count * sizeof(int))..]) is >= 0 and int known
        )
            top[count++] = known;
        return new StoredAnswer(
            top[..count].ToArray(),
            BinaryPrimitives.ReadSingleLittleEndian(bytes[(RankedAnswer.Length * sizeof(int))..]),
            BinaryPrimitives.ReadSingleLittleEndian(bytes[((RankedAnswer.Length + 1) * sizeof(int))..])
        );
    }
}
