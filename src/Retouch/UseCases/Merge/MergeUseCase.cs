using Retouch.Benchmarks;
using Retouch.Formats;
using Retouch.Locating;
using Retouch.Reports;

namespace Retouch.UseCases;

/// <summary>
/// Puts the parts together that processes wrote each for itself: of a benchmark's run, a target bank, a mining or a
/// check. What comes of it is what one process would have written, to the byte, but for the seconds and the memory that
/// a run's rows tell.
/// </summary>
public static class MergeUseCase
{
    const string Verb = "merge";
    const string RowFiles = "rows-*-of-*.jsonl";

    /// <summary>Puts parts together.</summary>
    /// <param name="request">Which.</param>
    /// <returns>What they are.</returns>
    /// <exception cref="BadInputException">
    /// A file is no part, they are of different kinds or runs, one is missing, unfinished or there twice, or the whole
    /// cannot be written.
    /// </exception>
    public static MergeReport Run(MergeRequest request)
    {
        string[] named = request.Parts.Count > 0 ? [.. request.Parts] : Beside(request.Output);
        (MergedKind Kind, string[] Files)[] found = [.. named.DistinctBy(Path.GetFullPath).Select(Recognized)];
        if (found.Index().FirstOrDefault(f => f.Item.Kind != found[0].Kind) is { Index: > 0 and int other })
            throw BadInput.Mismatch(
                named[other],
                $"{named[0]} holds {Words(found[0].Kind)}, but {named[other]} {Words(found[other].Kind)}; merge the "
                    + "parts of one run."
            );
        string[] files = [.. found.SelectMany(f => f.Files).DistinctBy(Path.GetFullPath)];
        // Of a bank its folders are named, and its parts' own files have the sums.
        HashSet<string> summed = found[0].Kind == MergedKind.TargetBank ? [] : [.. files.Where(PartSum.Require)];
        return found[0].Kind switch
        {
            MergedKind.Run => OfRun(files, summed, request),
            MergedKind.TargetBank => OfBank(files, request),
            MergedKind.Benchmark => OfMining(files, summed, request),
            _ => OfCheck(files, summed, request),
        };
    }

    static string Words(MergedKind kind) =>
        kind switch
        {
            MergedKind.Run => "rows of a benchmark's run",
            MergedKind.TargetBank => "a target bank",
            MergedKind.Benchmark => "part of a mining",
            _ => "answers of a check",
        };

    static string[] Beside(string output)
    {
        if (Directory.Exists(output))
            return [output];
        string folder = Path.GetDirectoryName(Path.GetFullPath(output))!;
        string[] parts = Directory.Exists(folder)
            ?
            [
                .. Directory
                    .EnumerateFiles(folder)
                    .Where(f => Shard.TryOfFile(f, out Shard s) && s.FileOf(Path.GetFullPath(output)) == f)
                    .Order(StringComparer.Ordinal),
            ]
            : [];
        if (parts.Length > 0)
            return parts;
        string example = new Shard(0, 2).FileOf(Path.GetFileName(output));
        throw BadInput.Missing(output, $"Beside {output} lies no part of it, such as {example}; name the parts.");
    }

    static (MergedKind, string[]) Recognized(string path)
    {
        if (Directory.Exists(path))
        {
            string[] rows = [.. Directory.EnumerateFiles(path, RowFiles).Order(StringComparer.Ordinal)];
            return rows.Length > 0 ? (MergedKind.Run, rows)
                : File.Exists(Path.Combine(path, TargetBank.ManifestName)) ? (MergedKind.TargetBank, [path])
                : throw BadInput.Missing(
                    path,
                    $"{path} holds no shard's rows (rows-I-of-N.jsonl) and is no target bank; name a folder that a "
                        + "part of a run was written to."
                );
        }
        return Path.GetExtension(path) == ".json" ? (MergedKind.Benchmark, [path])
            : File.Exists(path) && CheckRowFile.HeaderOf(path) is not null ? (MergedKind.Check, [path])
            : (MergedKind.Run, [path]);
    }

