using System.Text.Json;
using System.Text.RegularExpressions;

namespace Retouch.Tests.Formats;

/// <summary>
/// What timm, transformers and torchvision build and take: libraries.json, which tools/check-exports.py wrote.
/// </summary>
static class LibraryData
{
    static readonly JsonElement s_root = JsonDocument
        .Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Formats", "libraries.json")))
        .RootElement;

    /// <summary>The arguments or fields that a library has for something.</summary>
    public static string[] Known(string library, string what) =>
        Texts(s_root.GetProperty(library).GetProperty("known").GetProperty(what));

    /// <summary>The epsilon of an architecture's norms.</summary>
    public static double Epsilon(string library, string architecture) =>
        s_root.GetProperty(library).GetProperty("epsilon").GetProperty(architecture).GetDouble();

    /// <summary>
    /// The tensors of the model that a library builds from a case's folder, in ordinal order, with {i} for the block.
    /// </summary>
    public static string[] Tensors(string library, string name)
    {
        JsonElement root = s_root.GetProperty(library);
        IEnumerable<string> Of(string kind) =>
            root.GetProperty(kind).TryGetProperty(name, out JsonElement list) ? Texts(list) : [];
        return
        [
            .. Texts(root.GetProperty("plain")).Except(Of("less")).Concat(Of("more")).Order(StringComparer.Ordinal),
        ];
    }

    /// <summary>How many positions that model has.</summary>
    public static long Positions(string library, string name) =>
        s_root.GetProperty(library).GetProperty("positions").GetProperty(name).GetInt64();

    /// <summary>A tensor's name with {i} for the block.</summary>
    public static string General(string name) => new Regex(@"(?<=[._])\d+(?=\.)").Replace(name, "{i}", 1);

    static string[] Texts(JsonElement list) => [.. list.EnumerateArray().Select(e => e.GetString()!)];
}
