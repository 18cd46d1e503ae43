using System.Diagnostics;
using System.Text;

namespace Retouch.Tests.Cli;

/// <summary>Commands in processes of their own, which can be stopped and killed.</summary>
static class Child
{
    public static Process Start(params string[] args)
    {
        string program = Path.Combine(AppContext.BaseDirectory, "Retouch.Cli.dll");
        string? own = Environment.ProcessPath;
        string host = own is not null && Path.GetFileNameWithoutExtension(own) == "dotnet" ? own : "dotnet";
        ProcessStartInfo start = new(host, ["exec", program, .. args])
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        };
        return Process.Start(start)!;
    }

    /// <summary>
    /// Runs a command until a line of one of its streams begins as told, sends it a signal, and gives what it answered.
    /// </summary>
    /// <param name="signal">Such as HUP.</param>
    /// <param name="error">Whether the line is looked for in the error stream.</param>
    /// <param name="line">How it begins.</param>
    /// <param name="args">The command.</param>
    public static Ran Interrupted(string signal, bool error, string line, params string[] args)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no signal to send to one process alone");
        using Process process = Start(args);
        StringBuilder output = new();
        StringBuilder errors = new();
        using ManualResetEventSlim seen = new();
        Task[] readers =
        [
            Task.Run(() => Read(process.StandardOutput, output, watched: !error)),
            Task.Run(() => Read(process.StandardError, errors, watched: error)),
        ];
        try
        {
            Assert.True(seen.Wait(TimeSpan.FromMinutes(5)), "the line did not come");
            Assert.Equal(0, Shell.Run("kill", "-" + signal, process.Id.ToString()));
            Assert.True(process.WaitForExit(60_000), "the process goes on after an interrupt");
            Task.WaitAll(readers);
            return new Ran(process.ExitCode, output.ToString(), errors.ToString());
        }
        finally
        {
            if (!process.HasExited)
                process.Kill();
        }

        void Read(StreamReader from, StringBuilder into, bool watched)
        {
            while (from.ReadLine() is string text)
            {
                into.Append(text).Append('\n');
                if (watched && text.StartsWith(line, StringComparison.Ordinal))
                    seen.Set();
            }
            seen.Set();
        }
    }
}
