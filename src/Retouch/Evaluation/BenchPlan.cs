using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Retouch.Evaluation;

/// <summary>
/// Every edit of a run in its order: setting by setting, group by group, image by image. Batches are cut
/// from the whole plan and never cross settings, and a shard takes whole batches, so what an edit is computed
/// beside does not depend on who computes it. Immutable.
/// </summary>
public sealed class BenchPlan
{
    /// <summary>Makes the plan.</summary>
    /// <exception cref="BadInputException">An option is out of range.</exception>
    /// <exception cref="ArgumentException">There is no setting, or two are the same.</exception>
    public BenchPlan(Benchmark benchmark, IReadOnlyList<BenchSetting> settings, BenchOptions options)
    {
        options.Validate();
        if (settings.Count == 0 || settings.Select(s => s.Name).Distinct().Count() < settings.Count)
            throw new ArgumentException("A plan needs settings, each once.", nameof(settings));
        (Benchmark, Settings, Options) = (benchmark, settings, options);
        List<BenchEdit> edits = [];
        for (int s = 0; s < settings.Count; s++)
        {
            for (int g = 0; g < benchmark.Groups.Count; g++)
            {
                foreach (int image in Spread(benchmark.Groups[g].Images.Count, options.MaxEditsPerGroup))
                    edits.Add(new BenchEdit(edits.Count, s, g, image));
            }
        }
        Edits = edits;
        Manifest = new BenchManifest
        {
            Run = Identify(),
            Model = benchmark.ModelFingerprint,
            Edits = edits.Count,
            Groups = benchmark.Groups.Count,
            LocalityImages = benchmark.Locality.Count,
            SensitiveImages = benchmark.Sensitive.Count,
            MaxEditsPerGroup = options.MaxEditsPerGroup,
            Batch = options.Batch,
            Seed = options.Seed,
            Settings = [.. settings.Select(s => s.Name)],
        };
    }

    /// <summary>What is edited.</summary>
    public Benchmark Benchmark { get; }

    /// <summary>The methods under their settings.</summary>
    public IReadOnlyList<BenchSetting> Settings { get; }

    /// <summary>How much is edited, and how.</summary>
    public BenchOptions Options { get; }

    /// <summary>The edits, in order.</summary>
    public IReadOnlyList<BenchEdit> Edits { get; }

    /// <summary>What the run is.</summary>
    public BenchManifest Manifest { get; }

    /// <summary>A shard's batches, in order.</summary>
    public IReadOnlyList<IReadOnlyList<BenchEdit>> Batches(Shard shard)
    {
        IEnumerable<BenchEdit[]> batches = Edits.GroupBy(e => e.Setting).SelectMany(setting => setting.Chunk(Options.Batch));
        return [.. batches.Where((_, i) => i % shard.Count == shard.Index)];
    }

    // The first of each of k parts as equal as can be: no seed, and the same whatever else is in the plan.
    static IEnumerable<int> Spread(int count, int? most)
    {
        int k = Math.Min(most ?? count, count);
        return Enumerable.Range(0, k).Select(i => (int)((long)i * count / k));
    }

    string Identify()
    {
        StringBuilder text = new();
        text.Append("rows 1\n").Append(JsonSerializer.Serialize(BenchmarkFile.ToDocument(Benchmark), EvaluationJson.Line.Document)).Append('\n');
        text.Append($"max {Options.MaxEditsPerGroup} batch {Options.Batch} seed {Options.Seed}\n").AppendJoin('\n', Settings.Select(s => s.Name));
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())))[..16];
    }
}