    static MergeReport OfRun(string[] files, HashSet<string> summed, MergeRequest request)
    {
        string folder = request.Output;
        string whole = Path.Combine(folder, Shard.Whole.FileName);
        if (File.Exists(whole) && !request.Overwrite)
            throw BadInput.Exists(
                whole,
                $"{whole} exists, and its summary and report would be replaced, too.",
                Remedy.AnyOf(Remedy.Overwrite, Remedy.OtherOutput)
            );
        (Shard Shard, string File)[] numbered =
        [
            .. files.Select(f => (Shard.TryOfFile(f, out Shard shard) ? shard : Shard.Whole, f)),
        ];
        // Of rows that are under other names each is looked for.
        if (numbered.All(n => n.Shard.Count > 1))
            ShardNumbers.Require(numbered);
        using WriterLock? early = Directory.Exists(folder) ? BenchFolder.Lock(folder, Shard.Whole, Verb) : null;
        IReadOnlyList<BenchRow> rows = BenchFolder.Merge(files, summed, folder);
        IReadOnlyList<SettingSummary> summary = SettingSummary.Of(rows);
        using WriterLock? late = early is null ? BenchFolder.Lock(folder, Shard.Whole, Verb) : null;
        BenchFolder.WriteSummary(folder, summary);
        string page = Path.Combine(folder, BenchReport.FileName);
        BenchReport.Write(
            page,
            BenchComparison.Of([ReportRun.Read(folder)]),
            labels: null,
            gallery: [],
            overwrite: true
        );
        return new MergeReport(MergedKind.Run, whole, files.Length, rows.Count)
        {
            Summary = summary,
            SideEffects = SideEffectFile.Read(folder),
            Page = page,
            Unsummed = files.Length - summed.Count,
        };
    }

    static MergeReport OfBank(string[] folders, MergeRequest request)
    {
        TargetBank[] banks = [.. folders.Select(TargetBank.Open)];
        foreach (TargetBank bank in banks.Skip(1))
        {
            if (bank.Manifest.Differences(banks[0].Manifest).ToArray() is { Length: > 0 } differences)
                throw BadInput.Mismatch(
                    bank.Folder,
                    $"{bank.Folder} is another target bank than {banks[0].Folder}: its "
                        + $"{string.Join("; ", differences)}."
                );
        }
        (TargetBankPart Part, string File, TargetBank Bank)[] parts =
        [
            .. banks.SelectMany(b => b.DoneParts().Select(p => (p.Part, p.File, b))),
        ];
        if (parts.Length == 0)
            throw BadInput.Missing(
                folders[0],
                $"{folders[0]} says of no part of a bank that it is there (part-I-of-N.json): none has come to its "
                    + "end, or the bank was not solved in parts, or merged before."
            );
        ShardNumbers.Require([.. parts.Select(p => (new Shard(p.Part.Part, p.Part.Parts), p.File))]);
        int count = parts[0].Part.Count;
        if (parts.FirstOrDefault(p => p.Part.Count != count) is { File: string file } other)
            throw BadInput.Mismatch(
                file,
                $"{file} is of a run of {other.Part.Count} targets, but {parts[0].File} of {count}; ask all parts for "
                    + "the same number."
            );
        Dictionary<int, TargetBank> of = parts.ToDictionary(p => p.Part.Part, p => p.Bank);
        TargetBank At(long shard) => of[(int)(shard % parts.Length)];
        for (long shard = 0; shard * TargetBank.ShardSize < count; shard++)
        {
            int solved = At(shard).Solved(shard);
            if (solved < Math.Min(TargetBank.ShardSize, count - shard * TargetBank.ShardSize))
                throw BadInput.Missing(
                    At(shard).Folder,
                    $"Part {shard % parts.Length}/{parts.Length} in {At(shard).Folder} lacks target "
                        + $"{shard * TargetBank.ShardSize + solved}; run it again, then merge again."
                );
        }
        foreach ((TargetBankPart part, _, TargetBank bank) in parts)
        {
            if (bank.Changed(part) is [string changed, ..])
                throw PartSum.Changed(changed);
        }
        TargetBank output = TargetBank.OpenOrCreate(request.Output, banks[0].Manifest);
        using WriterLock held = output.Lock(0, 1);
        for (long shard = 0; shard * TargetBank.ShardSize < count; shard++)
            Copy(At(shard).ShardPath(shard), output.ShardPath(shard), request.Overwrite);
        // The whole bank looks as one that was never divided.
        foreach ((_, string done) in output.DoneParts())
            AtomicFile.Delete(done);
        return new MergeReport(MergedKind.TargetBank, output.Folder, parts.Length, count)
        {
            Unsummed = parts.Count(p => p.Part.Sums is null),
        };
    }

