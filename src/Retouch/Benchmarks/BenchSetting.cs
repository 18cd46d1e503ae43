using Retouch.Editing;

namespace Retouch.Benchmarks;

/// <summary>A method under fixed settings: one point of its curve. Immutable.</summary>
/// <param name="Editor">What edits; its results may not depend on what else is in a batch.</param>
/// <param name="Settings">
/// The settings by name, as rows and tables show them. Two settings that differ differ here.
/// </param>
public record BenchSetting(IEditor Editor, IReadOnlyDictionary<string, string> Settings)
{
    /// <summary>The name among <see cref="Settings"/> of the window of blocks, where it is not the usual one.</summary>
    public const string BlocksName = "blocks";

    /// <summary>The method and its settings in a line.</summary>
    public string Name => Describe(Editor.Name, Settings);

    /// <summary>A method and settings in a line: <c>masked-fine-tuning keep=0.05 locator=gradient</c>.</summary>
    public static string Describe(string method, IReadOnlyDictionary<string, string> settings) =>
        string.Join(
            ' ',
            settings.OrderBy(s => s.Key, StringComparer.Ordinal).Select(s => $"{s.Key}={s.Value}").Prepend(method)
        );
}
