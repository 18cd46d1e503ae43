using Retouch.Patches;
using Retouch.Suffix;

namespace Retouch.UseCases;

/// <summary>An image that edits are tried on, read once. Owns what was read.</summary>
public sealed class LiveSubject : IDisposable
{
    internal LiveSubject(string path, PatchImage origin, PrefixState state, LiveImages image) =>
        (Path, Origin, State, Image) = (path, origin, state, image);

    /// <summary>The image's file.</summary>
    public string Path { get; }

    /// <summary>What is kept of it: one image.</summary>
    public LiveImages Image { get; }

    internal PatchImage Origin { get; }

    internal PrefixState State { get; }

    /// <summary>Frees what was read.</summary>
    public void Dispose()
    {
        Image.Dispose();
        State.Dispose();
    }
}
