using Retouch.UseCases;

namespace Retouch.Tests.UseCases;

/// <summary>Writes down what a use case tells, in its order.</summary>
sealed class Recorder : IUseCaseEvents
{
    readonly List<string> _told = [];

    /// <summary>
    /// Everything told, a line each: <c>note: …</c>, <c>warning: …</c>, <c>detail: …</c>, <c>step: …</c>.
    /// </summary>
    public IReadOnlyList<string> Told => _told;

    /// <summary>Called with a step's name and the units that are done.</summary>
    public Action<string, double>? OnProgress { get; init; }

    public void Note(string text) => _told.Add($"note: {text}");

    public void Warn(string text) => _told.Add($"warning: {text}");

    public void Detail(string text) => _told.Add($"detail: {text}");

    public T Progress<T>(string what, double total, Func<Action<double, string?>, T> work)
    {
        _told.Add($"step: {what}");
        return work((done, _) => OnProgress?.Invoke(what, done));
    }
}
