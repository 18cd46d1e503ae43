namespace Retouch.Formats;

/// <summary>
/// A lock between processes: an open file that no other may open. On Unix it is the lock (flock) that Python's filelock
/// takes, so that both see each other.
/// </summary>
static class FileLock
{
    static readonly TimeSpan Between = TimeSpan.FromMilliseconds(100);

    /// <summary>Waits until the lock is free and takes it; disposing it sets it free.</summary>
    public static async Task<IDisposable> TakeAsync(string path, CancellationToken cancellation)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        while (true)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException)
            {
                await Task.Delay(Between, cancellation).ConfigureAwait(false);
            }
        }
    }
}
