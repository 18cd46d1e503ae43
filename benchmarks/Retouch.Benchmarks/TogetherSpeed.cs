namespace Retouch.Speed;

/// <summary>
/// What an edit takes while other processes make the same edit on the same cores, beside what it takes alone.
/// </summary>
static class TogetherSpeed
{
    const string LoopOption = "--together-loop";
    const string Scenario = "edit until done";

    /// <summary>Prints medians and their ratio, precision by precision.</summary>
    /// <param name="kind">The model.</param>
    /// <param name="mixed">Whether to measure bfloat16.</param>
    /// <param name="repetitions">Edits, alone and together.</param>
    /// <param name="others">Other processes that edit meanwhile, at least 1.</param>
    /// <param name="args">This program's arguments, for the others.</param>
    public static void Print(BenchmarkModel kind, bool mixed, int repetitions, int others, string[] args)
    {
        using Scenarios scenarios = new(kind);
        Scenario edit = Make(kind, scenarios);
        foreach (bool narrow in mixed ? [false, true] : (bool[])[false])
        {
            Func<double> once = narrow ? edit.Mixed : edit.Full;
            once();
            double alone = Median(once, repetitions);
            using OtherProcesses running = new();
            for (int i = 0; i < others; i++)
                running.Begin([.. args, LoopOption, narrow ? "mixed" : "full"]);
            once();
            double together = Median(once, repetitions);
            Console.WriteLine(
                $"{kind.Name}, an edit until done in {(narrow ? "bfloat16" : "float32")}: {alone:0} ms alone, "
                    + $"{together:0} ms beside {others} other{(others == 1 ? "" : "s")}, {together / alone:0.00} times"
            );
        }
    }

    /// <summary>What another process does where the arguments ask for it: edit.</summary>
    /// <param name="args">The program's arguments.</param>
    /// <param name="model">The model that is measured.</param>
    public static bool IsOther(string[] args, Func<BenchmarkModel> model)
    {
        int at = Array.IndexOf(args, LoopOption);
        if (at < 0)
            return false;
        BenchmarkModel kind = model();
        using Scenarios scenarios = new(kind);
        Scenario edit = Make(kind, scenarios);
        Func<double> once = args[at + 1] == "mixed" ? edit.Mixed : edit.Full;
        OtherProcesses.Work(() => once());
        return true;
    }

    // The first that edits until it is done.
    static Scenario Make(BenchmarkModel kind, Scenarios scenarios) =>
        Scenarios.For(kind).First(s => s.Name.StartsWith(Scenario, StringComparison.Ordinal)).Make(scenarios);

    static double Median(Func<double> once, int repetitions) =>
        Timing.Median([.. Enumerable.Range(0, repetitions).Select(_ => once())]);
}
