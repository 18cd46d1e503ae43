using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Retouch.Kernels;

/// <summary>
/// How long libtorch's threads look whether the others are ready before they leave the core to somebody else. By
/// default that is milliseconds, which beside other busy processes are taken from the very thread that is waited for.
/// </summary>
static partial class ThreadWaiting
{
    // Times that libgomp looks, some nanoseconds each.
    const string Looks = "500";

    /// <summary>
    /// Shortens it, unless the environment says something of it. libgomp reads that once, when libtorch is loaded.
    /// </summary>
    [ModuleInitializer]
    [SuppressMessage("Usage", "CA2255", Justification = "Later, libtorch may have been loaded.")]
    internal static void Shorten()
    {
        if (OperatingSystem.IsLinux() && Unsaid("OMP_WAIT_POLICY") && Unsaid("GOMP_SPINCOUNT"))
            _ = SetVariable("GOMP_SPINCOUNT", Looks, 0);
    }

    static bool Unsaid(string name) => Environment.GetEnvironmentVariable(name) is null;

    // What .NET sets of the environment native libraries do not see.
    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetVariable(string name, string value, int overwrite);
}
