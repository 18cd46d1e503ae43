using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Retouch.Cli;

/// <summary>What the processor is and which of its features matter for matrix products.</summary>
static class Processor
{
    static readonly string[] Relevant =
    [
        "avx2",
        "fma",
        "avx512f",
        "avx512bw",
        "avx512vl",
        "avx512_vnni",
        "avx512_bf16",
        "avx512_fp16",
        "amx_tile",
        "amx_bf16",
        "amx_int8",
    ];

    public static string Name() =>
        CpuInfo("model name")
        ?? Environment.GetEnvironmentVariable("PROCESSOR_IDENTIFIER")
        ?? RuntimeInformation.ProcessArchitecture.ToString();

    /// <summary>Features by Linux's names; where the system does not list them, those that .NET can tell.</summary>
    public static IReadOnlyList<string> Features()
    {
        if (CpuInfo("flags") is string flags)
            return [.. Relevant.Intersect(flags.Split(' '))];
        List<string> features = [];
        if (Avx2.IsSupported)
            features.Add("avx2");
        if (Fma.IsSupported)
            features.Add("fma");
        if (Avx512F.IsSupported)
            features.Add("avx512f");
        if (AdvSimd.IsSupported)
            features.Add("neon");
        return features;
    }

    static string? CpuInfo(string key)
    {
        const string path = "/proc/cpuinfo";
        return File.Exists(path)
            ? File.ReadLines(path)
                .FirstOrDefault(l => l.StartsWith(key, StringComparison.Ordinal))
                ?.Split(':', 2)[^1]
                .Trim()
            : null;
    }
}
