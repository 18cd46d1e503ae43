using System.Runtime.CompilerServices;

namespace Retouch;

/// <summary>
/// Holds back all finalizers of the process. TorchSharp hands the native pointer of a temporary scalar to
/// libtorch without keeping the scalar alive; where another thread sets off a garbage collection during that
/// call, the scalar's finalizer frees it under libtorch's hands, and a sum comes out wrong or fails ("Expected
/// false to be true"). With one thread no collection can begin during a call.
/// </summary>
sealed class FinalizerPause : IDisposable
{
    readonly ManualResetEventSlim _resume = new();

    /// <summary>Returns when no finalizer runs any more.</summary>
    public FinalizerPause()
    {
        using ManualResetEventSlim held = new();
        Abandon(held, _resume);
        while (!held.IsSet)
        {
            GC.Collect();
            held.Wait(TimeSpan.FromMilliseconds(20));
        }
    }

    /// <summary>Lets the finalizers that waited run to their end, and all later ones when they are due.</summary>
    public void Dispose()
    {
        _resume.Set();
        GC.WaitForPendingFinalizers();
        _resume.Dispose();
    }

    // A method of its own, so that no register of the caller keeps the object alive.
    [MethodImpl(MethodImplOptions.NoInlining)]
    static void Abandon(ManualResetEventSlim held, ManualResetEventSlim resume) => _ = new Plug(held, resume);

    /// <summary>An object whose finalizer does not return before it is told to, and there is one thread for all finalizers.</summary>
    sealed class Plug(ManualResetEventSlim held, ManualResetEventSlim resume)
    {
        ~Plug()
        {
            held.Set();
            resume.Wait();
        }
    }
}
