namespace Retouch;

/// <summary>Progress told at once: <see cref="Progress{T}"/> would tell it later, on another thread.</summary>
/// <param name="tell">Takes what is told.</param>
public sealed class Told<T>(Action<T> tell) : IProgress<T>
{
    /// <summary>Tells it.</summary>
    public void Report(T value) => tell(value);
}
