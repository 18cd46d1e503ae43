namespace Retouch.Tests.Formats;

/// <summary>Finds the golden files, which are too large for the repository.</summary>
internal static class FormatsSharedData
{
    public static string? Root { get; } = Find();

    /// <summary>The full path of a shared file or folder; skips the test where it is absent.</summary>
    public static string Require(params string[] parts)
    {
        string path = Path.Combine([Root ?? "shared", .. parts]);
        Assert.SkipUnless(File.Exists(path) || Directory.Exists(path), $"{path} is not on this machine");
        return path;
    }

    private static string? Find()
    {
        if (Environment.GetEnvironmentVariable("RETOUCH_SHARED") is { Length: > 0 } given)
            return given;
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (Path.Combine(folder.FullName, "shared") is var shared && Directory.Exists(Path.Combine(shared, "golden")))
                return shared;
        return null;
    }
}
