using System.Runtime.CompilerServices;

namespace Retouch.Tests;

/// <summary>Keeps what tests learn on the way out of the user's own cache.</summary>
static class TestCache
{
    [ModuleInitializer]
    internal static void Use()
    {
        string folder = Directory.CreateTempSubdirectory("retouch-cache-").FullName;
        Environment.SetEnvironmentVariable("RETOUCH_CACHE", folder);
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(folder, recursive: true);
    }
}
