using Retouch.Data;
using Retouch.Formats;
using Retouch.Studio;

namespace Retouch.Tests.Studio;

/// <summary>A studio on the letters, with a ledger and a folder of its own. Owns all of it.</summary>
sealed class StudioLetters : IAsyncDisposable
{
    readonly ModelFile _file;
    readonly ModelFile? _against;

    StudioLetters(ModelFile file, ModelFile? against, StudioServer server, string folder) =>
        (_file, _against, Server, Folder) = (file, against, server, folder);

    public StudioServer Server { get; }

    public string Folder { get; }

    public string Ledger => Path.Combine(Folder, "letters.ledger");

    /// <summary>Starts one; with a folder that an earlier one left, it goes on there.</summary>
    public static Task<StudioLetters> StartAsync(LettersWorld letters, string folder, params string[] subsets) =>
        StartAsync(letters, folder, null, subsets);

    /// <summary>The same with another model to compare with.</summary>
    public static Task<StudioLetters> StartAsync(
        LettersWorld letters,
        string folder,
        string? against,
        string[] subsets
    ) => StartAsync(letters, folder, [.. subsets.Select(letters.Images)], against);

    /// <summary>The same on images that lie elsewhere.</summary>
    public static Task<StudioLetters> StartOnAsync(LettersWorld letters, string folder, params string[] images) =>
        StartAsync(letters, folder, images, null);

    static async Task<StudioLetters> StartAsync(
        LettersWorld letters,
        string folder,
        IReadOnlyList<string> images,
        string? against
    )
    {
        ModelFile? other = against is null ? null : ModelFile.Load(against);
        ModelFile file = ModelFile.Load(letters.Model);
        LabelSet labels = LabelSet.Load(letters.Labels);
        Directory.CreateDirectory(folder);
        string ledger = Path.Combine(folder, "letters.ledger");
        if (!File.Exists(ledger))
            Retouch.Patches.Ledger.Begin(ledger, file.Model, "tests", "as it comes", DateTimeOffset.UnixEpoch);
        StudioServer server = await StudioServer.StartAsync(
            new StudioOptions
            {
                Model = file,
                Labels = labels,
                LabelFile = letters.Labels,
                Images = images,
                Locality = ImageFolder.Open(letters.Images("locality")),
                Classes = new ClassFolders(labels),
                Ledger = ledger,
                Against = other,
                WorkFolder = Path.Combine(folder, "work"),
                Author = "tests",
            }
        );
        return new StudioLetters(file, other, server, folder);
    }

    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        _file.Dispose();
        _against?.Dispose();
    }
}
