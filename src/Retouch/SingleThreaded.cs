using System.Runtime.ExceptionServices;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch;

/// <summary>Runs independent pieces of work at a time, each on one thread of libtorch.</summary>
static class SingleThreaded
{
    // MKL's vector functions set themselves up at the first call of a process. What another thread calls meanwhile
    // is answered in their lowest accuracy: once in some hundred runs an exp was wrong from the fourth digit on.
    static SingleThreaded()
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor x = Filled([64], Held(0.5));
        foreach (Func<Tensor> function in (Func<Tensor>[])[x.exp, x.log, x.sqrt, x.tanh, x.erf, x.sin, x.cos])
            function();
    }

    /// <summary>
    /// Calls <paramref name="work"/> for 0 to <paramref name="count"/> − 1, in this order where one ends before another
    /// begins.
    /// </summary>
    /// <exception cref="OperationCanceledException">The work was cancelled.</exception>
    public static void Run(int workers, int count, Action<int> work, CancellationToken cancellation)
    {
        int threads = get_num_threads();
        try
        {
            InThreads(Math.Clamp(workers, 1, Math.Max(count, 1)), count, work, cancellation);
        }
        finally
        {
            set_num_threads(threads);
        }
    }

    // Threads of our own: the number of libtorch's threads sticks to a thread, and those of the pool are everybody's.
    static void InThreads(int workers, int count, Action<int> work, CancellationToken cancellation)
    {
        int next = -1;
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
                for (
                    int i = Interlocked.Increment(ref next);
                    i < count && Volatile.Read(ref failure) is null;
                    i = Interlocked.Increment(ref next)
                )
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
