using Retouch.Formats;

namespace Retouch.Cli;

/// <summary>
/// Turns what a user calls a model by into a file or folder: a path as it is, a name of the hub by way of the cache.
/// </summary>
static class ModelSource
{
    /// <summary>The path of a model, which is downloaded where the cache does not have it.</summary>
    public static string Resolve(string name, Terminal terminal)
    {
        if (File.Exists(name) || Directory.Exists(name) || HubReference.Parse(name) is not HubReference reference)
            return name;
        using ModelHub hub = new();
        return hub.Find(reference) ?? Pull(hub, reference, terminal);
    }

    /// <summary>Downloads a model with a progress bar.</summary>
    public static string Pull(ModelHub hub, HubReference reference, Terminal terminal)
    {
        try
        {
            // One bar for all files: their sizes are known one after the other.
            return terminal.Progress(
                $"downloading {reference}",
                1,
                report =>
                {
                    Told<HubProgress> told = new(p =>
                        report(
                            p.Total is > 0 and long total ? Math.Min((double)p.Done / total, 0.999) : 0,
                            $"{p.File}, {p.Done / 1048576.0:0.0} "
                                + $"MiB{(p.Total is long t ? $" of {t / 1048576.0:0.0}" : "")}"
                        )
                    );
                    return hub.PullAsync(reference, told, terminal.Cancellation).GetAwaiter().GetResult();
                }
            );
        }
        catch (OperationCanceledException e)
        {
            throw new OperationCanceledException(
                "interrupted; what was downloaded is kept, and the same command goes on from there.",
                e
            );
        }
    }
}
