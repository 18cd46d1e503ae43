namespace Retouch.UseCases;

/// <summary>
/// Whoever watches a use case, told at once, on the thread that works, in the order in which things are done.
/// </summary>
public interface IUseCaseEvents
{
    /// <summary>Something that the user should know beside the result.</summary>
    /// <param name="text">One sentence or line, which may hold names that files gave.</param>
    void Note(string text);

    /// <summary>The same with what can be done.</summary>
    /// <param name="text">One clause without a full stop.</param>
    /// <param name="remedy">What can be done.</param>
    void Note(string text, Remedy remedy) => Note(text);

    /// <summary>The same of what may be otherwise than the user thinks, or was left out.</summary>
    /// <param name="text">What it is.</param>
    void Warn(string text);

    /// <summary>The same with what can be done.</summary>
    /// <param name="text">One clause without a full stop.</param>
    /// <param name="remedy">What can be done.</param>
    void Warn(string text, Remedy remedy) => Warn(text);

    /// <summary>What was left out while the rest goes on.</summary>
    /// <param name="what">What was done with it, such as <c>skipped</c>.</param>
    /// <param name="problem">Why.</param>
    void Warn(string what, Problem problem) => Warn($"{what}, {problem.Message}");

    /// <summary>A detail, for those who want to know how it was done.</summary>
    /// <param name="text">What it is.</param>
    void Detail(string text);

    /// <summary>Runs a long step, whose progress may be shown.</summary>
    /// <param name="what">What is being done, such as <c>editing</c>.</param>
    /// <param name="total">The number of units of work.</param>
    /// <param name="work">Gets a function that takes the units done so far and what to say of them; run once.</param>
    /// <returns>What the work returned.</returns>
    T Progress<T>(string what, double total, Func<Action<double, string?>, T> work);
}
