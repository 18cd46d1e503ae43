using System.Diagnostics;
using System.Runtime.Intrinsics.X86;
using Retouch.Suffix;
using Retouch.Vit;

namespace Retouch.Speed;

/// <summary>Which code a processor runs, and others that this one can stand in for.</summary>
static class Processors
{
    // As the processor, and as .NET, libtorch and oneDNN are told that it lacks something.
    static readonly Dictionary<string, (string Name, string Value)[]> s_without = new()
    {
        ["avx2"] = [("DOTNET_EnableAVX512", "0"), ("ATEN_CPU_CAPABILITY", "avx2"), ("ONEDNN_MAX_CPU_ISA", "AVX2")],
        ["none"] = [("ONEDNN_MAX_CPU_ISA", "SSE41")],
    };

    /// <summary>What ratios depend on.</summary>
    public static string Code =>
        !PrecisionChoice.HasKernels(Precision.Full) ? "no kernels"
        : !Avx512F.IsSupported ? "AVX2"
        : !PrecisionChoice.HasKernels(Precision.Mixed) ? "AVX-512"
        : PrecisionChoice.HasTiles ? "AVX-512 with AMX"
        : "AVX-512 with bfloat16";

    /// <summary>Runs this program again with a part of the processor hidden.</summary>
    /// <returns>Its exit code; 2 where nobody knows the name.</returns>
    public static int RunWithout(string isa, string[] args)
    {
        if (!s_without.TryGetValue(isa, out (string Name, string Value)[]? variables))
        {
            Console.Error.WriteLine($"--isa is {isa}, but must be one of {string.Join(", ", s_without.Keys)}");
            return 2;
        }
        int at = Array.IndexOf(args, "--isa");
        ProcessStartInfo start = new(Environment.ProcessPath!, [.. Program(), .. args[..at], .. args[(at + 2)..]]);
        foreach ((string name, string value) in variables)
            start.Environment[name] = value;
        using Process process = Process.Start(start)!;
        process.WaitForExit();
        return process.ExitCode;
    }

    /// <summary>What comes before the arguments where a process is started as this one was.</summary>
    public static string[] Program() =>
        Path.GetFileNameWithoutExtension(Environment.ProcessPath!) == "dotnet"
            ? [Environment.GetCommandLineArgs()[0]]
            : [];
}
