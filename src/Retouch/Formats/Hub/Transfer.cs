using System.Net;
using System.Net.Http.Headers;

namespace Retouch.Formats;

/// <summary>
/// Requests that survive a bad network: redirects are followed without giving the token away, silence and errors of
/// the moment lead to further tries, and a download goes on where it broke off. Safe to use from several threads.
/// </summary>
sealed class Transfer(HubSettings settings) : IDisposable
{
    const int MostRedirects = 8;
    const int BufferLength = 1 << 17;

    static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(30);

    readonly HttpClient _client = new(
        new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            ConnectTimeout = settings.Patience,
            AutomaticDecompression = DecompressionMethods.None,
        }
    )
    {
        Timeout = Timeout.InfiniteTimeSpan,
        DefaultRequestHeaders =
        {
            UserAgent =
            {
                new ProductInfoHeaderValue("retouch", typeof(Transfer).Assembly.GetName().Version!.ToString(3)),
            },
        },
    };

    /// <summary>
    /// Asks for a file's headers. Redirects to another host are not followed: the first answer has what the hub says of
    /// the file.
    /// </summary>
    /// <exception cref="HubException">The server cannot be reached or keeps failing.</exception>
    public Task<HttpResponseMessage> HeadAsync(Uri address, CancellationToken cancellation) =>
        TryAsync(address, () => SendAsync(HttpMethod.Head, address, 0, sameHostOnly: true, cancellation), cancellation);

    /// <summary>
    /// Downloads a file, going on from what <paramref name="partial"/> holds already, and checks its size and hash.
    /// </summary>
    /// <param name="file">The file.</param>
    /// <param name="partial">
    /// Where it grows. It stays for a later try where this one breaks off, unless it is wrong.
    /// </param>
    /// <param name="progress">Told after every few bytes.</param>
    /// <param name="cancellation">Stops at once.</param>
    /// <exception cref="HubException">
    /// The file could not be had whole and right; <paramref name="partial"/> is never called whole then.
    /// </exception>
    public async Task DownloadAsync(
        RemoteFile file,
        string partial,
        IProgress<HubProgress>? progress,
        CancellationToken cancellation
    )
    {
        bool again = false;
        while (true)
        {
            await FillAsync(file, partial, progress, cancellation).ConfigureAwait(false);
            if (file.Fits(partial))
                return;
            File.Delete(partial);
            // What an earlier run left may have been of another file; what one run fetched was not.
            if (again)
                throw new HubException(
                    $"{file.Address} sends other contents than it announces (its hash is not {file.Hash}); nothing of "
                        + "it was kept. Try again later, or another HF_ENDPOINT."
                );
            again = true;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _client.Dispose();

    async Task FillAsync(
        RemoteFile file,
        string partial,
        IProgress<HubProgress>? progress,
        CancellationToken cancellation
    )
    {
        int idle = 0;
        // A server without ranges starts anew each time, which is no progress.
        long most = Have(file, partial);
        Exception? last = null;
        while (true)
        {
            long have = Have(file, partial);
            if (file.Size is long size && have == size && (size > 0 || File.Exists(partial)))
                return;
            if (idle == settings.Tries)
                throw new HubException(
                    $"{file.Address} could not be downloaded: {Why(last)}. "
                        + (
                            have > 0
                                ? "What there is of it is kept, and the same command goes on from there."
                                : "Check the network, and try again."
                        ),
                    last
                );
            if (last is not null)
                await WaitAsync(idle, last, cancellation).ConfigureAwait(false);
            try
            {
                if (
                    await ReceiveAsync(file, partial, have, progress, cancellation).ConfigureAwait(false)
                    && file.Size is null
                )
                    return;
                last = new HttpRequestException("the connection ended early");
            }
            catch (Exception e) when (Transient(e, cancellation))
            {
                last = e;
            }
            long now = Have(file, partial);
            (most, idle) = now > most ? (now, 0) : (most, idle + 1);
        }
    }

    /// <summary>One request for the rest of a file; whether it ended as it should.</summary>
    async Task<bool> ReceiveAsync(
        RemoteFile file,
        string partial,
        long have,
        IProgress<HubProgress>? progress,
        CancellationToken cancellation
    )
    {
        using HttpResponseMessage answer = await SendAsync(
                HttpMethod.Get,
                file.Address,
                have,
                sameHostOnly: false,
                cancellation
            )
            .ConfigureAwait(false);
        if (answer.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable)
        {
            File.Delete(partial);
            throw new HttpRequestException("the server has less of it than was there already");
        }
        if (!answer.IsSuccessStatusCode)
            throw Failure(answer, file.Address);
        bool resumed = answer.StatusCode == HttpStatusCode.PartialContent;
        if (resumed && answer.Content.Headers.ContentRange?.From != have)
            throw new HttpRequestException("the server sent another part than was asked for");
        long from = resumed ? have : 0;
        if (
            file.Size is long size
            && answer.Content.Headers.ContentLength is long announced
            && from + announced != size
        )
            throw new HttpRequestException($"the server announced {size} bytes and then sends {from + announced}");
        using FileStream target = new(
            partial,
            resumed ? FileMode.Append : FileMode.Create,
            FileAccess.Write,
            FileShare.Read
        );
        using Stream source = await answer.Content.ReadAsStreamAsync(cancellation).ConfigureAwait(false);
        byte[] buffer = new byte[BufferLength];
        for (long done = from; ; )
        {
            int read = await PatientlyAsync(token => source.ReadAsync(buffer, token).AsTask(), cancellation)
                .ConfigureAwait(false);
            if (read == 0)
                return true;
            done += read;
            if (done > file.Size)
            {
                target.SetLength(0);
                throw new HttpRequestException($"the server sends more than the {file.Size} bytes that it announced");
            }
            await target.WriteAsync(buffer.AsMemory(0, read), cancellation).ConfigureAwait(false);
            progress?.Report(new HubProgress(file.Name, done, file.Size));
        }
    }

    async Task<HttpResponseMessage> SendAsync(
        HttpMethod method,
        Uri address,
        long from,
        bool sameHostOnly,
        CancellationToken cancellation
    )
    {
        Uri at = address;
        for (int redirects = 0; redirects <= MostRedirects; redirects++)
        {
            using HttpRequestMessage request = new(method, at);
            if (settings.Token is string token && SameHost(at, settings.Endpoint))
                request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
            if (from > 0)
                request.Headers.Range = new RangeHeaderValue(from, null);
            HttpResponseMessage answer = await PatientlyAsync(
                    t => _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, t),
                    cancellation
                )
                .ConfigureAwait(false);
            if ((int)answer.StatusCode is < 300 or >= 400 || answer.Headers.Location is not Uri location)
                return answer;
            Uri next = new(at, location);
            if (sameHostOnly && !SameHost(next, at))
                return answer;
            answer.Dispose();
            if (next.Scheme is not ("http" or "https") || (at.Scheme == "https" && next.Scheme != "https"))
                throw new HubException(
                    $"{at} redirects to {next}, which is not as safe as it; nothing was downloaded."
                );
            at = next;
        }
        throw new HubException($"{address} redirects more than {MostRedirects} times; nothing was downloaded.");
    }

    async Task<HttpResponseMessage> TryAsync(
        Uri address,
        Func<Task<HttpResponseMessage>> send,
        CancellationToken cancellation
    )
    {
        for (int attempt = 0; ; attempt++)
        {
            Exception failure;
            try
            {
                HttpResponseMessage answer = await send().ConfigureAwait(false);
                if (!IsOfTheMoment(answer.StatusCode))
                    return answer;
                failure = Failure(answer, address);
                answer.Dispose();
            }
            catch (Exception e) when (Transient(e, cancellation))
            {
                failure = e;
            }
            if (attempt + 1 >= settings.Tries)
                throw new HubException(
                    $"{address} does not answer: {Why(failure)}. Check the network and HF_ENDPOINT, or set "
                        + "HF_HUB_OFFLINE=1 to use what is in the cache.",
                    failure
                );
            await WaitAsync(attempt, failure, cancellation).ConfigureAwait(false);
        }
    }

    async Task<T> PatientlyAsync<T>(Func<CancellationToken, Task<T>> work, CancellationToken cancellation)
    {
        using CancellationTokenSource patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        patience.CancelAfter(settings.Patience);
        try
        {
            return await work(patience.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException e) when (!cancellation.IsCancellationRequested)
        {
            throw new TimeoutException($"nothing came for {settings.Patience.TotalSeconds:0.#} seconds", e);
        }
    }

    Task WaitAsync(int attempt, Exception failure, CancellationToken cancellation)
    {
        TimeSpan asked = failure is StatusException { RetryAfter: TimeSpan after } ? after : TimeSpan.Zero;
        TimeSpan usual = settings.Backoff * Math.Pow(2, Math.Min(attempt, 10));
        TimeSpan wait = asked > usual ? asked : usual;
        return Task.Delay(wait < LongestWait ? wait : LongestWait, cancellation);
    }

    static long Have(RemoteFile file, string partial)
    {
        long have = File.Exists(partial) ? new FileInfo(partial).Length : 0;
        if (have <= (file.Size ?? long.MaxValue))
            return have;
        File.Delete(partial);
        return 0;
    }

    static StatusException Failure(HttpResponseMessage answer, Uri address)
    {
        if (!IsOfTheMoment(answer.StatusCode))
            throw new HubException($"{address} answers {(int)answer.StatusCode} ({answer.ReasonPhrase}).");
        TimeSpan? after = answer.Headers.RetryAfter is { } retry
            ? retry.Delta ?? (retry.Date is { } date ? date - DateTimeOffset.UtcNow : null)
            : null;
        return new StatusException(
            answer.StatusCode == HttpStatusCode.TooManyRequests
                ? "it asks for fewer requests (429)"
                : $"it answers {(int)answer.StatusCode} ({answer.ReasonPhrase})",
            after
        );
    }

    static bool IsOfTheMoment(HttpStatusCode status) =>
        status is HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests || (int)status >= 500;

    static bool Transient(Exception e, CancellationToken cancellation) =>
        !cancellation.IsCancellationRequested
        && (
            e is HttpRequestException or TimeoutException or StatusException or System.Net.Sockets.SocketException
            || (e is IOException && e is not (FileNotFoundException or DirectoryNotFoundException))
        );

    static string Why(Exception? e) =>
        e is null ? "it gave up" : SystemMessage.Of(e.InnerException as System.Net.Sockets.SocketException ?? e);

    static bool SameHost(Uri a, Uri b) => a.Scheme == b.Scheme && a.Host == b.Host && a.Port == b.Port;

    sealed class StatusException(string message, TimeSpan? retryAfter) : Exception(message)
    {
        public TimeSpan? RetryAfter => retryAfter;
    }
}
