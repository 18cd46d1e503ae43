using System.Diagnostics;

namespace Retouch.Tests.Cli;

/// <summary>Runs programs of the system.</summary>
static class Shell
{
    /// <summary>Runs a program to its end; -1 where there is none of this name.</summary>
    public static int Run(string program, params string[] args)
    {
        try
        {
            ProcessStartInfo start = new(program, args) { RedirectStandardOutput = true, RedirectStandardError = true };
            using Process process = Process.Start(start)!;
            process.WaitForExit();
            return process.ExitCode;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return -1;
        }
    }
}
