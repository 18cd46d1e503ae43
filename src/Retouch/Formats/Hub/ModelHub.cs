using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;

namespace Retouch.Formats;

/// <summary>
/// Finds models in the cache that Python's huggingface_hub keeps, too, and downloads them there from the hub, or
/// from Google's AugReg bucket into a folder beside. Safe to use from several threads and processes at once.
/// </summary>
public sealed partial class ModelHub : IDisposable
{
    static readonly string[] Weights =
    [
        "model.safetensors",
        "model.safetensors.index.json",
        "pytorch_model.bin",
        "pytorch_model.bin.index.json",
    ];

    static readonly string[] Cards = ["config.json", "preprocessor_config.json"];

    readonly HubSettings _settings;
    readonly Transfer _transfer;

    /// <summary>Creates a client.</summary>
    /// <param name="settings">Where to download from and to, or null for what the environment says.</param>
    /// <exception cref="BadInputException">The environment names an address that is none.</exception>
    public ModelHub(HubSettings? settings = null)
    {
        _settings = settings ?? HubSettings.FromEnvironment();
        _transfer = new Transfer(_settings);
    }

    /// <summary>Whether nothing may be downloaded.</summary>
    public bool Offline => _settings.Offline;

    /// <summary>
    /// Where a model is in the cache: a folder or a file for <see cref="ModelFile.Load"/>, or null if it is not whole.
    /// </summary>
    public string? Find(HubReference reference)
    {
        if (reference.AugRegFile is string file)
            return Path.Combine(_settings.AugRegCache, file) is string path && File.Exists(path) ? path : null;
        string folder = Folder(reference);
        string named = Path.Combine(folder, "refs", reference.Revision);
        string commit =
            Commit().IsMatch(reference.Revision) ? reference.Revision
            : File.Exists(named) ? File.ReadAllText(named).Trim()
            : "";
        string snapshot = Path.Combine(folder, "snapshots", commit);
        return Commit().IsMatch(commit) && IsWhole(snapshot) ? snapshot : null;
    }

