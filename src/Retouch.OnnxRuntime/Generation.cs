using Microsoft.ML.OnnxRuntime;

namespace Retouch.OnnxRuntime;

/// <summary>A session between two exchanges. It is freed once it is retired and its last user has left.</summary>
sealed class Generation(InferenceSession session)
{
    // The users, and one more until it is retired.
    int _users = 1;
    volatile bool _retired;

    public InferenceSession Session => session;

    public bool IsRetired => _retired;

    /// <summary>Becomes a user, unless it is freed already.</summary>
    public bool TryEnter()
    {
        for (int users = Volatile.Read(ref _users); users > 0 && !_retired; )
        {
            int seen = Interlocked.CompareExchange(ref _users, users + 1, users);
            if (seen == users)
                return true;
            users = seen;
        }
        return false;
    }

    public void Leave()
    {
        if (Interlocked.Decrement(ref _users) == 0)
            session.Dispose();
    }

    /// <summary>Takes no further users; once.</summary>
    public void Retire()
    {
        _retired = true;
        Leave();
    }
}
