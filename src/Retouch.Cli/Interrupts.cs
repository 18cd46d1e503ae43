using System.Runtime.InteropServices;

namespace Retouch.Cli;

/// <summary>Turns the signals that ask a process to end into a cancellation, until it is disposed.</summary>
sealed class Interrupts : IDisposable
{
    // Ctrl-C, kill, a terminal or connection that was closed, and Ctrl-\; nohup's processes never get the third.
    static readonly PosixSignal[] Signals =
    [
        PosixSignal.SIGINT,
        PosixSignal.SIGTERM,
        PosixSignal.SIGHUP,
        PosixSignal.SIGQUIT,
    ];

    readonly CancellationTokenSource _source = new();
    readonly PosixSignalRegistration[] _registrations;

    public Interrupts() => _registrations = [.. Signals.Select(s => PosixSignalRegistration.Create(s, Stop))];

    /// <summary>Cancelled by the first signal.</summary>
    public CancellationToken Token => _source.Token;

    public void Dispose()
    {
        foreach (PosixSignalRegistration registration in _registrations)
            registration.Dispose();
        _source.Dispose();
    }

    void Stop(PosixSignalContext context)
    {
        // The verb ends by itself, with what it keeps whole.
        context.Cancel = true;
        try
        {
            _source.Cancel();
        }
        // It was done at this very moment.
        catch (ObjectDisposedException) { }
    }
}
