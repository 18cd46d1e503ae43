using System.Globalization;
using System.Text.Json;

namespace Retouch.Speed;

/// <summary>
/// The ratios of one run of the benchmarks, kept to compare later ones with. Ratios to the naive algorithm in the same
/// process carry over between machines of a kind, milliseconds do not, so that only ratios are kept.
/// </summary>
/// <param name="Processor">The processor's features that decide which code runs.</param>
/// <param name="Threads">How many threads ran.</param>
/// <param name="Repetitions">How many interleaved repetitions the ranges are of.</param>
/// <param name="Rows">The rows, in the order they ran.</param>
sealed record Baseline(string Processor, int Threads, int Repetitions, IReadOnlyList<BaselineRow> Rows)
{
    static readonly JsonSerializerOptions s_json = new(JsonSerializerDefaults.Web) { WriteIndented = true };

    /// <summary>Writes it as JSON.</summary>
    public void Save(string path) => File.WriteAllText(path, JsonSerializer.Serialize(this, s_json) + "\n");

    /// <summary>Reads what <see cref="Save"/> wrote.</summary>
    /// <exception cref="InvalidDataException">The file is no baseline.</exception>
    public static Baseline Load(string path)
    {
        try
        {
            Baseline? read = JsonSerializer.Deserialize<Baseline>(File.ReadAllText(path), s_json);
            return read is { Processor: not null, Rows.Count: > 0 }
                ? read
                : throw new InvalidDataException($"{path} holds no rows.");
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"{path} is not a baseline, which --record writes: {e.Message}", e);
        }
    }

    /// <summary>
    /// What a later run has lost: each row whose median ratio lies below the lowest repetition of the recorded one, or
    /// that is missing. Rows that only the later run has are not compared.
    /// </summary>
    /// <param name="later">The later run.</param>
    /// <param name="only">The part of a row's name that the later run was limited to; empty for all.</param>
    /// <returns>One line a loss; none where all holds.</returns>
    /// <exception cref="InvalidDataException">
    /// The runs are of different code or threads, or have no row in common.
    /// </exception>
    public IReadOnlyList<string> Losses(Baseline later, string only)
    {
        if (later.Processor != Processor || later.Threads != Threads)
        {
            throw new InvalidDataException(
                $"the baseline is of {Processor} with {Threads} threads, this run of {later.Processor} with "
                    + $"{later.Threads}: other code ran, so the ratios do not compare."
            );
        }
        BaselineRow[] wanted = [.. Rows.Where(r => r.Name.Contains(only, StringComparison.OrdinalIgnoreCase))];
        if (wanted.Length == 0)
            throw new InvalidDataException($"the baseline has no row whose name has \"{only}\" in it.");
        List<string> losses = [];
        foreach (BaselineRow row in wanted)
        {
            BaselineRow? now = later.Rows.FirstOrDefault(r => r.Name == row.Name);
            if (now is null)
            {
                losses.Add($"{row.Name}: not measured");
                continue;
            }
            Compare("float32", row.Full, now.Full);
            Compare("bfloat16", row.Mixed, now.Mixed);

            void Compare(string precision, RatioRange? before, RatioRange? after)
            {
                if (before is not null && (after is null || after.Median < before.Lowest))
                    losses.Add($"{row.Name}, {precision}: {after?.ToString() ?? "not measured"}, recorded {before}");
            }
        }
        return losses;
    }
}

/// <summary>One row of a baseline.</summary>
/// <param name="Name">The model and the unit of work.</param>
/// <param name="Full">naive : ours, in float32.</param>
/// <param name="Mixed">The same in bfloat16; null where the processor has none.</param>
sealed record BaselineRow(string Name, RatioRange Full, RatioRange? Mixed);

/// <summary>A ratio's median and its range over repetitions.</summary>
sealed record RatioRange(double Median, double Lowest, double Highest)
{
    /// <summary>As the benchmarks print it.</summary>
    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{Median:0.00}x ({Lowest:0.00} to {Highest:0.00})");
}
