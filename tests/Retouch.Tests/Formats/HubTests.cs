using System.Net.Sockets;
using Retouch.Formats;

namespace Retouch.Tests.Formats;

/// <summary>
/// The hub's client against a server that misbehaves: the right file or a clear error, never a bad file in the cache.
/// </summary>
public sealed class HubTests : IDisposable
{
    const string Name = "timm/vit_small.test";

    readonly TemporaryFolder _folder = new();
    readonly HubServer _server = new();
    readonly byte[] _weights = new byte[300_000];
    readonly byte[] _config = "{\"a\": 1}"u8.ToArray();

    public HubTests()
    {
        new Random(1).NextBytes(_weights);
        _server.Files["model.safetensors"] = _weights;
        _server.Files["config.json"] = _config;
    }

    HubSettings Settings =>
        new()
        {
            Endpoint = new Uri(_server.Address),
            AugRegEndpoint = new Uri(_server.Address + "/augreg"),
            Cache = _folder.File("hub"),
            AugRegCache = _folder.File("augreg"),
            Patience = TimeSpan.FromSeconds(0.4),
            Backoff = TimeSpan.FromMilliseconds(5),
            Tries = 4,
        };

    string Repository => Path.Combine(Settings.Cache, "models--timm--vit_small.test");

    public void Dispose()
    {
        _server.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData("timm/vit_base.augreg", "timm/vit_base.augreg", "main")]
    [InlineData("google/vit-base-patch16-224@v1.0/x", "google/vit-base-patch16-224", "v1.0/x")]
    [InlineData("models/vit.safetensors", null, null)]
    [InlineData("../timm/vit", null, null)]
    [InlineData("a/b/c", null, null)]
    [InlineData("a/b@../../c", null, null)]
    [InlineData("model", null, null)]
    public void Names_of_the_hub_are_told_from_paths(string text, string? repository, string? revision)
    {
        HubReference? reference = HubReference.Parse(text);
        Assert.Equal((repository, revision), (reference?.Repository, reference?.Revision));
        Assert.Equal("B_16.npz", HubReference.Parse("augreg:B_16.npz")!.AugRegFile);
        Assert.Null(HubReference.Parse("augreg:../B_16.npz"));
    }

    [Fact]
    public async Task A_link_that_a_killed_pull_left_under_a_temporary_name_goes()
    {
        string snapshot = await Pull();
        string link = Path.Combine(snapshot, "model.safetensors");
        string? target = new FileInfo(link).LinkTarget;
        Assert.SkipWhen(target is null, "needs links");
        string left = Path.Combine(snapshot, ".retouch-0123456789abcdef0123456789abcdef.tmp");
        string another = Path.Combine(snapshot, ".retouch-1123456789abcdef0123456789abcdef.tmp");
        File.CreateSymbolicLink(left, target);
        File.CreateSymbolicLink(another, Path.Combine("..", "..", "blobs", "of-another-pull"));
        File.Delete(link);
        await Pull();
        Assert.Equal(_weights, File.ReadAllBytes(link));
        Assert.Null(new FileInfo(left).LinkTarget);
        Assert.NotNull(new FileInfo(another).LinkTarget);
    }

