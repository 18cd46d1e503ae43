using Retouch.Formats;
using Retouch.Locating;
using Retouch.Suffix;

namespace Retouch.UseCases;

/// <summary>What a method learns from ordinary images before its first edit, as a file.</summary>
public static class PrepareUseCase
{
    const string Partial = ".partial";

    /// <summary>Where a preparation that takes long keeps what it has, until its file is written.</summary>
    /// <param name="output">Its file.</param>
    public static string CheckpointOf(string output) => output + Partial;

    /// <summary>
    /// Learns it and writes it, or goes on where the same call was interrupted; the caller disposes the preparation.
    /// </summary>
    /// <param name="how">What is learned.</param>
    /// <param name="split">The unedited model.</param>
    /// <param name="images">The ordinary images.</param>
    /// <param name="output">The file to write, atomically.</param>
    /// <param name="overwrite">Whether an existing file may be replaced.</param>
    /// <param name="events">Told how far it is.</param>
    /// <param name="cancellation">Stops between batches; what is learned so far stays beside the file.</param>
    /// <exception cref="BadInputException">
    /// The images do not suffice or cannot be decoded, or the file cannot be written.
    /// </exception>
    /// <exception cref="OperationCanceledException">The work was cancelled.</exception>
    public static Preparation Run(
        IPreparation how,
        SplitVit split,
        PreparationImages images,
        string output,
        bool overwrite,
        IUseCaseEvents events,
        CancellationToken cancellation = default
    )
    {
        string checkpoint = CheckpointOf(output);
        Preparation done;
        try
        {
            done = events.Progress(
                $"preparing {how.Name}",
                1,
                report =>
                    how.Prepare(
                        split,
                        images,
                        checkpoint,
                        new Told<PreparationProgress>(p =>
                            report((double)p.Done / p.Total, p.Loss is double loss ? $"loss {loss:0.0000}" : null)
                        ),
                        cancellation
                    )
            );
        }
        catch (OperationCanceledException e) when (File.Exists(checkpoint))
        {
            throw new OperationCanceledException(
                $"interrupted; what was learned so far is kept in {checkpoint}, and the same command goes on from "
                    + "there.",
                e,
                cancellation
            );
        }
        try
        {
            done.From(images).Save(output, overwrite);
        }
        catch
        {
            done.Dispose();
            throw;
        }
        AtomicFile.Delete(checkpoint);
        return done;
    }
}
