using Retouch.Benchmarks;
using Retouch.Data;
using Retouch.Measurement;

namespace Retouch.UseCases;

/// <summary>Images of a check with the places of their files among those that are asked about. Immutable.</summary>
/// <param name="Images">The images.</param>
/// <param name="Places">The places of their files; null where each has its own.</param>
sealed record CheckSet(LabelledImages Images, IReadOnlyList<int>? Places)
{
    /// <summary>The place of an image's file.</summary>
    public int PlaceOf(int image) => Places?[image] ?? image;

    /// <summary>
    /// The images with what was said of them, without those that cannot be decoded: each is made when it is asked for.
    /// </summary>
    public IReadOnlyList<CheckedImage> Answered(ComparedAnswers answers)
    {
        int count = 0;
        for (int i = 0; i < Images.Count; i++)
            count += answers.IsDecoded(PlaceOf(i)) ? 1 : 0;
        if (count == Images.Count)
            return new ListView<CheckedImage>(count, At);
        int[] decoded = new int[count];
        for (int i = 0, kept = 0; i < Images.Count; i++)
            if (answers.IsDecoded(PlaceOf(i)))
                decoded[kept++] = i;
        return new ListView<CheckedImage>(count, i => At(decoded[i]));

        CheckedImage At(int i)
        {
            Labelled image = Images[i];
            ComparedAnswer said = answers[PlaceOf(i)];
            return new CheckedImage(
                $"{image.Source}/{image.Class}",
                image.Accepted,
                image.Path,
                image.FullPath,
                said.After!,
                said.Before
            );
        }
    }
}
