using Retouch.Patches;
using Retouch.Studio.World;
using Retouch.UseCases;

namespace Retouch.Studio.Editing;

/// <summary>
/// The mistakes that are being worked on, so that a page that is loaded again, or a second one, finds them as they are.
/// Safe for several threads. Owns the boards.
/// </summary>
/// <param name="world">The model and the images.</param>
public sealed class Bench(StudioWorld world) : IDisposable
{
    const int Most = 8;

    readonly Lock _gate = new();
    readonly List<EditBoard> _boards = [];

    /// <summary>The board of a mistake, made where there is none yet.</summary>
    /// <param name="image">The image.</param>
    /// <param name="label">The class that it should have.</param>
    public EditBoard Board(StudioImage image, int label)
    {
        EditBoard? board;
        EditBoard? old = null;
        lock (_gate)
        {
            board = _boards.FirstOrDefault(b => b.Image.Id == image.Id && b.Label == label);
            if (board is not null)
                _boards.Remove(board);
            int place = board?.Place ?? (world.Live!.Places.Count - 1) / 2;
            if (board is { IsEarly: true } && world.Doing is null)
                (old, board) = (board, null);
            board ??= new EditBoard(world, image, label) { Place = place };
            _boards.Add(board);
            if (_boards.Count > Most && old is null)
            {
                old = _boards[0];
                _boards.RemoveAt(0);
            }
        }
        old?.Dispose();
        board.Start();
        return board;
    }

    /// <summary>Writes an edit's patch beside the ledger and adds it.</summary>
    /// <param name="board">The mistake.</param>
    /// <param name="point">The edit.</param>
    /// <param name="reason">Why.</param>
    /// <returns>The ledger's entry.</returns>
    /// <exception cref="BadInputException">There is no ledger, or it refuses the patch.</exception>
    public LedgerEntry Accept(EditBoard board, BoardPoint point, string reason)
    {
        Effect effect = point.Effect;
        return Accepted(
            Path.GetFileNameWithoutExtension(board.Image.Path),
            reason,
            patch =>
                world.Live!.Write(
                    point.Edit,
                    board.Image.Path,
                    patch,
                    effect.OrdinaryImages == 0
                        ? null
                        : (effect.OrdinaryImages, effect.OrdinaryImages - effect.Ordinary.Count)
                )
        );
    }

    /// <summary>Puts a patch that a job wrote beside the ledger and adds it.</summary>
    /// <param name="file">The patch.</param>
    /// <param name="reason">Why.</param>
    /// <returns>The ledger's entry.</returns>
    /// <exception cref="BadInputException">There is no ledger, or it refuses the patch.</exception>
    public LedgerEntry Accept(string file, string reason)
    {
        using Patch made = PatchFile.Load(file);
        return Accepted("repair", reason, patch => PatchFile.Save(Moved(made, file, patch), patch, overwrite: false));
    }

    // Its images' paths go on from where it lies.
    static Patch Moved(Patch made, string from, string to)
    {
        string before = Path.GetDirectoryName(Path.GetFullPath(from))!;
        string after = Path.GetDirectoryName(Path.GetFullPath(to))!;
        return made.With(
            made.Provenance with
            {
                Images =
                [
                    .. made.Provenance.Images.Select(i =>
                        i.Path is string path
                            ? i with
                            {
                                Path = Path.GetRelativePath(after, Path.GetFullPath(path, before))
                                    .Replace(Path.DirectorySeparatorChar, '/'),
                            }
                            : i
                    ),
                ],
            }
        );
    }

    LedgerEntry Accepted(string stem, string reason, Action<string> write)
    {
        string ledger =
            world.Options.Ledger
            ?? throw new BadInputException("There is no ledger to accept it into; open the studio with --ledger FILE.");
        string folder = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(ledger))!, "patches");
        Directory.CreateDirectory(folder);
        string patch = Enumerable
            .Range(0, int.MaxValue)
            .Select(n => Path.Combine(folder, n == 0 ? $"{stem}.patch" : $"{stem}-{n}.patch"))
            .First(p => !File.Exists(p));
        write(patch);
        try
        {
            return LedgerUseCase
                .Add(
                    new()
                    {
                        Ledger = ledger,
                        Patches = [patch],
                        Author = world.Options.Author,
                        Reason = reason,
                        Time = DateTimeOffset.UtcNow,
                        KeepImages = true,
                    }
                )
                .Entries[^1];
        }
        catch
        {
            File.Delete(patch);
            throw;
        }
    }

    /// <summary>Frees the boards.</summary>
    public void Dispose()
    {
        foreach (EditBoard board in _boards)
            board.Dispose();
        // What they compute with is freed next.
        foreach (EditBoard board in _boards)
            board.Finished.ContinueWith(_ => { }, TaskScheduler.Default).Wait();
    }
}
