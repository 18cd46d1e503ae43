namespace Retouch.Cli.Verbs;

/// <summary>What to say of a run of rows that was interrupted.</summary>
static class InterruptedRows
{
    /// <summary>The sentence.</summary>
    /// <param name="written">Rows in the file; null where it was not opened yet.</param>
    /// <param name="total">Rows that the run has.</param>
    public static string Text(int? written, int total) => written switch
    {
        null => "interrupted before the first edit; nothing was written.",
        0 => "interrupted before the first row; the same command with --resume begins anew.",
        int all when all == total =>
            $"interrupted; all {total} rows are written, and --resume makes what comes of them.",
        int some => $"interrupted; {some} of {total} rows are written, and --resume goes on with them.",
    };
}
