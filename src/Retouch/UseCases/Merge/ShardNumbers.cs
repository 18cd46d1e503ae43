using Retouch.Benchmarks;

namespace Retouch.UseCases;

/// <summary>Whether parts are all parts of one whole, each once.</summary>
static class ShardNumbers
{
    const int MostNamed = 10;

    /// <summary>Refuses parts of which one is missing or there twice.</summary>
    /// <param name="parts">Each part's number, with its file.</param>
    /// <exception cref="BadInputException">One is, or they are parts of different numbers of parts.</exception>
    public static void Require(IReadOnlyList<(Shard Shard, string File)> parts)
    {
        (Shard first, string its) = parts[0];
        if (parts.FirstOrDefault(p => p.Shard.Count != first.Count) is { File: string file } other)
            throw BadInput.Mismatch(
                file,
                $"{file} is one of {other.Shard.Count} parts, but {its} one of {first.Count}; merge the parts "
                    + "of one run."
            );
        if (parts.GroupBy(p => p.Shard).FirstOrDefault(g => g.Count() > 1) is { } twice)
            throw BadInput.Ambiguous(
                twice.Last().File,
                $"Part {twice.Key} is there twice: {twice.First().File} and {twice.Last().File}; name one of them."
            );
        int[] missing = [.. Enumerable.Range(0, first.Count).Except(parts.Select(p => p.Shard.Index))];
        if (missing.Length == 0)
            return;
        string numbers = string.Join(", ", missing.Take(MostNamed));
        string more = missing.Length > MostNamed ? $" and {missing.Length - MostNamed} more" : "";
        throw BadInput.Missing(
            null,
            $"Of {first.Count} parts {(missing.Length == 1 ? "part" : "parts")} {numbers}{more} "
                + $"{(missing.Length == 1 ? "is" : "are")} missing (they are numbered from 0); run "
                + $"{(missing.Length == 1 ? "it" : "them")}, then merge again."
        );
    }
}
