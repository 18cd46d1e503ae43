using System.ComponentModel;
using System.Diagnostics;

namespace Retouch.Cli;

/// <summary>What this machine opens pages with.</summary>
static class Browser
{
    /// <summary>Opens a page, or says that nothing here does.</summary>
    public static void Open(Terminal terminal, string page)
    {
        try
        {
            using Process? process = Process.Start(new ProcessStartInfo(page) { UseShellExecute = true });
        }
        catch (Exception e) when (e is Win32Exception or PlatformNotSupportedException or InvalidOperationException)
        {
            terminal.Note($"warning: nothing on this machine opens {page}; open it in a browser.");
        }
    }
}