    [Fact]
    public async Task A_pull_lays_the_cache_out_as_Python_does()
    {
        Assert.Null(Find());
        string snapshot = await Pull();
        Assert.Equal(Path.Combine(Repository, "snapshots", HubServer.Commit), snapshot);
        Assert.Equal(snapshot, Find());
        Assert.Equal(HubServer.Commit, File.ReadAllText(Path.Combine(Repository, "refs", "main")));
        Assert.Equal(_weights, File.ReadAllBytes(Path.Combine(snapshot, "model.safetensors")));
        Assert.Equal(
            Path.Combine("..", "..", "blobs", HubServer.Sha256(_weights)),
            new FileInfo(Path.Combine(snapshot, "model.safetensors")).LinkTarget
        );
        Assert.Equal(
            Path.Combine("..", "..", "blobs", HubServer.GitSha1(_config)),
            new FileInfo(Path.Combine(snapshot, "config.json")).LinkTarget
        );
        Assert.Equal(
            [HubServer.GitSha1(_config), HubServer.Sha256(_weights)],
            Blobs().Order(StringComparer.Ordinal).OrderBy(b => b.Length)
        );
        // Once there, nothing is downloaded again, and offline it is found.
        int before = _server.Requests.Count(r => r.Method == "GET");
        await Pull();
        Assert.Equal(before, _server.Requests.Count(r => r.Method == "GET"));
        using ModelHub offline = new(Settings with { Offline = true });
        Assert.Equal(snapshot, offline.Find(HubReference.Parse(Name)!));
        Assert.Equal(snapshot, offline.Find(HubReference.Parse($"{Name}@{HubServer.Commit}")!));
        Assert.Contains(
            "HF_HUB_OFFLINE",
            (
                await Assert.ThrowsAsync<BadInputException>(() => offline.PullAsync(HubReference.Parse("timm/other")!))
            ).Message,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task Sharded_models_are_pulled_whole_and_half_a_one_is_not_found()
    {
        _server.Files.Remove("model.safetensors");
        _server.Files["model.safetensors.index.json"] =
            """{"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}"""u8.ToArray();
        _server.Files["model-1.safetensors"] = _weights;
        _server.Files["model-2.safetensors"] = _config;
        string snapshot = await Pull();
        Assert.Equal(_config, File.ReadAllBytes(Path.Combine(snapshot, "model-2.safetensors")));
        File.Delete(Path.Combine(snapshot, "model-2.safetensors"));
        Assert.Null(Find());
        _server.Files["model.safetensors.index.json"] = """{"weight_map": {"a": "../../../evil"}}"""u8.ToArray();
        await Assert.ThrowsAsync<BadInputException>(Pull);
    }

    [Fact]
    public async Task AugReg_files_come_from_the_bucket_with_their_MD5_checked()
    {
        _server.Files["B_16.npz"] = _weights;
        using ModelHub hub = new(Settings);
        HubReference reference = HubReference.Parse("augreg:B_16.npz")!;
        Assert.Equal(_weights, File.ReadAllBytes(await hub.PullAsync(reference)));
        Assert.Equal(_folder.File("augreg/B_16.npz"), hub.Find(reference));
        Assert.Contains(
            "B_32.npz",
            (
                await Assert.ThrowsAsync<BadInputException>(() => hub.PullAsync(HubReference.Parse("augreg:B_32.npz")!))
            ).Message,
            StringComparison.Ordinal
        );
        _server.Files["L_16.npz"] = _weights;
        Get(
            (_, stream) =>
                HubServer.AnswerAsync(
                    stream,
                    200,
                    [("Content-Length", $"{_weights.Length}")],
                    new byte[_weights.Length]
                )
        );
        await Assert.ThrowsAsync<HubException>(() => hub.PullAsync(HubReference.Parse("augreg:L_16.npz")!));
        Assert.False(File.Exists(_folder.File("augreg/L_16.npz")));
    }

    [Fact]
    public async Task Connections_that_break_off_go_on_where_they_broke()
    {
        Get(
            async (request, stream) =>
            {
                // 40 000 bytes a connection.
                int from = (int)request.From;
                int length = Math.Min(40_000, _weights.Length - from);
                await HubServer.AnswerAsync(
                    stream,
                    from > 0 ? 206 : 200,
                    [
                        ("Content-Range", $"bytes {from}-{_weights.Length - 1}/{_weights.Length}"),
                        ("Content-Length", $"{_weights.Length - from}"),
                    ],
                    _weights.AsMemory(from, length)
                );
            }
        );
        await PullsRight();
        Assert.Equal(
            [0L, 40_000, 80_000, 120_000, 160_000, 200_000, 240_000, 280_000],
            _server.Requests.Where(IsWeights).Select(r => r.From)
        );
    }

    [Fact]
    public async Task Resets_silence_and_errors_of_the_moment_are_tried_again()
    {
        int tries = 0;
        Get(
            async (request, stream) =>
            {
                switch (tries++)
                {
                    case 0:
                        ((NetworkStream)stream).Socket.Close(0);
                        break;
                    case 1:
                        await Task.Delay(1000);
                        break;
                    case 2:
                        await HubServer.AnswerAsync(stream, 503, [("Content-Length", "0")]);
                        break;
                    default:
                        await HubServer.AnswerAsync(stream, 200, [("Content-Length", $"{_weights.Length}")], _weights);
                        break;
                }
            }
        );
        await PullsRight();
        Assert.Equal(4, tries);
    }

    [Fact]
    public async Task A_slow_server_is_waited_for_while_it_sends()
    {
        Get(
            async (_, stream) =>
            {
                await HubServer.AnswerAsync(stream, 200, [("Content-Length", $"{_weights.Length}")]);
                foreach (byte[] part in _weights.Chunk(60_000))
                {
                    await Task.Delay(150);
                    await stream.WriteAsync(part);
                }
            }
        );
        await PullsRight();
    }

    [Fact]
    public async Task Too_many_requests_wait_as_long_as_is_asked()
    {
        int tries = 0;
        _server.Instead = async (request, stream) =>
        {
            if (!IsWeights(request) || tries++ > 0)
                return false;
            await HubServer.AnswerAsync(stream, 429, [("Retry-After", "1"), ("Content-Length", "0")]);
            return true;
        };
        System.Diagnostics.Stopwatch waited = System.Diagnostics.Stopwatch.StartNew();
        await PullsRight();
        Assert.InRange(waited.Elapsed.TotalSeconds, 0.9, 60);
        _server.Instead = async (_, stream) =>
        {
            await HubServer.AnswerAsync(stream, 429, [("Content-Length", "0")]);
            return true;
        };
        Assert.Contains(
            "429",
            (await Assert.ThrowsAsync<HubException>(() => PullOther())).Message,
            StringComparison.Ordinal
        );
    }

    [Theory]
    [InlineData("shorter", "early")]
    [InlineData("longer", "more than")]
    [InlineData("other length", "announced")]
    [InlineData("other contents", "hash")]
    [InlineData("stops", "nothing came")]
    [InlineData("404", "404")]
    [InlineData("403", "403")]
    public async Task Servers_that_lie_leave_no_file(string lie, string word)
    {
        Get(
            async (request, stream) =>
            {
                int from = (int)request.From;
                (string, string)[] whole = [("Content-Length", $"{_weights.Length}")];
                switch (lie)
                {
                    case "shorter":
                        await HubServer.AnswerAsync(stream, 200, [], _weights.AsMemory(0, 1000));
                        break;
                    case "longer":
                        await HubServer.AnswerAsync(stream, 200, [], (byte[])[.. _weights, 1]);
                        break;
                    case "other length":
                        await HubServer.AnswerAsync(
                            stream,
                            200,
                            [("Content-Length", $"{_weights.Length - 5}")],
                            _weights.AsMemory(5)
                        );
                        break;
                    case "other contents":
                        await HubServer.AnswerAsync(stream, 200, whole, new byte[_weights.Length]);
                        break;
                    case "stops":
                        await HubServer.AnswerAsync(
                            stream,
                            200,
                            whole,
                            from == 0 ? _weights.AsMemory(0, 5000) : default
                        );
                        await Task.Delay(3000);
                        break;
                    default:
                        await HubServer.AnswerAsync(stream, int.Parse(lie), [("Content-Length", "0")]);
                        break;
                }
            }
        );
        HubException error = await Assert.ThrowsAsync<HubException>(Pull);
        Assert.Contains(word, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(HubServer.Sha256(_weights), Blobs());
        Assert.Null(Find());
        // And when the server has come to its senses, the file comes right.
        _server.Instead = (_, _) => Task.FromResult(false);
        await PullsRight();
    }

    [Fact]
    public async Task What_an_earlier_run_left_is_gone_on_with_or_thrown_away()
    {
        string partial = Path.Combine(Repository, "blobs", HubServer.Sha256(_weights) + ".incomplete");
        Directory.CreateDirectory(Path.GetDirectoryName(partial)!);
        File.WriteAllBytes(partial, _weights[..100_000]);
        await PullsRight();
        Assert.Equal([100_000L], _server.Requests.Where(IsWeights).Select(r => r.From));
        // Of another file: the hash shows it.
        Directory.Delete(Repository, recursive: true);
        Directory.CreateDirectory(Path.GetDirectoryName(partial)!);
        File.WriteAllBytes(partial, new byte[100_000]);
        await PullsRight();
        // Longer than the file.
        Directory.Delete(Repository, recursive: true);
        Directory.CreateDirectory(Path.GetDirectoryName(partial)!);
        File.WriteAllBytes(partial, new byte[400_000]);
        await PullsRight();
        // A server that has less of it than was there: 416.
        Directory.Delete(Repository, recursive: true);
        Directory.CreateDirectory(Path.GetDirectoryName(partial)!);
        File.WriteAllBytes(partial, _weights[..100_000]);
        int refused = 0;
        _server.Instead = async (request, stream) =>
        {
            if (!IsWeights(request) || request.From == 0)
                return false;
            refused++;
            await HubServer.AnswerAsync(stream, 416, [("Content-Length", "0")]);
            return true;
        };
        await PullsRight();
        Assert.Equal(1, refused);
        // And one that does not know ranges sends all anew.
        Directory.Delete(Repository, recursive: true);
        Directory.CreateDirectory(Path.GetDirectoryName(partial)!);
        File.WriteAllBytes(partial, _weights[..100_000]);
        Get((_, stream) => HubServer.AnswerAsync(stream, 200, [("Content-Length", $"{_weights.Length}")], _weights));
        await PullsRight();
    }

    [Fact]
    public async Task The_token_goes_to_the_hub_and_to_nobody_else()
    {
        using HubServer storage = new();
        storage.Instead = async (_, stream) =>
        {
            await HubServer.AnswerAsync(stream, 200, [("Content-Length", $"{_weights.Length}")], _weights);
            return true;
        };
        _server.Instead = async (request, stream) =>
        {
            if (!request.Path.EndsWith("model.safetensors", StringComparison.Ordinal))
                return false;
            // Within the hub, as for a repository that was renamed, and then away from it.
            await HubServer.AnswerAsync(
                stream,
                307,
                request.Path.Contains("renamed", StringComparison.Ordinal)
                    ?
                    [
                        .. HubServer.Heads(_weights, large: true),
                        ("Location", $"{storage.Address}/signed?x=1"),
                        ("Content-Length", "0"),
                    ]
                    :
                    [
                        ("Location", $"/renamed/model/resolve/{HubServer.Commit}/model.safetensors"),
                        ("Content-Length", "0"),
                    ]
            );
            return true;
        };
        using ModelHub hub = new(Settings with { Token = "hf_secret" });
        string snapshot = await hub.PullAsync(HubReference.Parse(Name)!);
        Assert.Equal(_weights, File.ReadAllBytes(Path.Combine(snapshot, "model.safetensors")));
        Assert.All(_server.Requests, r => Assert.Equal("Bearer hf_secret", r.Headers["Authorization"]));
        Assert.NotEmpty(storage.Requests);
        Assert.All(storage.Requests, r => Assert.DoesNotContain("Authorization", r.Headers.Keys));
    }

    [Fact]
    public async Task Endless_redirects_end()
    {
        _server.Instead = async (request, stream) =>
        {
            await HubServer.AnswerAsync(stream, 302, [("Location", request.Path), ("Content-Length", "0")]);
            return true;
        };
        Assert.Contains(
            "redirects more than",
            (await Assert.ThrowsAsync<HubException>(Pull)).Message,
            StringComparison.Ordinal
        );
    }

    [Theory]
    [InlineData(404, "RepoNotFound", "no model")]
    [InlineData(404, "RevisionNotFound", "no revision")]
    [InlineData(404, "EntryNotFound", "none of")]
    [InlineData(401, "", "HF_TOKEN")]
    [InlineData(403, "GatedRepo", "HF_TOKEN")]
    public async Task What_is_not_there_or_not_allowed_is_said(int status, string code, string word)
    {
        _server.Instead = async (_, stream) =>
        {
            await HubServer.AnswerAsync(stream, status, [("X-Error-Code", code), ("Content-Length", "0")]);
            return true;
        };
        Assert.Contains(word, (await Assert.ThrowsAsync<BadInputException>(Pull)).Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Repository));
    }

    [Theory]
    [InlineData("X-Repo-Commit", "../../evil")]
    [InlineData("X-Linked-Etag", "../../evil")]
    public async Task Headers_that_would_name_files_elsewhere_are_refused(string header, string value)
    {
        _server.Instead = async (_, stream) =>
        {
            await HubServer.AnswerAsync(
                stream,
                200,
                HubServer
                    .Heads(_weights, large: true)
                    .Select(h => h.Item1 == header ? (header, value) : h)
                    .Append(("Content-Length", "0"))
            );
            return true;
        };
        Assert.Contains(
            "does not answer as a hub",
            (await Assert.ThrowsAsync<HubException>(Pull)).Message,
            StringComparison.Ordinal
        );
        Assert.False(Directory.Exists(Repository));
    }

    [Fact]
    public async Task A_server_that_is_not_there_is_said()
    {
        HubSettings settings = Settings;
        _server.Dispose();
        using ModelHub hub = new(settings with { Tries = 2 });
        Assert.Contains(
            "HF_ENDPOINT",
            (await Assert.ThrowsAsync<HubException>(() => hub.PullAsync(HubReference.Parse(Name)!))).Message,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public async Task Several_at_once_download_once()
    {
        Get(
            async (_, stream) =>
            {
                await HubServer.AnswerAsync(stream, 200, [("Content-Length", $"{_weights.Length}")]);
                foreach (byte[] part in _weights.Chunk(100_000))
                {
                    await stream.WriteAsync(part);
                    await Task.Delay(100);
                }
            }
        );
        string[] snapshots = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(Pull)));
        Assert.Single(snapshots.Distinct());
        Assert.Single(_server.Requests, IsWeights);
        Assert.Equal(_weights, File.ReadAllBytes(Path.Combine(snapshots[0], "model.safetensors")));
    }

    [Fact]
    public async Task An_interrupt_keeps_what_there_is()
    {
        using CancellationTokenSource interrupt = new();
        Get(
            async (_, stream) =>
            {
                await HubServer.AnswerAsync(
                    stream,
                    200,
                    [("Content-Length", $"{_weights.Length}")],
                    _weights.AsMemory(0, 50_000)
                );
                await Task.Delay(150);
                interrupt.Cancel();
                await Task.Delay(500);
            }
        );
        using ModelHub hub = new(Settings);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() =>
            hub.PullAsync(HubReference.Parse(Name)!, null, interrupt.Token)
        );
        Assert.Equal(
            50_000,
            new FileInfo(Path.Combine(Repository, "blobs", HubServer.Sha256(_weights) + ".incomplete")).Length
        );
        _server.Instead = (_, _) => Task.FromResult(false);
        await PullsRight();
        Assert.Equal(50_000, _server.Requests.Last(IsWeights).From);
    }

    [Fact]
    public void The_environment_is_read_as_Python_reads_it()
    {
        Dictionary<string, string> variables = new()
        {
            ["HF_HOME"] = "/home",
            ["HF_TOKEN"] = " t ",
            ["HF_ENDPOINT"] = "https://mirror.example/hf",
            ["HF_HUB_OFFLINE"] = "1",
        };
        HubSettings settings = HubSettings.FromEnvironment(variables.GetValueOrDefault);
        Assert.Equal(
            (Path.Combine("/home", "hub"), "t", "https://mirror.example/hf", true),
            (settings.Cache, settings.Token, settings.Endpoint.ToString(), settings.Offline)
        );
        Assert.Equal("/cache", HubSettings.FromEnvironment(n => n == "HF_HUB_CACHE" ? "/cache" : null).Cache);
        Assert.EndsWith(
            Path.Combine(".cache", "huggingface", "hub"),
            HubSettings.FromEnvironment(_ => null).Cache,
            StringComparison.Ordinal
        );
        _folder.Write("token", "from the file\n");
        Assert.Equal("from the file", HubSettings.FromEnvironment(n => n == "HF_HOME" ? _folder.Root : null).Token);
        Assert.Contains(
            "HF_ENDPOINT",
            Assert
                .Throws<BadInputException>(() => HubSettings.FromEnvironment(n => n == "HF_ENDPOINT" ? "mirror" : null))
                .Message,
            StringComparison.Ordinal
        );
    }

    static bool IsWeights(HubServer.Request request) =>
        request.Method == "GET" && request.Path.EndsWith(".safetensors", StringComparison.Ordinal);

    void Get(Func<HubServer.Request, Stream, Task> answer) =>
        _server.Instead = async (request, stream) =>
        {
            if (request.Method != "GET" || request.Path.EndsWith(".json", StringComparison.Ordinal))
                return false;
            await answer(request, stream);
            return true;
        };

    async Task<string> Pull()
    {
        using ModelHub hub = new(Settings);
        return await hub.PullAsync(HubReference.Parse(Name)!);
    }

    async Task PullOther()
    {
        using ModelHub hub = new(Settings);
        await hub.PullAsync(HubReference.Parse("timm/other")!);
    }

    async Task PullsRight()
    {
        string snapshot = await Pull();
        Assert.Equal(_weights, File.ReadAllBytes(Path.Combine(snapshot, "model.safetensors")));
        Assert.Contains(HubServer.Sha256(_weights), Blobs());
        Assert.DoesNotContain(Blobs(), b => b.EndsWith(".incomplete", StringComparison.Ordinal));
    }

    string? Find()
    {
        using ModelHub hub = new(Settings);
        return hub.Find(HubReference.Parse(Name)!);
    }

    string[] Blobs() =>
        Directory.Exists(Path.Combine(Repository, "blobs"))
            ? [.. Directory.EnumerateFiles(Path.Combine(Repository, "blobs")).Select(p => Path.GetFileName(p))]
            : [];
}
