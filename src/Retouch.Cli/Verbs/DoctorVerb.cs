using System.CommandLine;
using System.Reflection;
using System.Runtime.InteropServices;
using Retouch.Suffix;
using Retouch.Vit;
using TorchSharp;

namespace Retouch.Cli.Verbs;

/// <summary><c>doctor</c>: whether this machine can run Retouch, and if not, why not.</summary>
sealed class DoctorVerb : Verb
{
    public DoctorVerb()
        : base("doctor", "Say what this machine has and whether the native libraries load.", reports: true) { }

    protected override bool NeedsTorch => false;

    protected override int Run(ParseResult parsed, Terminal terminal, CancellationToken cancellation)
    {
        IReadOnlyList<LibraryJson> libraries = NativeLibraries.Check();
        bool healthy = libraries.All(l => l.Loads);
        if (healthy && parsed.GetValue(Threads) is int wanted)
            torch.set_num_threads(wanted);
        (string? version, int? threads) = healthy ? NativeLibraries.Torch() : default((string?, int?));
        DoctorJson report = new()
        {
            Retouch = typeof(BadInputException)
                .Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!
                .InformationalVersion.Split('+')[0],
            Os = RuntimeInformation.OSDescription,
            Architecture = RuntimeInformation.ProcessArchitecture.ToString(),
            Runtime = RuntimeInformation.FrameworkDescription,
            Cpu = Processor.Name(),
            CpuFeatures = Processor.Features(),
            Kernels = healthy
                ?
                [
                    .. (((string Name, Precision Type)[])[("float32", Precision.Full), ("bfloat16", Precision.Mixed)])
                        .Where(k => PrecisionChoice.HasKernels(k.Type))
                        .Select(k => k.Name),
                ]
                : [],
            Cores = Environment.ProcessorCount,
            Threads = threads,
            MemoryBytes = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes,
            Libtorch = version,
            Libraries = libraries,
            Healthy = healthy,
        };
        terminal.Object(report, JsonOutput.Default.DoctorJson);
        terminal.Line($"retouch     {report.Retouch} on {report.Runtime}");
        terminal.Line($"system      {report.Os}, {report.Architecture}");
        terminal.Line($"processor   {report.Cpu}, {report.Cores} cores");
        terminal.Line(
            $"features    {(report.CpuFeatures.Count == 0 ? "none known" : string.Join(", ", report.CpuFeatures))}"
        );
        terminal.Line(
            "kernels     "
                + (
                    report.Kernels.Count == 0
                        ? "none of its own: slower, by libtorch's alone"
                        : string.Join(", ", report.Kernels) + ", for a plain ViT's blocks"
                )
        );
        terminal.Line(
            "by libtorch's alone, whatever the machine has: EVA-02, DINOv3, BEiT, Data2Vec, Swin, SwiGLU, query-key "
                + "norm, residual post-norm"
        );
        terminal.Line($"memory      {report.MemoryBytes / (double)(1L << 30):0.0} GiB");
        terminal.Line($"libtorch    {(version is null ? "does not load" : $"{version}, {threads} threads")}");
        foreach (LibraryJson library in libraries)
            terminal.Line(
                $"  {(library.Loads ? "ok  " : "FAIL")}  "
                    + $"{library.Name}{(library.Why is null ? "" : $": {library.Why}")}"
            );
        terminal.Line(
            healthy
                ? "All native libraries load."
                : "Some native libraries do not load; the reasons above are the system's own words."
        );
        return healthy ? App.Ok : App.Failed;
    }
}
