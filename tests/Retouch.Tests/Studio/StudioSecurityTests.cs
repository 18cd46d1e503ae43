using System.Net;
using System.Net.Sockets;
using System.Text;
using Retouch.Tests.Formats;

namespace Retouch.Tests.Studio;

/// <summary>What somebody tries who should not see the studio, or see more than it shows.</summary>
[Collection(nameof(LettersWorld))]
public sealed class StudioSecurityTests(LettersWorld letters) : IAsyncLifetime
{
    readonly TemporaryFolder _folder = new();
    StudioLetters _studio = null!;

    public async ValueTask InitializeAsync() =>
        _studio = await StudioLetters.StartAsync(letters, _folder.File("studio"), "oil");

    public async ValueTask DisposeAsync()
    {
        await _studio.DisposeAsync();
        _folder.Dispose();
    }

    string Token => _studio.Server.Token.Text;

    [Theory]
    [InlineData("/")]
    [InlineData("/thumb/0")]
    [InlineData("/assets/studio.js")]
    [InlineData("/_framework/blazor.web.js")]
    [InlineData("/ledger/1.patch")]
    [InlineData("/ledger/report")]
    [InlineData("/jobs/1/file")]
    [InlineData("/jobs/1/page")]
    [InlineData("/map.bin")]
    public async Task Without_the_token_nothing_is_shown(string path)
    {
        Assert.Equal(401, await Status(path));
        Assert.Equal(401, await Status(path, ("Cookie", "retouch-studio=" + new string('0', 64))));
        Assert.Equal(401, await Status($"{path}?token={Token[..^1]}"));
        Assert.Equal(401, await Status($"{path}?token="));
    }

