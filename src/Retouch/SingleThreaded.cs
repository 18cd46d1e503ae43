using System.Runtime.ExceptionServices;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch;

/// <summary>Runs independent pieces of work at a time, each on one thread of libtorch.</summary>
static class SingleThreaded
{
    // Pieces of work after which what waits for its finalizer is let go.
    const int Drain = 64;

    static readonly Lock Turn = new();

    // MKL's vector functions set themselves up at the first call of a process. What another thread calls meanwhile
    // is answered in their lowest accuracy: once in some hundred runs an exp was wrong from the fourth digit on.
    static SingleThreaded()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor x = full(64, 0.5);
        foreach (Func<Tensor> function in (Func<Tensor>[])[x.exp, x.log, x.sqrt, x.tanh, x.erf, x.sin, x.cos])
            function();
    }

    /// <summary>Calls <paramref name="work"/> for 0 to <paramref name="count"/> − 1, in this order where one ends before another begins.</summary>
    /// <exception cref="OperationCanceledException">The work was cancelled.</exception>
    public static void Run(int workers, int count, Action<int> work, CancellationToken cancellation)
    {
        int threads = get_num_threads();
        try
        {
            if (workers <= 1 || count <= 1)
            {
                InThreads(1, 0, count, work, cancellation);
                return;
            }
            // One at a time in a process: the pause holds for all of it.
            lock (Turn)
            {
                for (int first = 0; first < count; first += Drain)
                {
                    using FinalizerPause pause = new();
                    InThreads(Math.Min(workers, count), first, Math.Min(first + Drain, count), work, cancellation);
                }
            }
        }
        finally
        {
            set_num_threads(threads);
        }
    }

    // Threads of our own: the number of libtorch's threads sticks to a thread, and those of the pool are everybody's.
    static void InThreads(int workers, int first, int end, Action<int> work, CancellationToken cancellation)
    {
        int next = first - 1;
        Exception? failure = null;
        Thread[] running = [.. Enumerable.Range(0, workers).Select(_ => new Thread(Work))];
        foreach (Thread thread in running)
            thread.Start();
        foreach (Thread thread in running)
            thread.Join();
        if (failure is not null)
            ExceptionDispatchInfo.Throw(failure);

        void Work()
        {
            try
            {
                set_num_threads(1);
                for (int i = Interlocked.Increment(ref next); i < end && Volatile.Read(ref failure) is null; i = Interlocked.Increment(ref next))
                {
                    cancellation.ThrowIfCancellationRequested();
                    work(i);
                }
            }
            catch (Exception e)
            {
                Interlocked.CompareExchange(ref failure, e, null);
            }
        }
    }
}
