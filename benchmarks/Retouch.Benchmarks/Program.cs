using System.Text.Json;
using Retouch.Benchmarks;
using Spectre.Console;
using TorchSharp;

// Speed against the naive algorithm: same process, same libtorch, same threads, interleaved repetitions, medians.
// Options: --repetitions N (5), --threads N, --only TEXT (part of a row's name), --json FILE.
string Option(string name, string fallback) => Array.IndexOf(args, name) is int i and >= 0 && i + 1 < args.Length ? args[i + 1] : fallback;

int repetitions = int.Parse(Option("--repetitions", "5"));
if (Option("--threads", "") is { Length: > 0 } threads)
    torch.set_num_threads(int.Parse(threads));
string only = Option("--only", "");

List<Row> rows = [];
foreach (BenchmarkModel kind in BenchmarkModel.All)
{
    using Scenarios scenarios = new(kind);
    foreach ((string name, Func<double> naive, Func<double> ours) in scenarios.All())
    {
        if (!$"{kind.Name} {name}".Contains(only, StringComparison.OrdinalIgnoreCase))
            continue;
        Row row = Row.Measure(kind.Name, name, naive, ours, repetitions);
        rows.Add(row);
        Console.Error.WriteLine($"{row.Model}, {row.What}: naive {row.NaiveMilliseconds:0.0} ms, ours {row.OursMilliseconds:0.0} ms, {row.Ratio:0.00}x ({row.LowestRatio:0.00} to {row.HighestRatio:0.00})");
    }
}

Table table = new() { Title = new TableTitle($"float32, {torch.get_num_threads()} threads, {repetitions} interleaved repetitions, medians") };
table.AddColumns("model", "what", "naive ms", "ours ms", "ratio", "range of ratios");
foreach (Row row in rows)
    table.AddRow(row.Model, row.What, $"{row.NaiveMilliseconds:0.0}", $"{row.OursMilliseconds:0.0}", $"{row.Ratio:0.00}x", $"{row.LowestRatio:0.00} to {row.HighestRatio:0.00}");
AnsiConsole.Write(table);
if (Option("--json", "") is { Length: > 0 } path)
    File.WriteAllText(path, JsonSerializer.Serialize(rows));