    [Fact]
    public async Task The_token_becomes_a_cookie_that_scripts_and_other_sites_do_not_get()
    {
        string answer = await Ask($"GET /?token={Token} HTTP/1.1");
        Assert.Contains("302", answer.Split('\n')[0], StringComparison.Ordinal);
        string cookie = Assert.Single(answer.Split('\n'), l => l.StartsWith("Set-Cookie:", StringComparison.Ordinal));
        Assert.Contains("httponly", cookie, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("samesite=strict", cookie, StringComparison.OrdinalIgnoreCase);
        // The address bar keeps no secret, and the way leads nowhere else.
        Assert.Contains("Location: /\r", answer, StringComparison.Ordinal);
        string away = await Ask($"GET //evil.example/?token={Token} HTTP/1.1");
        Assert.Contains("Location: /\r", away, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("evil.example")]
    [InlineData("127.0.0.1:1")]
    [InlineData("localhost.evil.example")]
    [InlineData("")]
    public async Task Another_hosts_name_is_refused(string host)
    {
        // What a page of another site gets whose name was made to lead here.
        string answer = await Ask("GET / HTTP/1.1", host);
        string status = answer.Split('\n')[0];
        Assert.True(status.Contains("421") || status.Contains("400"), status);
    }

    [Fact]
    public async Task Another_sites_page_may_not_ask()
    {
        string own = $"http://127.0.0.1:{_studio.Server.Address.Port}";
        Assert.Equal(200, await Known("/thumb/0"));
        Assert.Equal(200, await Known("/thumb/0", ("Origin", own)));
        Assert.Equal(403, await Known("/thumb/0", ("Origin", "http://evil.example")));
        Assert.Equal(403, await Known("/thumb/0", ("Origin", "null")));
        Assert.Equal(
            403,
            await Known("/_blazor/negotiate?negotiateVersion=1", "POST", ("Origin", "http://evil.example"))
        );
        Assert.Equal(403, await Known("/_blazor/negotiate?negotiateVersion=1", "POST"));
        string socket = await Ask(
            "GET /_blazor?id=x HTTP/1.1",
            null,
            ("Cookie", $"retouch-studio={Token}"),
            ("Connection", "Upgrade"),
            ("Upgrade", "websocket"),
            ("Sec-WebSocket-Version", "13"),
            ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ("Origin", "http://evil.example")
        );
        Assert.Contains("403", socket.Split('\n')[0], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/thumb/../../../../etc/passwd")]
    [InlineData("/thumb/%2e%2e%2f%2e%2e%2fetc%2fpasswd")]
    [InlineData("/thumb/..%5c..%5cwindows%5cwin.ini")]
    [InlineData("/thumb/%5c%5cserver%5cshare")]
    [InlineData("/thumb//etc/passwd")]
    [InlineData("/thumb/-1")]
    [InlineData("/thumb/99999999")]
    [InlineData("/thumb/99999999999999999999")]
    [InlineData("/picture/0/../../etc/passwd")]
    [InlineData("/ordinary/0%00.png")]
    [InlineData("/assets/..%2fRetouch.Studio.dll")]
    [InlineData("/assets/%2fetc%2fpasswd")]
    [InlineData("/assets/studio.css%00.exe")]
    [InlineData("/ledger/..%2f..%2fetc%2fpasswd.patch")]
    [InlineData("/ledger/0.patch")]
    [InlineData("/jobs/1/file")]
    [InlineData("/jobs/..%2f..%2fetc/file")]
    public async Task No_request_reads_another_file(string path)
    {
        int status = await Known(path);
        Assert.True(status is 400 or 404, $"{status}");
    }

    [Fact]
    public async Task Pages_may_load_nothing_from_elsewhere_and_run_no_script_of_their_text()
    {
        string answer = await Ask("GET / HTTP/1.1", null, ("Cookie", $"retouch-studio={Token}"));
        string policy = Assert.Single(
            answer.Split('\n'),
            l => l.StartsWith("Content-Security-Policy:", StringComparison.Ordinal)
        );
        Assert.Contains("default-src 'none'", policy, StringComparison.Ordinal);
        Assert.Contains("script-src 'self';", policy, StringComparison.Ordinal);
        Assert.Contains("frame-ancestors 'none'", policy, StringComparison.Ordinal);
        Assert.DoesNotContain("http", policy, StringComparison.Ordinal);
        Assert.DoesNotContain("eval", policy, StringComparison.Ordinal);
        foreach (
            string header in (string[])
                ["X-Content-Type-Options: nosniff", "Referrer-Policy: no-referrer", "X-Frame-Options: DENY"]
        )
            Assert.Contains(header, answer, StringComparison.Ordinal);
        Assert.DoesNotContain("Server:", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task It_listens_on_this_machine_alone()
    {
        Assert.Equal("127.0.0.1", _studio.Server.Address.Host);
        IPAddress[] others =
        [
            .. System
                .Net.NetworkInformation.NetworkInterface.GetAllNetworkInterfaces()
                .SelectMany(n => n.GetIPProperties().UnicastAddresses)
                .Select(a => a.Address)
                .Where(a => a.AddressFamily == AddressFamily.InterNetwork && !IPAddress.IsLoopback(a)),
        ];
        foreach (IPAddress address in others)
        {
            using TcpClient client = new();
            await Assert.ThrowsAnyAsync<SocketException>(() =>
                client.ConnectAsync(address, _studio.Server.Address.Port)
            );
        }
    }

    [Fact]
    public async Task Started_again_it_has_its_port_where_that_is_free_and_another_token()
    {
        string folder = _folder.File("again");
        (Uri address, string token) = await Once();
        (Uri second, string other) = await Once();
        Assert.Equal(address, second);
        Assert.NotEqual(token, other);
        foreach (string file in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories))
            Assert.DoesNotContain(other, await File.ReadAllTextAsync(file), StringComparison.Ordinal);
        using System.Net.Sockets.TcpListener taken = new(IPAddress.Loopback, address.Port);
        taken.Start();
        Assert.NotEqual(address, (await Once()).Address);

        async Task<(Uri Address, string Token)> Once()
        {
            await using StudioLetters studio = await StudioLetters.StartAsync(letters, folder, "stage");
            return (studio.Server.Address, studio.Server.Token.Text);
        }
    }

    [Fact]
    public async Task A_body_that_is_too_large_is_refused()
    {
        string own = $"http://127.0.0.1:{_studio.Server.Address.Port}";
        string answer = await Ask(
            "POST /_blazor/negotiate?negotiateVersion=1 HTTP/1.1",
            null,
            ("Cookie", $"retouch-studio={Token}"),
            ("Origin", own),
            ("Content-Length", "99999999999")
        );
        Assert.Matches("^HTTP/1.1 (4|2)", answer);
        Assert.DoesNotMatch("^HTTP/1.1 5", answer);
    }

    Task<int> Status(string path, params (string, string)[] headers) => Send(path, "GET", headers);

    Task<int> Known(string path, params (string, string)[] headers) => Known(path, "GET", headers);

    Task<int> Known(string path, string method, params (string, string)[] headers) =>
        Send(path, method, [("Cookie", $"retouch-studio={Token}"), .. headers]);

    async Task<int> Send(string path, string method, (string, string)[] headers)
    {
        string answer = await Ask(
            $"{method} {path} HTTP/1.1",
            null,
            method == "POST" ? [.. headers, ("Content-Length", "0")] : headers
        );
        return int.Parse(answer.Split(' ')[1]);
    }

    // To the letter: a client of the framework would tidy paths before it sends them.
    async Task<string> Ask(string line, string? host = null, params (string Name, string Value)[] headers)
    {
        int port = _studio.Server.Address.Port;
        using TcpClient client = new();
        await client.ConnectAsync(IPAddress.Loopback, port);
        using NetworkStream stream = client.GetStream();
        StringBuilder text = new();
        text.Append(line).Append("\r\nHost: ").Append(host ?? $"127.0.0.1:{port}").Append("\r\n");
        if (!headers.Any(h => h.Name == "Connection"))
            text.Append("Connection: close\r\n");
        foreach ((string name, string value) in headers)
            text.Append(name).Append(": ").Append(value).Append("\r\n");
        text.Append("\r\n");
        await stream.WriteAsync(Encoding.ASCII.GetBytes(text.ToString()));
        using CancellationTokenSource patience = new(TimeSpan.FromSeconds(30));
        byte[] buffer = new byte[64 << 10];
        using MemoryStream all = new();
        int read;
        while ((read = await stream.ReadAsync(buffer, patience.Token)) > 0)
        {
            all.Write(buffer, 0, read);
            if (Encoding.ASCII.GetString(all.ToArray()).Contains("\r\n\r\n", StringComparison.Ordinal))
                break;
        }
        return Encoding.ASCII.GetString(all.ToArray());
    }
}
