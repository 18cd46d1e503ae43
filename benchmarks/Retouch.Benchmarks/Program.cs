using System.Diagnostics;
using System.Text.Json;
using Retouch.Speed;
using Retouch.Suffix;
using Spectre.Console;
using TorchSharp;

// Speed against the naive algorithm: same process, same libtorch, same threads, interleaved repetitions, medians.
// Options: --repetitions N (5), --threads N, --only TEXT (part of a row's name), --json FILE, --weights FILE (of a
// trained ViT-Ti/16), --photos FOLDER (of the LR's images); --profile says instead what a step's and a block's time is
// spent on, --scaling what 1 to 1000 images and edits cost, --families what a step costs other families than plain
// ViTs, --gate what a gate takes from pixels to patch, --prediction what plain predictions take beside ONNX Runtime's
// and libtorch's (--busy N: also beside N processes that keep a core busy), --together what an edit takes while another
// process makes the same edit (--busy N: while N do). --isa avx2 runs any of these as on a
// processor without AVX-512. --record FILE keeps the ratios as a baseline, --compare FILE ends with 1 where a ratio's
// median has fallen below the recorded range (with 2 where the baseline is of other code, or none). --smoke runs any of
// these on a tiny model, once, to see that it runs.
string Option(string name, string fallback) =>
    Array.IndexOf(args, name) is int i and >= 0 && i + 1 < args.Length ? args[i + 1] : fallback;

string? Given(string name) => Option(name, "") is { Length: > 0 } path ? path : null;

if (PredictionSpeed.IsBusy(args))
    return 0;
if (Given("--isa") is string isa)
    return Processors.RunWithout(isa, args);

bool smoke = args.Contains("--smoke");
int repetitions = int.Parse(Option("--repetitions", smoke ? "1" : "5"));
if (Option("--threads", "") is { Length: > 0 } threads)
    torch.set_num_threads(int.Parse(threads));
string only = Option("--only", "");
bool mixed = PrecisionChoice.ProcessorHasBFloat16;
BenchmarkModel[] kinds =
[
    .. (smoke ? [BenchmarkModel.Smoke] : BenchmarkModel.All).Select(
        (kind, i) => kind with { Weights = i == 0 ? Given("--weights") : null, Photos = Given("--photos") }
    ),
];

if (args.Contains("--profile"))
{
    Peak best = Peak.Measure(mixed, smoke);
    foreach (BenchmarkModel kind in kinds.Where(k => k.Name.Contains(only, StringComparison.OrdinalIgnoreCase)))
    {
        StepProfile.Print(kind, best, mixed);
        BlockProfile.Print(kind, mixed);
    }
    return 0;
}

if (args.Contains("--scaling"))
{
    Scaling.Print(kinds[0], most: smoke ? 10 : 1000);
    return 0;
}

if (args.Contains("--prediction"))
{
    int busy = int.Parse(Option("--busy", "0"));
    foreach (BenchmarkModel kind in kinds.Where(k => k.Name.Contains(only, StringComparison.OrdinalIgnoreCase)))
        PredictionSpeed.Print(kind, mixed, repetitions, busy);
    return 0;
}

BenchmarkModel First() => kinds.First(k => k.Name.Contains(only, StringComparison.OrdinalIgnoreCase));

if (TogetherSpeed.IsOther(args, First))
    return 0;
if (args.Contains("--together"))
{
    TogetherSpeed.Print(First(), mixed, repetitions, int.Parse(Option("--busy", "1")), args);
    return 0;
}

if (args.Contains("--gate"))
{
    foreach (BenchmarkModel kind in kinds.Where(k => k.Name.Contains(only, StringComparison.OrdinalIgnoreCase)))
        GateSpeed.Print(kind, repetitions);
    return 0;
}

if (args.Contains("--families"))
{
    FamilySteps.Print(First(), repetitions);
    return 0;
}

// Before anything is measured, for that takes an hour.
Baseline? recorded = null;
try
{
    recorded = Given("--compare") is string path ? Baseline.Load(path) : null;
}
catch (Exception e) when (e is InvalidDataException or IOException or UnauthorizedAccessException)
{
    return Refuse(e);
}

Peak peak = Peak.Measure(mixed, smoke);
List<Row> rows = [];
foreach (BenchmarkModel kind in kinds)
{
    (string Name, Func<Scenarios, Scenario> Make)[] wanted =
    [
        .. Scenarios.For(kind).Where(s => $"{kind.Name} {s.Name}".Contains(only, StringComparison.OrdinalIgnoreCase)),
    ];
    if (wanted.Length == 0)
        continue;
    using Scenarios scenarios = new(kind);
    foreach ((string name, Func<Scenarios, Scenario> make) in wanted)
    {
        Row row = Row.Measure(kind.Name, name, make(scenarios), mixed, repetitions, peak);
        rows.Add(row);
        Console.Error.WriteLine(
            $"{row.Model}, {row.What}: naive {row.NaiveMilliseconds:0.0} ms, float32 {row.Full.Milliseconds:0.0} ms, "
                + $"{row.Full}{(row.Mixed is null ? "" : $", bfloat16 {row.Mixed.Milliseconds:0.0} ms, {row.Mixed}")}"
        );
    }
}

Table table = new()
{
    Title = new TableTitle(
        $"naive float32 : ours, {torch.get_num_threads()} threads, {repetitions} interleaved repetitions, medians; "
            + $"products reach {peak.Full:0} GFLOP/s in "
            + $"float32{(mixed ? $", {peak.Mixed:0} in bfloat16" : "; this processor has no bfloat16")}"
    ),
};
table.AddColumns("model", "what", "naive ms", "float32", "of peak", "bfloat16", "of peak");
foreach (Row row in rows)
    table.AddRow(
        row.Model,
        row.What,
        $"{row.NaiveMilliseconds:0.0}",
        $"{row.Full}",
        Share(row.Full),
        row.Mixed is null ? "–" : $"{row.Mixed}",
        row.Mixed is null ? "–" : Share(row.Mixed)
    );
AnsiConsole.Write(table);
using Process self = Process.GetCurrentProcess();
AnsiConsole.MarkupLine($"peak memory {self.PeakWorkingSet64 / 1048576.0:0} MiB");
if (Given("--json") is string json)
    File.WriteAllText(
        json,
        JsonSerializer.Serialize(
            new
            {
                Scenarios.Seed,
                peak,
                rows,
                threads = torch.get_num_threads(),
                peakMemory = self.PeakWorkingSet64,
            }
        )
    );

Baseline measured = new(
    Processors.Code,
    torch.get_num_threads(),
    repetitions,
    [.. rows.Select(r => new BaselineRow($"{r.Model}, {r.What}", r.Full.Range, r.Mixed?.Range))]
);
if (Given("--record") is string record)
    measured.Save(record);
if (recorded is null)
    return 0;
try
{
    IReadOnlyList<string> losses = recorded.Losses(measured, only);
    foreach (string loss in losses)
        Console.Error.WriteLine($"slower: {loss}");
    Console.Error.WriteLine(
        losses.Count == 0
            ? "No ratio has fallen below its recorded range."
            : $"{losses.Count} ratios have fallen below their recorded ranges."
    );
    return losses.Count == 0 ? 0 : 1;
}
catch (InvalidDataException e)
{
    return Refuse(e);
}

static int Refuse(Exception e)
{
    Console.Error.WriteLine(e.Message);
    return 2;
}

static string Share(Timing timing) => $"{timing.ShareOfPeak:0 %}";
