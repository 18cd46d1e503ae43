using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;

namespace Retouch.Tests.Formats;

/// <summary>A hub on this machine, on bare sockets so that it can misbehave as no web server would.</summary>
sealed class HubServer : IDisposable
{
    public const string Commit = "0123456789abcdef0123456789abcdef01234567";

    readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    readonly CancellationTokenSource _stop = new();
    readonly List<Request> _requests = [];

    public HubServer()
    {
        _listener.Start();
        _ = AcceptAsync();
    }

    /// <summary>A request, as it came.</summary>
    public sealed record Request(string Method, string Path, IReadOnlyDictionary<string, string> Headers)
    {
        public long From =>
            Headers.TryGetValue("Range", out string? range)
                ? long.Parse(range["bytes=".Length..^1], CultureInfo.InvariantCulture)
                : 0;
    }

    public string Address => $"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}";

    public Dictionary<string, byte[]> Files { get; } = [];

    /// <summary>
    /// Answers instead of the usual server: writes to the stream and gives true, or false to leave the request to it.
    /// </summary>
    public Func<Request, Stream, Task<bool>> Instead { get; set; } = (_, _) => Task.FromResult(false);

    public IReadOnlyList<Request> Requests
    {
        get
        {
            lock (_requests)
                return [.. _requests];
        }
    }

    public static string Sha256(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));

    public static string GitSha1(byte[] bytes) =>
        Convert.ToHexStringLower(
            Hash(HashAlgorithmName.SHA1, [.. Encoding.ASCII.GetBytes($"blob {bytes.Length}\0"), .. bytes])
        );

    static byte[] Hash(HashAlgorithmName name, byte[] bytes)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(name);
        hash.AppendData(bytes);
        return hash.GetHashAndReset();
    }

    /// <summary>Writes an answer.</summary>
    public static async Task AnswerAsync(
        Stream stream,
        int status,
        IEnumerable<(string, string)> headers,
        ReadOnlyMemory<byte> body = default
    )
    {
        StringBuilder head = new($"HTTP/1.1 {status} Status\r\nConnection: close\r\n");
        foreach ((string name, string value) in headers)
            head.Append(CultureInfo.InvariantCulture, $"{name}: {value}\r\n");
        await stream.WriteAsync(Encoding.ASCII.GetBytes(head.Append("\r\n").ToString()));
        await stream.WriteAsync(body);
    }

    /// <summary>The headers that the hub's HEAD has.</summary>
    public static (string, string)[] Heads(byte[] content, bool large) =>
        large
            ?
            [
                ("X-Repo-Commit", Commit),
                ("X-Linked-Etag", $"\"{Sha256(content)}\""),
                ("X-Linked-Size", $"{content.Length}"),
                ("ETag", "\"pointer\""),
            ]
            : [("X-Repo-Commit", Commit), ("ETag", $"\"{GitSha1(content)}\"")];

    public void Dispose()
    {
        if (_stop.IsCancellationRequested)
            return;
        _stop.Cancel();
        _listener.Stop();
    }

    async Task AcceptAsync()
    {
        try
        {
            while (true)
                _ = ServeAsync(await _listener.AcceptTcpClientAsync(_stop.Token));
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException) { }
    }

    async Task ServeAsync(TcpClient client)
    {
        using (client)
        {
            try
            {
                NetworkStream stream = client.GetStream();
                Request request = await ReadAsync(stream);
                lock (_requests)
                    _requests.Add(request);
                if (!await Instead(request, stream))
                    await UsualAsync(request, stream);
            }
            catch (Exception e) when (e is IOException or ObjectDisposedException or SocketException) { }
        }
    }

    async Task UsualAsync(Request request, Stream stream)
    {
        string name = request.Path.Split('/')[^1];
        if (!Files.TryGetValue(name, out byte[]? content))
        {
            await AnswerAsync(stream, 404, [("X-Error-Code", "EntryNotFound"), ("Content-Length", "0")]);
            return;
        }
        bool large =
            name.EndsWith(".safetensors", StringComparison.Ordinal) || name.EndsWith(".npz", StringComparison.Ordinal);
        (string, string)[] headers =
        [
            .. Heads(content, large),
            ("x-goog-hash", $"crc32c=AAAAAA==,md5={Convert.ToBase64String(Hash(HashAlgorithmName.MD5, content))}"),
        ];
        if (request.Method == "HEAD")
            await AnswerAsync(stream, 200, [.. headers, ("Content-Length", $"{content.Length}")]);
        else if (request.From >= content.Length && request.From > 0)
            await AnswerAsync(stream, 416, [("Content-Range", $"bytes */{content.Length}"), ("Content-Length", "0")]);
        else if (request.From > 0)
            await AnswerAsync(
                stream,
                206,
                [
                    .. headers,
                    ("Content-Range", $"bytes {request.From}-{content.Length - 1}/{content.Length}"),
                    ("Content-Length", $"{content.Length - request.From}"),
                ],
                content.AsMemory((int)request.From)
            );
        else
            await AnswerAsync(stream, 200, [.. headers, ("Content-Length", $"{content.Length}")], content);
    }

    static async Task<Request> ReadAsync(Stream stream)
    {
        List<byte> head = [];
        byte[] one = new byte[1];
        while (!(head.Count >= 4 && head[^4] == '\r' && head[^3] == '\n' && head[^2] == '\r' && head[^1] == '\n'))
        {
            if (await stream.ReadAsync(one) == 0)
                throw new IOException();
            head.Add(one[0]);
        }
        string[] lines = Encoding.ASCII.GetString([.. head]).Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
        string[] first = lines[0].Split(' ');
        return new Request(
            first[0],
            Uri.UnescapeDataString(first[1]),
            lines[1..]
                .Select(l => l.Split(": ", 2))
                .ToDictionary(l => l[0], l => l[1], StringComparer.OrdinalIgnoreCase)
        );
    }
}
