using System.Runtime.InteropServices;
using TorchSharp;

namespace Retouch.Cli;

/// <summary>The native libraries that Retouch stands on, and whether they load.</summary>
static class NativeLibraries
{
    /// <summary>Whether an exception means that a native library did not load.</summary>
    public static bool IsLoadFailure(Exception exception)
    {
        for (Exception? e = exception; e is not null; e = e.InnerException)
        {
            if (
                e is DllNotFoundException or BadImageFormatException or EntryPointNotFoundException
                // How TorchSharp says that it found no libtorch.
                || e is NotSupportedException { Source: "TorchSharp" }
            )
                return true;
        }
        return false;
    }

    /// <summary>Tries to load each library; the system's message says why one does not.</summary>
    public static IReadOnlyList<LibraryJson> Check() => [.. Names().Select(Try)];

    /// <summary>libtorch's version and its number of threads; only where the libraries load.</summary>
    public static (string? Version, int? Threads) Torch() => (torch.__version__, torch.get_num_threads());

    static LibraryJson Try(string name)
    {
        try
        {
            // Dependencies are found beside the library, as the runtime finds them.
            NativeLibrary.Load(Path.Combine(AppContext.BaseDirectory, name));
            return new LibraryJson(name, true, null);
        }
        catch (Exception e) when (e is DllNotFoundException or BadImageFormatException or FileNotFoundException)
        {
            return new LibraryJson(name, false, SystemMessage.FirstLine(e));
        }
    }

    static string[] Names() =>
        OperatingSystem.IsWindows() ? ["c10.dll", "torch_cpu.dll", "LibTorchSharp.dll", "libSkiaSharp.dll"]
        : OperatingSystem.IsMacOS()
            ? ["libc10.dylib", "libtorch_cpu.dylib", "libLibTorchSharp.dylib", "libSkiaSharp.dylib"]
        : ["libc10.so", "libtorch_cpu.so", "libLibTorchSharp.so", "libSkiaSharp.so"];
}
