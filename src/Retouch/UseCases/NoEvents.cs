namespace Retouch.UseCases;

/// <summary>Nobody watches.</summary>
public sealed class NoEvents : IUseCaseEvents
{
    NoEvents() { }

    /// <summary>The only one.</summary>
    public static NoEvents Instance { get; } = new();

    /// <inheritdoc/>
    public void Note(string text) { }

    /// <inheritdoc/>
    public void Warn(string text) { }

    /// <inheritdoc/>
    public void Detail(string text) { }

    /// <inheritdoc/>
    public T Progress<T>(string what, double total, Func<Action<double, string?>, T> work) => work((_, _) => { });
}
