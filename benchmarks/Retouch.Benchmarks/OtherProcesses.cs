using System.Diagnostics;

namespace Retouch.Speed;

/// <summary>Processes of this program that work beside it until this is disposed, or the program ends.</summary>
sealed class OtherProcesses : IDisposable
{
    const string Ready = "ready";
    static readonly TimeSpan s_longest = TimeSpan.FromMinutes(10);

    readonly List<Process> _processes = [];

    /// <summary>Starts one, and waits until it works.</summary>
    /// <param name="args">The program's arguments.</param>
    /// <exception cref="InvalidOperationException">It ended before.</exception>
    public void Begin(params string[] args)
    {
        ProcessStartInfo start = new(Environment.ProcessPath!, [.. Processors.Program(), .. args])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        Process process = Process.Start(start)!;
        _processes.Add(process);
        if (process.StandardOutput.ReadLine() is var said and not Ready)
            throw new InvalidOperationException($"The other process says: {said}");
    }

    /// <summary>What such a process does: the same over and over, for at most ten minutes.</summary>
    /// <param name="once">The work.</param>
    public static void Work(Action once)
    {
        // The other end is closed when the program that began this one ends, however it does.
        Thread watch = new(() =>
        {
            while (Console.In.ReadLine() is not null) { }
            Environment.Exit(0);
        })
        {
            IsBackground = true,
        };
        watch.Start();
        once();
        Console.WriteLine(Ready);
        Stopwatch time = Stopwatch.StartNew();
        while (time.Elapsed < s_longest)
            once();
    }

    /// <summary>Ends them.</summary>
    public void Dispose()
    {
        foreach (Process process in _processes)
        {
            process.Kill();
            process.Dispose();
        }
    }
}
