namespace Retouch.Formats;

/// <summary>A folder that is written to.</summary>
static class OutputFolder
{
    /// <summary>Creates a folder, with those above it, where it does not exist.</summary>
    /// <exception cref="BadInputException">It cannot be created.</exception>
    public static void Create(string folder)
    {
        try
        {
            Directory.CreateDirectory(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw BadInput.Inaccessible(
                folder,
                $"The folder {folder} cannot be created: {SystemMessage.Of(e)}.",
                cause: e
            );
        }
    }
}
