using static Retouch.Kernels.Shape;

namespace Retouch.Kernels;

/// <summary>
/// How threads share the rows and units of a batch. Each worker has a workspace of its own; what a task gives must not
/// depend on which worker does it. Owns the workspaces.
/// </summary>
/// <param name="shape">Of the batch.</param>
/// <param name="mostUnits">How many units of its own an edit has at most.</param>
sealed class TaskSharing<T>(BatchShape shape, Func<int> mostUnits) : IDisposable
    where T : unmanaged, IElement<T>
{
    // Own units whose weights or gradients one task has in its cache; of no more rows than a workspace has.
    const int UnitsOfTask = 64;

    readonly int _team = Team.Size;
    readonly Workspace<T>?[] _workspaces = new Workspace<T>?[Team.Size];

    /// <summary>Runs tasks by their number.</summary>
    public void Each(int tasks, Action<int, Workspace<T>> work) =>
        Team.Run(
            tasks,
            _team,
            (task, worker) => work(task, _workspaces[worker] ??= new Workspace<T>(shape, mostUnits))
        );

    /// <summary>Runs tasks of some rows of tokens.</summary>
    /// <param name="tokens">M, of an image.</param>
    /// <param name="byEdit">Whether a task's rows are of one edit; else all are as one's.</param>
    /// <param name="work">Gets the rows and a workspace.</param>
    public void EachRows(int tokens, bool byEdit, Action<RowRange, Workspace<T>> work)
    {
        int groups = byEdit ? shape.Edits : 1;
        int rows = byEdit ? shape.PerEdit(tokens) : shape.Images * tokens;
        int parts = (rows + shape.RowsOfTask - 1) / shape.RowsOfTask;
        bool few = groups * parts < 4 * _team;
        // Equal parts for all threads.
        while (few && groups * parts % _team != 0 && parts * Lanes < rows)
            parts++;
        Each(
            groups * parts,
            (task, workspace) =>
            {
                int part = task % parts;
                int start = Start(part);
                work(new RowRange(task / parts, start, Start(part + 1) - start), workspace);
            }
        );

        // No two tasks share 16 rows, and none has more than a workspace holds.
        int Start(int part) =>
            part == parts ? rows
            : few
                ? Math.Max(
                    (int)((long)rows * part / parts + Lanes / 2) / Lanes * Lanes,
                    Up(Math.Max(rows - (parts - part) * shape.RowsOfTask, 0))
                )
            : part * shape.RowsOfTask;
    }

    /// <summary>Runs tasks of some of each edit's own units.</summary>
    /// <param name="units">Units of an edit.</param>
    /// <param name="work">Gets the edit, the first unit, how many, and a workspace.</param>
    public void EachUnits(int units, Action<int, int, int, Workspace<T>> work)
    {
        int ofTask = UnitsOfTask;
        // Fewer where threads would have nothing to do.
        while (ofTask > Lanes && shape.Edits * ((units + ofTask - 1) / ofTask) < _team)
            ofTask -= Lanes;
        int parts = (units + ofTask - 1) / ofTask;
        Each(
            shape.Edits * parts,
            (task, workspace) =>
            {
                int start = task % parts * ofTask;
                work(task / parts, start, Math.Min(ofTask, units - start), workspace);
            }
        );
    }

    /// <summary>Frees the workspaces.</summary>
    public void Dispose()
    {
        foreach (Workspace<T> workspace in _workspaces.OfType<Workspace<T>>())
            workspace.Dispose();
    }
}
