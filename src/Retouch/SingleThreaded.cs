using System.Runtime.ExceptionServices;
using static TorchSharp.torch;

namespace Retouch;

/// <summary>Runs independent pieces of work at a time, each on one thread of libtorch.</summary>
static class SingleThreaded
{
    /// <summary>Calls <paramref name="work"/> for 0 to <paramref name="count"/> − 1, in this order where one ends before another begins.</summary>
    /// <exception cref="OperationCanceledException">The work was cancelled.</exception>
    public static void Run(int workers, int count, Action<int> work, CancellationToken cancellation)
    {
        // Threads of our own: the number of libtorch's threads sticks to a thread, and those of the pool are everybody's.
        int threads = get_num_threads(), next = -1;
        Exception? failure = null;
        Thread[] running = [.. Enumerable.Range(0, Math.Clamp(workers, 1, Math.Max(count, 1))).Select(_ => new Thread(Work))];
        foreach (Thread thread in running)
            thread.Start();
        foreach (Thread thread in running)
            thread.Join();
        set_num_threads(threads);
        if (failure is not null)
            ExceptionDispatchInfo.Throw(failure);

        void Work()
        {
            try
            {
                set_num_threads(1);
                for (int i = Interlocked.Increment(ref next); i < count && Volatile.Read(ref failure) is null; i = Interlocked.Increment(ref next))
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
