namespace Retouch.Cli;

/// <summary>Progress told at once: System.Progress would tell it later, on another thread.</summary>
sealed class Told<T>(Action<T> tell) : IProgress<T>
{
    public void Report(T value) => tell(value);
}
