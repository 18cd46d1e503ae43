using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Retouch.Kernels;

/// <summary>Work shared among libtorch's threads, as many as it would take itself.</summary>
static unsafe class Team
{
    /// <summary>How many threads <see cref="Run"/> takes at most.</summary>
    public static int Size => get_num_threads();

    /// <summary>
    /// Calls <paramref name="work"/> for each task, zero-based, with the number of the worker that does it; what a task
    /// writes must not depend on the latter.
    /// </summary>
    public static void Run(int tasks, int size, Action<int, int> work)
    {
        Job job = new(tasks, work);
        int threads = Math.Min(size, tasks);
        if (threads <= 1)
        {
            job.Work();
        }
        else
        {
            GCHandle handle = GCHandle.Alloc(job);
            try
            {
                Native.Parallel(&Enter, (void*)GCHandle.ToIntPtr(handle), threads);
            }
            finally
            {
                handle.Free();
            }
        }
        if (job.Failure is not null)
            ExceptionDispatchInfo.Throw(job.Failure);
    }

    [UnmanagedCallersOnly]
    static void Enter(void* job) => ((Job)GCHandle.FromIntPtr((nint)job).Target!).Work();

    sealed class Job(int tasks, Action<int, int> work)
    {
        int _next = -1;
        int _workers = -1;

        public Exception? Failure;

        public void Work()
        {
            int worker = Interlocked.Increment(ref _workers);
            try
            {
                for (int task = Interlocked.Increment(ref _next); task < tasks; task = Interlocked.Increment(ref _next))
                    work(task, worker);
            }
            catch (Exception e)
            {
                // No exception may pass through libtorch's frames.
                Interlocked.CompareExchange(ref Failure, e, null);
            }
            finally
            {
                if (Native.HasTiles)
                    Native.Release();
            }
        }
    }
}