    /// <summary>Downloads a model, as far as it is not in the cache already, at the revision as it is now.</summary>
    /// <param name="reference">The model.</param>
    /// <param name="progress">Told how far each download has come.</param>
    /// <param name="cancellation">
    /// Stops at once; what was downloaded is kept, and a later call goes on from there.
    /// </param>
    /// <returns>The folder or file for <see cref="ModelFile.Load"/>.</returns>
    /// <exception cref="BadInputException">
    /// There is no such model or revision, a token is needed, or the settings forbid downloads.
    /// </exception>
    /// <exception cref="HubException">
    /// The network or the other side fails. The cache holds no wrong file then.
    /// </exception>
    public async Task<string> PullAsync(
        HubReference reference,
        IProgress<HubProgress>? progress = null,
        CancellationToken cancellation = default
    )
    {
        if (Offline)
            throw BadInput.Missing(
                reference.ToString(),
                $"{reference} is not in the cache "
                    + $"({(reference.Repository is null ? _settings.AugRegCache : _settings.Cache)}), and "
                    + "HF_HUB_OFFLINE forbids downloads; unset it, or pull the model where there is a network."
            );
        try
        {
            return reference.AugRegFile is string file
                ? await PullBucketAsync(file, progress, cancellation).ConfigureAwait(false)
                : await PullRepositoryAsync(reference, progress, cancellation).ConfigureAwait(false);
        }
        catch (Exception e) when (e is UnauthorizedAccessException or IOException)
        {
            throw new HubException($"{reference} cannot be kept in the cache: {SystemMessage.Of(e)}.", e);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _transfer.Dispose();

    async Task<string> PullRepositoryAsync(
        HubReference reference,
        IProgress<HubProgress>? progress,
        CancellationToken cancellation
    )
    {
        string revision = reference.Revision;
        RemoteFile? weights = null;
        foreach (string name in Weights)
        {
            weights = await AskAsync(reference, revision, name, cancellation).ConfigureAwait(false);
            if (weights is not null)
                break;
        }
        if (weights is null)
            throw BadInput.Missing(
                reference.ToString(),
                $"{reference} has none of {string.Join(", ", Weights)}; it is no model that Retouch can read."
            );
        // From here on one commit, or a push in between would mix two.
        revision = weights.Commit!;
        string snapshot = Path.Combine(Folder(reference), "snapshots", revision);
        foreach (string name in Cards)
        {
            if (await AskAsync(reference, revision, name, cancellation).ConfigureAwait(false) is { } card)
                await FetchAsync(reference, card, snapshot, progress, cancellation).ConfigureAwait(false);
        }
        await FetchAsync(reference, weights, snapshot, progress, cancellation).ConfigureAwait(false);
        if (weights.Name.EndsWith(".index.json", StringComparison.Ordinal))
        {
            foreach (string shard in ShardedFile.Files(Path.Combine(snapshot, weights.Name)))
            {
                RemoteFile part =
                    await AskAsync(reference, revision, shard, cancellation).ConfigureAwait(false)
                    ?? throw BadInput.Missing(
                        reference.ToString(),
                        $"{reference} has no {shard}, which its {weights.Name} names."
                    );
                await FetchAsync(reference, part, snapshot, progress, cancellation).ConfigureAwait(false);
            }
        }
        if (reference.Revision != revision)
        {
            string named = Path.Combine(Folder(reference), "refs", reference.Revision);
            Directory.CreateDirectory(Path.GetDirectoryName(named)!);
            AtomicFile.Write(
                named,
                overwrite: true,
                stream => stream.Write(System.Text.Encoding.ASCII.GetBytes(revision))
            );
        }
        return snapshot;
    }

    /// <summary>What the hub says of a file, or null if the repository has none of this name.</summary>
    async Task<RemoteFile?> AskAsync(
        HubReference reference,
        string revision,
        string name,
        CancellationToken cancellation
    )
    {
        Uri address = new(
            _settings.Endpoint,
            $"{_settings.Endpoint.AbsolutePath.TrimEnd('/')}/{reference.Repository}/resolve/"
                + $"{Uri.EscapeDataString(revision)}/{name}"
        );
        using HttpResponseMessage answer = await _transfer.HeadAsync(address, cancellation).ConfigureAwait(false);
        string? error = Header(answer, "X-Error-Code");
        switch (answer.StatusCode)
        {
            case HttpStatusCode.NotFound when error is "RepoNotFound":
                throw BadInput.Missing(
                    null,
                    $"There is no model {reference.Repository} on {_settings.Endpoint.Host}; check its name."
                );
            case HttpStatusCode.NotFound when error is "RevisionNotFound":
                throw BadInput.Missing(
                    null,
                    $"{reference.Repository} has no revision {revision}; give a branch, a tag or a whole commit "
                        + "after the @."
                );
            case HttpStatusCode.NotFound:
                return null;
            case HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden:
                throw BadInput.Mismatch(
                    null,
                    $"{_settings.Endpoint.Host} refuses {reference.Repository} ({(int)answer.StatusCode}): "
                        + (
                            _settings.Token is null
                                ? "there is no such model, or it is private or gated; for the latter set HF_TOKEN to "
                                    + "a token that may read it."
                                : "the token in HF_TOKEN may not read it, or there is no such model; accept its terms "
                                    + "on its page, or give another token."
                        )
                );
            case not HttpStatusCode.OK when (int)answer.StatusCode is < 300 or >= 400:
                throw new HubException($"{address} answers {(int)answer.StatusCode} ({answer.ReasonPhrase}).");
        }
        string etag = (Header(answer, "X-Linked-Etag") ?? answer.Headers.ETag?.Tag ?? Header(answer, "ETag") ?? "")
            .Replace("W/", "", StringComparison.Ordinal)
            .Trim('"');
        string commit = Header(answer, "X-Repo-Commit") ?? "";
        // Both become names of files.
        if (!Etag().IsMatch(etag) || !Commit().IsMatch(commit))
            throw new HubException(
                $"{address} does not answer as a hub does: it states "
                    + (
                        Commit().IsMatch(commit)
                            ? $"the etag {UserText.Quote(etag)}"
                            : $"the commit {UserText.Quote(commit)}"
                    )
                    + ". Check HF_ENDPOINT."
            );
        long? size =
            long.TryParse(
                Header(answer, "X-Linked-Size"),
                NumberStyles.None,
                CultureInfo.InvariantCulture,
                out long linked
            )
                ? linked
            : (int)answer.StatusCode < 300 ? answer.Content.Headers.ContentLength
            : null;
        string? hash = Hex().IsMatch(etag) && etag.Length is 64 or 40 ? etag : null;
        return new RemoteFile(
            name,
            address,
            etag,
            commit,
            size,
            hash,
            etag.Length == 64 ? RemoteHash.Sha256 : RemoteHash.GitSha1
        );
    }

    /// <summary>
    /// Puts a file into the cache as Python does: its contents under their hash, and a link to them in the commit's
    /// folder.
    /// </summary>
    async Task FetchAsync(
        HubReference reference,
        RemoteFile file,
        string snapshot,
        IProgress<HubProgress>? progress,
        CancellationToken cancellation
    )
    {
        string blob = Path.Combine(Folder(reference), "blobs", file.Etag!);
        string link = Path.Combine(snapshot, file.Name);
        string target = Path.Combine("..", "..", "blobs", file.Etag!);
        if (File.Exists(blob) && IsThere())
            return;
        string locked = Path.Combine(
            _settings.Cache,
            ".locks",
            Path.GetFileName(Folder(reference)),
            file.Etag + ".lock"
        );
        using IDisposable taken = await FileLock.TakeAsync(locked, cancellation).ConfigureAwait(false);
        // Another process may have brought it in the meantime.
        if (!File.Exists(blob))
        {
            Directory.CreateDirectory(Path.GetDirectoryName(blob)!);
            await _transfer.DownloadAsync(file, blob + ".incomplete", progress, cancellation).ConfigureAwait(false);
            File.Move(blob + ".incomplete", blob, overwrite: true);
        }
        if (IsThere())
            return;
        Directory.CreateDirectory(snapshot);
        // Under this lock nobody else makes links to this file: those that are there a killed process left.
        foreach (string left in Directory.EnumerateFiles(snapshot, TemporaryFile.Pattern))
        {
            if (new FileInfo(left).LinkTarget == target)
                File.Delete(left);
        }
        string temporary = TemporaryFile.NameIn(snapshot);
        try
        {
            File.CreateSymbolicLink(temporary, target);
        }
        // Windows without the privilege to make links; Python copies there, too.
        catch (Exception e) when (e is IOException or UnauthorizedAccessException && OperatingSystem.IsWindows())
        {
            File.Copy(blob, temporary);
        }
        File.Move(temporary, link, overwrite: true);

        // Without a link it is the copy that Windows gets.
        bool IsThere() => File.Exists(link) && (new FileInfo(link).LinkTarget ?? target) == target;
    }

    async Task<string> PullBucketAsync(string name, IProgress<HubProgress>? progress, CancellationToken cancellation)
    {
        string target = Path.Combine(_settings.AugRegCache, name);
        if (File.Exists(target))
            return target;
        Uri address = new(
            _settings.AugRegEndpoint,
            $"{_settings.AugRegEndpoint.AbsolutePath.TrimEnd('/')}/{Uri.EscapeDataString(name)}"
        );
        using HttpResponseMessage answer = await _transfer.HeadAsync(address, cancellation).ConfigureAwait(false);
        if (answer.StatusCode is HttpStatusCode.NotFound or HttpStatusCode.Forbidden)
            throw BadInput.Missing(
                name,
                $"Google's AugReg bucket has no {name}; its names are in the index that "
                    + "https://github.com/google-research/vision_transformer describes."
            );
        if (!answer.IsSuccessStatusCode)
            throw new HubException($"{address} answers {(int)answer.StatusCode} ({answer.ReasonPhrase}).");
        RemoteFile file = new(
            name,
            address,
            null,
            null,
            answer.Content.Headers.ContentLength,
            BucketHash(answer),
            RemoteHash.Md5
        );
        using IDisposable taken = await FileLock.TakeAsync(target + ".lock", cancellation).ConfigureAwait(false);
        if (!File.Exists(target))
        {
            await _transfer.DownloadAsync(file, target + ".incomplete", progress, cancellation).ConfigureAwait(false);
            File.Move(target + ".incomplete", target, overwrite: true);
        }
        return target;
    }

    static string? BucketHash(HttpResponseMessage answer)
    {
        const string kind = "md5=";
        string? stated = answer.Headers.TryGetValues("x-goog-hash", out IEnumerable<string>? values)
            ? values
                .SelectMany(v => v.Split(',', StringSplitOptions.TrimEntries))
                .FirstOrDefault(v => v.StartsWith(kind, StringComparison.Ordinal))
                ?[kind.Length..]
            : null;
        Span<byte> hash = stackalloc byte[16];
        return stated is not null && Convert.TryFromBase64String(stated, hash, out int length) && length == hash.Length
            ? Convert.ToHexStringLower(hash)
            : null;
    }

    static bool IsWhole(string snapshot)
    {
        if (Weights.FirstOrDefault(w => File.Exists(Path.Combine(snapshot, w))) is not string weights)
            return false;
        return !weights.EndsWith(".index.json", StringComparison.Ordinal)
            || ShardedFile.TryFiles(Path.Combine(snapshot, weights), out _) is { } files
                && files.All(f => File.Exists(Path.Combine(snapshot, f)));
    }

    string Folder(HubReference reference) =>
        Path.Combine(_settings.Cache, $"models--{reference.Repository!.Replace("/", "--", StringComparison.Ordinal)}");

    static string? Header(HttpResponseMessage answer, string name) =>
        answer.Headers.TryGetValues(name, out IEnumerable<string>? values) ? values.FirstOrDefault() : null;

    [GeneratedRegex("^[0-9a-f]{40}$", RegexOptions.CultureInvariant)]
    private static partial Regex Commit();

    [GeneratedRegex("^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$", RegexOptions.CultureInvariant)]
    private static partial Regex Etag();

    [GeneratedRegex("^[0-9a-f]+$", RegexOptions.CultureInvariant)]
    private static partial Regex Hex();
}
