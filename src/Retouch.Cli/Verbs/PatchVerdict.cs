namespace Retouch.Cli.Verbs;

/// <summary>What patches do together, to be said once it is clear whether the result could be written.</summary>
/// <param name="Right">Whether no image was found wrong: the exit code says it.</param>
/// <param name="Write">Whether to write the result.</param>
/// <param name="Notes">What the user should know beside it.</param>
/// <param name="Lines">The images, one a line, and their sum.</param>
sealed record PatchVerdict(bool Right, bool Write, IReadOnlyList<string> Notes, IReadOnlyList<string> Lines)
{
    public int ExitCode => Right ? App.Ok : App.Failed;

    public void Print(Terminal terminal)
    {
        foreach (string note in Notes)
            terminal.Note(note);
        foreach (string line in Lines)
        {
            if (terminal.Json)
                terminal.Note(line);
            else
                terminal.Line(line);
        }
    }
}
