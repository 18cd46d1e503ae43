using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Retouch.Kernels;
using Retouch.Suffix;
using Retouch.Vit;

namespace Retouch.Tests.Kernels;

/// <summary>
/// The same code where the processor's 512-bit instructions are hidden from .NET, libtorch and oneDNN, as most laptops
/// have none.
/// </summary>
public sealed partial class NarrowProcessorTests
{
    static readonly Dictionary<string, string> s_hidden = new()
    {
        ["DOTNET_EnableAVX512"] = "0",
        ["ATEN_CPU_CAPABILITY"] = "avx2",
        ["ONEDNN_MAX_CPU_ISA"] = "AVX2",
    };

    [GeneratedRegex(@"Total: (\d+), Errors: (\d+), Failed: (\d+), Skipped: (\d+)")]
    private static partial Regex Summary();

    [Fact]
    public void Golden_numbers_and_the_kernels_tests_hold_with_256_bits()
    {
        Assert.SkipUnless(Native.HasSingle, "This processor or libtorch lacks what the kernels are made of.");
        Type[] classes =
        [
            typeof(KernelTests),
            typeof(Suffix.RealSuffixTests),
            typeof(Editing.MaskedFineTuningGoldenTests),
            typeof(Locating.TargetMaskGoldenTests),
        ];
        (int status, string output) = Run(
            Path.Combine(AppContext.BaseDirectory, "Retouch.Tests.dll"),
            [.. classes.SelectMany(c => (string[])["-class", c.FullName!])],
            s_hidden
        );
        Match summary = Summary().Match(output);
        Assert.True(status == 0 && summary.Success, output);
        Assert.InRange(int.Parse(summary.Groups[1].Value, CultureInfo.InvariantCulture), 20, int.MaxValue);
        Assert.Equal("0", summary.Groups[2].Value);
        Assert.Equal("0", summary.Groups[3].Value);
    }

    [Fact]
    public void Kernels_are_what_the_processor_and_its_libraries_allow()
    {
        Assert.SkipUnless(Native.HasSingle, "This processor or libtorch lacks what the kernels are made of.");
        Assert.Equal(["float32"], Kernels(s_hidden));
        // oneDNN ends the process where it is called for more than its environment lets it use.
        Assert.Equal(["float32"], Kernels(new() { ["ONEDNN_MAX_CPU_ISA"] = "AVX512_CORE" }));
        Assert.Empty(Kernels(new() { ["ONEDNN_MAX_CPU_ISA"] = "SSE41" }));
        string[] all = PrecisionChoice.HasKernels(Precision.Mixed) ? ["float32", "bfloat16"] : ["float32"];
        Assert.Equal(all, Kernels([]));
    }

    static string?[] Kernels(Dictionary<string, string> environment)
    {
        (int status, string output) = Run(
            Path.Combine(AppContext.BaseDirectory, "Retouch.Cli.dll"),
            ["doctor", "--json"],
            environment
        );
        Assert.True(status == 0, output);
        using JsonDocument report = JsonDocument.Parse(output);
        return [.. report.RootElement.GetProperty("kernels").EnumerateArray().Select(k => k.GetString())];
    }

    static (int Status, string Output) Run(string program, string[] args, Dictionary<string, string> environment)
    {
        ProcessStartInfo start = new("dotnet", ["exec", program, .. args]) { RedirectStandardOutput = true };
        foreach ((string name, string value) in environment)
            start.Environment[name] = value;
        using Process process = Process.Start(start)!;
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output);
    }
}
