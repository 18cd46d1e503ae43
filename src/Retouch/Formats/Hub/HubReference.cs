using System.Text.RegularExpressions;

namespace Retouch.Formats;

/// <summary>
/// The name of a model elsewhere: <c>owner/name[@revision]</c> on the Hugging Face hub, or <c>augreg:FILE.npz</c> in
/// Google's bucket. Immutable.
/// </summary>
public sealed partial record HubReference
{
    static readonly string[] FileEndings =
    [
        ".safetensors",
        ".pth",
        ".pt",
        ".bin",
        ".ckpt",
        ".npz",
        ".json",
        ".onnx",
        ".pkl",
        ".h5",
        ".gguf",
        ".zip",
    ];

    HubReference() { }

    /// <summary>The repository, <c>owner/name</c>, or null for a file of AugReg's bucket.</summary>
    public string? Repository { get; private init; }

    /// <summary>A branch, tag or commit of the repository.</summary>
    public string Revision { get; private init; } = "main";

    /// <summary>The file of AugReg's bucket, or null for a repository.</summary>
    public string? AugRegFile { get; private init; }

    /// <summary>Reads a name, or gives null if it has another form: then it is a path.</summary>
    public static HubReference? Parse(string text)
    {
        if (AugReg().Match(text) is { Success: true } bucket)
            return new HubReference { AugRegFile = bucket.Groups[1].Value };
        Match match = Name().Match(text);
        if (
            !match.Success
            || text.Contains("..", StringComparison.Ordinal)
            || FileEndings.Any(e => match.Groups["repo"].Value.EndsWith(e, StringComparison.OrdinalIgnoreCase))
        )
            return null;
        return new HubReference
        {
            Repository = match.Groups["repo"].Value,
            Revision = match.Groups["rev"] is { Success: true, Value: string revision } ? revision : "main",
        };
    }

    /// <inheritdoc/>
    public override string ToString() =>
        AugRegFile is string file ? $"augreg:{file}"
        : Revision == "main" ? Repository!
        : $"{Repository}@{Revision}";

    [GeneratedRegex("^augreg:([A-Za-z0-9][A-Za-z0-9_.+,-]{0,200}\\.npz)$", RegexOptions.CultureInvariant)]
    private static partial Regex AugReg();

    [GeneratedRegex(
        "^(?<repo>[A-Za-z0-9][A-Za-z0-9_.-]{0,95}/[A-Za-z0-9][A-Za-z0-9_.-]{0,95})"
            + "(@(?<rev>[A-Za-z0-9][A-Za-z0-9_./-]{0,95}))?$",
        RegexOptions.CultureInvariant
    )]
    private static partial Regex Name();
}
