namespace Retouch.Benchmarks;

/// <summary>An edit on one image whose side effects are measured. Immutable.</summary>
/// <param name="Method">The method's name.</param>
/// <param name="Settings">The method's settings, its defaults.</param>
/// <param name="Group">The group's name.</param>
/// <param name="Image">The image's path.</param>
public sealed record SideEffectEdit(
    string Method,
    IReadOnlyDictionary<string, string> Settings,
    string Group,
    string Image
)
{
    /// <summary>The method and its settings in a line.</summary>
    internal string Setting => BenchSetting.Describe(Method, Settings);
}