    static void Copy(string from, string to, bool overwrite)
    {
        if (Path.GetFullPath(from) == Path.GetFullPath(to))
            return;
        using FileStream source = InputFile.Open(from);
        AtomicFile.Write(to, overwrite, source.CopyTo);
    }

    static MergeReport OfMining(string[] files, HashSet<string> summed, MergeRequest request)
    {
        AtomicFile.CheckWritable(request.Output, request.Overwrite);
        (MiningPart Part, string File)[] parts = [.. files.Select(f => (MiningPart.Load(f), f))];
        if (parts.FirstOrDefault(p => p.Part.Run != parts[0].Part.Run) is { File: string file })
            throw BadInput.Mismatch(
                file,
                $"{file} is part of another mining than {parts[0].File}: the model, the images or a setting differs."
            );
        ShardNumbers.Require([.. parts.Select(p => (p.Part.Shard, p.File))]);
        MiningResult mined = MiningPart.Merge([.. parts.Select(p => p.Part)]);
        if (mined.Images == 0)
            throw BadInput.Missing(null, $"None of the {mined.Labelled} images can be decoded.");
        int least = parts[0].Part.Settings.MinImages;
        if (mined.Benchmark.Groups.Count == 0 && mined.Right < mined.Images)
            throw BadInput.Missing(
                null,
                $"The model gets {mined.Right} of {mined.Images} images right, and no {least} of its mistakes share "
                    + "their class and their wrong prediction; mine again for smaller groups, or with more images."
            );
        BenchmarkFile.Save(mined.Benchmark, request.Output, request.Overwrite);
        return new MergeReport(
            MergedKind.Benchmark,
            request.Output,
            parts.Length,
            mined.Benchmark.Groups.Sum(g => g.Images.Count)
        )
        {
            Mining = mined,
            Unsummed = files.Length - summed.Count,
        };
    }

    static MergeReport OfCheck(string[] files, HashSet<string> summed, MergeRequest request)
    {
        AtomicFile.CheckWritable(request.Output, request.Overwrite);
        OutputName.Require(request.Output, "a file of JSON lines", ".jsonl");
        (CheckRowFile.Header Header, string File)[] parts = [.. files.Select(f => (CheckRowFile.HeaderOf(f)!, f))];
        if (
            parts.FirstOrDefault(p =>
                p.Header.Check != parts[0].Header.Check || p.Header.Images != parts[0].Header.Images
            ) is
            { File: string file }
        )
            throw BadInput.Mismatch(
                file,
                $"{file} holds answers of another check than {parts[0].File}: a model, a patch or the images differ."
            );
        if (parts.FirstOrDefault(p => p.Header.Part.Count == 1) is { File: string whole })
            throw BadInput.Mismatch(whole, $"{whole} holds the answers of a whole check, not of a part of one.");
        ShardNumbers.Require([.. parts.Select(p => (p.Header.Part, p.File))]);
        CheckRowFile.Merge(files, summed, request.Output, request.Overwrite);
        return new MergeReport(MergedKind.Check, request.Output, parts.Length, parts[0].Header.Images)
        {
            Unsummed = files.Length - summed.Count,
        };
    }
}
