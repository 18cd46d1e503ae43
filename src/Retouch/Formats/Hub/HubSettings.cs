namespace Retouch.Formats;

/// <summary>
/// Where models are downloaded from and kept: what Python's huggingface_hub reads from the same environment variables.
/// Immutable.
/// </summary>
public sealed record HubSettings
{
    /// <summary>The hub's address; HF_ENDPOINT.</summary>
    public Uri Endpoint { get; init; } = new("https://huggingface.co");

    /// <summary>The folder of AugReg's files in Google's bucket; RETOUCH_AUGREG_ENDPOINT.</summary>
    public Uri AugRegEndpoint { get; init; } = new("https://storage.googleapis.com/vit_models/augreg");

    /// <summary>
    /// The token that the hub gets, and no other host; HF_TOKEN, or the file that Python's login writes, or null for
    /// none.
    /// </summary>
    public string? Token { get; init; }

    /// <summary>The cache, shared with Python; HF_HUB_CACHE, or <c>hub</c> in HF_HOME.</summary>
    public required string Cache { get; init; }

    /// <summary>Where AugReg's files are kept: <c>augreg</c> in HF_HOME.</summary>
    public required string AugRegCache { get; init; }

    /// <summary>Whether nothing may be downloaded; HF_HUB_OFFLINE.</summary>
    public bool Offline { get; init; }

    /// <summary>How long the other side may be silent before a request is tried again.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// How long to wait before the first further try; each later one waits twice as long, up to half a minute.
    /// </summary>
    public TimeSpan Backoff { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How often a request is tried without any progress.</summary>
    public int Tries { get; init; } = 5;

    /// <summary>The settings that environment variables state.</summary>
    /// <param name="variable">Gives a variable's value, or null for the process's own environment.</param>
    /// <exception cref="BadInputException">An address is none.</exception>
    public static HubSettings FromEnvironment(Func<string, string?>? variable = null)
    {
        variable ??= Environment.GetEnvironmentVariable;
        string home =
            Set("HF_HOME")
            ?? Path.Combine(
                Set("XDG_CACHE_HOME")
                    ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache"),
                "huggingface"
            );
        HubSettings usual = new()
        {
            Cache = Set("HF_HUB_CACHE") ?? Set("HUGGINGFACE_HUB_CACHE") ?? Path.Combine(home, "hub"),
            AugRegCache = Path.Combine(home, "augreg"),
        };
        string tokenFile = Set("HF_TOKEN_PATH") ?? Path.Combine(home, "token");
        return usual with
        {
            Endpoint = Address("HF_ENDPOINT") ?? usual.Endpoint,
            AugRegEndpoint = Address("RETOUCH_AUGREG_ENDPOINT") ?? usual.AugRegEndpoint,
            Token = (
                Set("HF_TOKEN")
                ?? Set("HUGGING_FACE_HUB_TOKEN")
                ?? (File.Exists(tokenFile) ? File.ReadAllText(tokenFile) : null)
            )?.Trim()
                is { Length: > 0 } token
                ? token
                : null,
            Offline = ((string[])["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"]).Any(n =>
                Set(n)?.ToUpperInvariant() is "1" or "ON" or "YES" or "TRUE"
            ),
        };

        string? Set(string name) => variable(name) is { Length: > 0 } value ? value : null;

        Uri? Address(string name) =>
            Set(name) is not string text ? null
            : Uri.TryCreate(text, UriKind.Absolute, out Uri? address) && address.Scheme is "http" or "https" ? address
            : throw BadInput.Mismatch(
                name,
                $"{name} is {UserText.Quote(text)}, which is not the address of a server; give "
                    + "https://HOST or take it away."
            );
    }
}
