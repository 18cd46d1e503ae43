using System.Diagnostics;
using Microsoft.AspNetCore.Components;
using Retouch.Studio.World;

namespace Retouch.Studio.Components;

/// <summary>
/// A page that shows what changes meanwhile, some times a second at most, and more seldom where that takes its time.
/// </summary>
public abstract class LivePage : ComponentBase, IDisposable
{
    static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(120);

    // Of the time, a fifth at most goes into showing it anew.
    const int Rests = 4;

    TimeSpan _took;

    int _waiting;
    bool _disposed;

    /// <summary>The model and the images.</summary>
    [Inject]
    protected StudioWorld World { get; set; } = null!;

    /// <summary>The images that are selected.</summary>
    [Inject]
    protected Selection Selection { get; set; } = null!;

    /// <inheritdoc/>
    protected override void OnInitialized()
    {
        World.Changed += Soon;
        Selection.Changed += Soon;
    }

    /// <summary>Shows the page anew soon.</summary>
    protected void Soon()
    {
        if (_disposed || Interlocked.Exchange(ref _waiting, 1) == 1)
            return;
        _ = ShowAsync();

        async Task ShowAsync()
        {
            await Task.Delay(_took * Rests > s_pause ? _took * Rests : s_pause).ConfigureAwait(false);
            Volatile.Write(ref _waiting, 0);
            if (!_disposed)
                await InvokeAsync(() =>
                    {
                        if (!_disposed)
                        {
                            Stopwatch clock = Stopwatch.StartNew();
                            Refresh();
                            StateHasChanged();
                            _took = clock.Elapsed;
                        }
                    })
                    .ConfigureAwait(false);
        }
    }

    /// <summary>Works out what the page shows, before it is shown anew.</summary>
    protected virtual void Refresh() { }

    /// <inheritdoc/>
    public virtual void Dispose()
    {
        _disposed = true;
        World.Changed -= Soon;
        Selection.Changed -= Soon;
        GC.SuppressFinalize(this);
    }

    /// <summary>A class's name.</summary>
    protected string Name(int index) => World.Labels[index].Name;
}
