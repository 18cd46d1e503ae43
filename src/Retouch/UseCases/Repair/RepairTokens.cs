using System.Security.Cryptography;
using Retouch.Data;
using Retouch.Editing;
using Retouch.Formats;
using Retouch.Images;
using Retouch.Suffix;
using Retouch.Vit;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.UseCases;

/// <summary>
/// Reads images into what a repair knows of them. What was read stays in a file beside the patch that is to be written
/// where the work is interrupted, so that the next run reads the rest only. Owns what it read.
/// </summary>
sealed class RepairTokens(
    SplitVit split,
    Preprocessing preprocessing,
    string? output,
    IUseCaseEvents events,
    CancellationToken cancellation
) : IDisposable
{
    const string Ending = ".reading";
    const string Tokens = "residuals";
    const int Chunk = 16;

    readonly Dictionary<string, Tensor> _known = [];
    bool _begun;
    bool _isForeign;

    // Null, too, where a file of that name is somebody else's.
    string? WorkFile => output is null || _isForeign ? null : output + Ending;

    string Made => $"{split.Model.Fingerprint} {preprocessing}";

    /// <summary>Reads images; in the caller's dispose scope.</summary>
    /// <param name="what">What is being done, for whoever watches; null to say nothing.</param>
    /// <param name="images">The images, with SHA-256 of their bytes where that is known.</param>
    /// <param name="skipped">Gets why an image was left out.</param>
    /// <returns>
    /// What <see cref="GateRepair.Residuals"/> gives, and the places of the images that could be read.
    /// </returns>
    public (Tensor Residuals, IReadOnlyList<int> Loaded) Read(
        string? what,
        IReadOnlyList<(string Path, string? Sha256)> images,
        List<string> skipped
    )
    {
        Resume();
        List<int> loaded = [];
        List<Tensor> read = [];
        if (images.Count == 0)
            return (HeadTokens.None(split.Model.Config), loaded);
        if (what is null)
            All((_, _) => { });
        else
            events.Progress(what, images.Count, All);
        return (read.Count == 0 ? HeadTokens.None(split.Model.Config) : stack([.. read], 0), loaded);

        int All(Action<double, string?> report)
        {
            int together = VitCost.Of(split.Model.Config).ImagesTogether(Chunk);
            for (int first = 0; first < images.Count; first += together)
            {
                cancellation.ThrowIfCancellationRequested();
                (string Path, string? Sha256)[] chunk = [.. images.Skip(first).Take(together)];
                string?[] hashes = [.. chunk.Select(c => c.Sha256 ?? HashOf(c.Path))];
                int[] missing =
                [
                    .. Enumerable
                        .Range(0, chunk.Length)
                        .Where(i => hashes[i] is not string hash || !_known.ContainsKey(hash)),
                ];
                if (missing.Length > 0)
                    Ask([.. missing.Select(i => chunk[i].Path)], [.. missing.Select(i => hashes[i])], skipped);
                for (int i = 0; i < chunk.Length; i++)
                {
                    if (hashes[i] is string hash && _known.TryGetValue(hash, out Tensor? token))
                    {
                        loaded.Add(first + i);
                        read.Add(token);
                    }
                }
                report(first + chunk.Length, null);
            }
            return 0;
        }
    }

    /// <summary>Takes the file of what was read away: the work is done.</summary>
    public void Forget()
    {
        if (WorkFile is string file && File.Exists(file))
            File.Delete(file);
    }

    public void Dispose()
    {
        foreach (Tensor token in _known.Values)
            token.Dispose();
    }

    void Ask(string[] paths, string?[] hashes, List<string> skipped)
    {
        using DisposeScope scope = NewDisposeScope();
        (Tensor pixels, IReadOnlyList<int> loaded, IReadOnlyList<(int Index, Problem Why)> failed) =
            ImageLoader.LoadAvailable(paths, preprocessing);
        skipped.AddRange(failed.Select(f => $"skipped, {f.Why.Message}"));
        if (loaded.Count == 0)
            return;
        using PrefixState state = split.Prefix(pixels);
        Tensor tokens = GateRepair.Residuals(split, state);
        for (int i = 0; i < loaded.Count; i++)
        {
            if (hashes[loaded[i]] is string hash && !_known.ContainsKey(hash))
                _known.Add(hash, tokens[i].clone().DetachFromDisposeScope());
        }
    }

    void Resume()
    {
        if (_begun || WorkFile is not string path || !File.Exists(path))
        {
            _begun = true;
            return;
        }
        _begun = true;
        if (!MayBeOwn(path))
        {
            _isForeign = true;
            events.Warn($"{path} is no file of a repair and stays as it is; nothing is kept of an interrupted one");
            return;
        }
        try
        {
            using DisposeScope scope = NewDisposeScope();
            using SafeTensorsFile file = SafeTensorsFile.Open(path);
            string[] hashes = file.Metadata.GetValueOrDefault("images")?.Split(',') ?? [];
            if (
                file.Metadata.GetValueOrDefault("of") != Made
                || !file.Tensors.TryGetValue(Tokens, out TensorEntry? entry)
                || entry.DType != TensorDType.F32
                || !entry.Shape.SequenceEqual([hashes.Length, .. HeadTokens.Shape(split.Model.Config)])
            )
                return;
            Tensor tokens = file.Read(Tokens);
            if (file.Metadata.GetValueOrDefault("sha256") != HashOf(tokens))
                return;
            for (int i = 0; i < hashes.Length; i++)
                _known[hashes[i]] = tokens[i].clone().DetachFromDisposeScope();
            events.Note($"going on: {hashes.Length} images were read before");
        }
        catch (BadInputException)
        {
            // What it was is read again.
        }
    }

    // A file that was cut or damaged still begins as it was written, or is empty.
    static bool MayBeOwn(string path)
    {
        const int lengthBytes = 8;
        try
        {
            if (new FileInfo(path).Length == 0)
                return true;
            using FileStream stream = File.OpenRead(path);
            Span<byte> start = stackalloc byte[lengthBytes + 1];
            return stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false) == start.Length
                && start[lengthBytes] == '{';
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>Keeps what was read in a file, for the next run.</summary>
    /// <returns>The file; null where there is nothing to keep, or nowhere.</returns>
    public string? Keep()
    {
        if (WorkFile is not string path || _known.Count == 0)
            return null;
        using DisposeScope scope = NewDisposeScope();
        string[] hashes = [.. _known.Keys.Order(StringComparer.Ordinal)];
        Tensor tokens = stack([.. hashes.Select(h => _known[h])], 0);
        SafeTensorsWriter.Write(
            path,
            [(Tokens, tokens)],
            new Dictionary<string, string>
            {
                ["of"] = Made,
                ["images"] = string.Join(',', hashes),
                ["sha256"] = HashOf(tokens),
            },
            overwrite: true
        );
        return path;
    }

    static string HashOf(Tensor tokens) => Convert.ToHexStringLower(SHA256.HashData(tokens.contiguous().bytes));

    /// <summary>SHA-256 of a file's bytes; null where it cannot be read.</summary>
    public static string? HashOf(string path)
    {
        try
        {
            return ImageRoots.Hash(path);
        }
        catch (BadInputException)
        {
            return null;
        }
    }
}
