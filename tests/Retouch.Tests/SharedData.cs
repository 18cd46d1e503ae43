namespace Retouch.Tests;

/// <summary>
/// Finds the folder of models, photos and golden files that tests compare with. It is no part of the repository.
/// </summary>
public static class SharedData
{
    /// <summary>The folder, or null where this machine has none.</summary>
    public static string? Root { get; } = Find();

    /// <summary>The path of a file or folder in it; skips the running test where the folder is absent.</summary>
    public static string Require(params string[] parts)
    {
        if (Root is null)
        {
            Assert.Skip("needs the shared data folder, which is absent here; set RETOUCH_SHARED to it");
        }
        return Path.Combine([Root, .. parts]);
    }

    static string? Find()
    {
        if (Environment.GetEnvironmentVariable("RETOUCH_SHARED") is { Length: > 0 } set)
        {
            return Directory.Exists(set)
                ? set
                : throw new BadInputException($"RETOUCH_SHARED names {set}, where there is no folder.");
        }
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            // A parent's child is also its child's sibling, so one check per ancestor covers both.
            string candidate = Path.Combine(folder.FullName, "shared");
            if (Directory.Exists(Path.Combine(candidate, "golden")))
            {
                return candidate;
            }
        }
        return null;
    }
}
