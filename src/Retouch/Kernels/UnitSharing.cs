namespace Retouch.Kernels;

/// <summary>
/// An FFN of few rows, whose units the threads share and not its rows: each computes what some units give, and then all
/// of that is added up.
/// </summary>
/// <param name="shape">Of the batch.</param>
/// <param name="tasks">Its threads.</param>
/// <param name="units">The edits' own.</param>
/// <param name="pool">Memory at the first use.</param>
sealed unsafe class UnitSharing<T>(BatchShape shape, TaskSharing<T> tasks, UnitsByBlock<T> units, BufferPool pool)
    where T : unmanaged, IElement<T>
{
    AlignedBuffer<float>? _parts; // [parts,rows,D], as many rows as a task takes
    AlignedBuffer<T>? _rows;

    /// <summary>What they all read, <c>[rows,D + spare]</c>.</summary>
    public T* Rows => (_rows ??= pool.Take<T>((long)shape.RowsOfTask * shape.Stride)).Start;

    /// <summary>Where rows are too few to make up for reading all of a wide model's weights on each thread.</summary>
    /// <param name="tokens">M, of an image.</param>
    public bool Pays(int tokens) =>
        shape.Edits == 1
        && shape.Images * tokens <= shape.RowsOfTask
        && shape.Hidden >= 2 * shape.UnitsAtATime
        && shape.IsWide;

    /// <summary>Shares the units of one block.</summary>
    /// <param name="block">The block.</param>
    /// <param name="rows">Of the batch.</param>
    /// <param name="frozen">
    /// Gets the first of some of the model's units, a workspace, and where to leave what they give, <c>[rows,D]</c>.
    /// </param>
    /// <param name="own">Gets the last two, for the edit's own units.</param>
    /// <param name="then">Gets some of the rows, and a workspace with their sum in its Out.</param>
    public void Run(
        int block,
        int rows,
        Action<int, Workspace<T>, nint> frozen,
        Action<Workspace<T>, nint> own,
        Action<RowRange, Workspace<T>> then
    )
    {
        int all = (shape.Hidden + shape.UnitsAtATime - 1) / shape.UnitsAtATime;
        int ofModel = units.HasFrozen(block) ? all : 0;
        int parts = ofModel + (units.HasOwn(block) ? 1 : 0);
        long size = (long)shape.RowsOfTask * shape.Width;
        _parts ??= pool.Take<float>(size * (all + 1));
        // The edit's own units last: they are the fewest.
        tasks.Each(
            parts,
            (task, workspace) =>
            {
                nint to = (nint)(_parts.Start + task * size);
                if (task < ofModel)
                    frozen(task * shape.UnitsAtATime, workspace, to);
                else
                    own(workspace, to);
            }
        );
        tasks.EachRows(
            rows / shape.Images,
            false,
            (some, workspace) =>
            {
                float* sum = workspace.Out;
                new Span<float>(sum, some.Count * shape.Width).Clear();
                for (int part = 0; part < parts; part++)
                {
                    float* given = _parts.Start + part * size + (long)some.Start * shape.Width;
                    RowKernels<T>.Add(sum, given, some.Count, shape.Width, null, null, sum);
                }
                then(some, workspace);
            }
        );
    }
}
