using Microsoft.ML.OnnxRuntime;
using Retouch.Patches;

namespace Retouch.OnnxRuntime;

/// <summary>
/// A session under a patch set that can be exchanged while requests run: those that have begun end under the old one,
/// those that begin later have the new one, and none fails or waits. Safe for use from several threads.
/// </summary>
public sealed class PatchedSession : IDisposable
{
    readonly PatchedModel _model;
    readonly Lock _swapping = new();
    Generation _current;

    PatchedSession(PatchedModel model, Generation current) => (_model, _current) = (model, current);

    /// <summary>How many times the patch set was exchanged.</summary>
    public int Swaps { get; private set; }

    /// <summary>Opens a session.</summary>
    /// <param name="model">The model; not owned, shared by all of its sessions.</param>
    /// <param name="patches">
    /// The patches, in any order; none for the model as it is. They stay the caller's and are not needed afterwards.
    /// </param>
    /// <exception cref="BadInputException">
    /// A patch belongs to another model, or a weight that it changes is not found in the file exactly once.
    /// </exception>
    public static PatchedSession Create(PatchedModel model, IReadOnlyList<Patch> patches) =>
        new(model, new Generation(model.NewSession(patches)));

    /// <summary>
    /// Exchanges the patch set. The new session is made first, beside the old one, which is freed when its last request
    /// has ended; this does not wait for that.
    /// </summary>
    /// <param name="patches">The patches, in any order; none for the model as it is. They stay the caller's.</param>
    /// <exception cref="BadInputException">As of <see cref="Create"/>; the old patch set stays then.</exception>
    /// <exception cref="ObjectDisposedException">The session was disposed.</exception>
    public void Swap(IReadOnlyList<Patch> patches)
    {
        lock (_swapping)
        {
            ObjectDisposedException.ThrowIf(_current.IsRetired, this);
            Generation next = new(_model.NewSession(patches));
            Generation before = Interlocked.Exchange(ref _current, next);
            before.Retire();
            Swaps++;
        }
    }

    /// <summary>
    /// Runs something in the runtime's session, which stays as it is until that has returned, whatever is exchanged
    /// meanwhile.
    /// </summary>
    /// <param name="run">What to run; it must not keep the session.</param>
    /// <exception cref="ObjectDisposedException">The session was disposed.</exception>
    public T Use<T>(Func<InferenceSession, T> run)
    {
        while (true)
        {
            Generation generation = Volatile.Read(ref _current);
            if (generation.TryEnter())
            {
                try
                {
                    return run(generation.Session);
                }
                finally
                {
                    generation.Leave();
                }
            }
            // It was exchanged at this very moment, or is gone.
            ObjectDisposedException.ThrowIf(ReferenceEquals(generation, Volatile.Read(ref _current)), this);
        }
    }

    /// <summary>The first output for one input of float32 numbers.</summary>
    /// <param name="input">The numbers, in row-major order.</param>
    /// <param name="shape">The input's sizes, such as 1, 3, 224, 224.</param>
    /// <returns>The numbers of the output, such as a batch's logits.</returns>
    /// <exception cref="ObjectDisposedException">The session was disposed.</exception>
    /// <exception cref="OnnxRuntimeException">The runtime refuses the input.</exception>
    public float[] Run(float[] input, params long[] shape) =>
        Use(session =>
        {
            using OrtValue value = OrtValue.CreateTensorValueFromMemory(input, shape);
            using RunOptions options = new();
            using IDisposableReadOnlyCollection<OrtValue> outputs = session.Run(
                options,
                [session.InputNames[0]],
                [value],
                [session.OutputNames[0]]
            );
            return outputs[0].GetTensorDataAsSpan<float>().ToArray();
        });

    /// <summary>Frees the session when its last request has ended; later requests are refused.</summary>
    public void Dispose()
    {
        lock (_swapping)
        {
            if (!_current.IsRetired)
                _current.Retire();
        }
    }
}
