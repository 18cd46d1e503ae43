using System.Diagnostics;
using Retouch.Studio.World;
using Retouch.UseCases;

namespace Retouch.Studio.Editing;

/// <summary>
/// One mistake on the bench: the edits at all places between "only this" and "everything like it", made one after the
/// other, and what each does. Safe for several threads. Owns the edits.
/// </summary>
public sealed class EditBoard : IDisposable
{
    readonly StudioWorld _world;
    readonly LiveModel _live;
    readonly CancellationTokenSource _stop = new();
    readonly BoardPoint?[] _points;
    readonly Lock _gate = new();
    LiveSubject? _subject;
    Task _work = Task.CompletedTask;
    bool _disposed;

    /// <summary>Lays a mistake on the bench; nothing is computed yet.</summary>
    /// <param name="world">The model and the images.</param>
    /// <param name="image">The image.</param>
    /// <param name="label">The class that it should have.</param>
    public EditBoard(StudioWorld world, StudioImage image, int label)
    {
        (_world, Image, Label) = (world, image, label);
        _live = world.Live ?? throw new InvalidOperationException("The model is not open yet.");
        _points = new BoardPoint?[_live.Places.Count];
        IsEarly = world.Doing is not null;
    }

    /// <summary>The image.</summary>
    public StudioImage Image { get; }

    /// <summary>The class that it should have.</summary>
    public int Label { get; }

    /// <summary>The places, the most local first.</summary>
    public IReadOnlyList<LivePlace> Places => _live.Places;

    /// <summary>What is known at each place; null where it is not computed yet.</summary>
    public IReadOnlyList<BoardPoint?> Points
    {
        get
        {
            lock (_gate)
                return [.. _points];
        }
    }

    /// <summary>What the unedited model says, the likeliest first; empty until it is read.</summary>
    public IReadOnlyList<ClassProbability> Before { get; private set; } = [];

    /// <summary>The place that is looked at.</summary>
    public int Place { get; set; }

    /// <summary>Whether images were still being read when it was begun: then it does not speak of all.</summary>
    public bool IsEarly { get; }

    /// <summary>Whether everything is computed.</summary>
    public bool IsDone { get; private set; }

    /// <summary>Why it cannot be edited; null where it can.</summary>
    public string? Problem { get; private set; }

    /// <summary>Told when a place is computed, on any thread.</summary>
    public event Action? Changed;

    /// <summary>Why the edit at a place cannot be accepted; null where it can, or is not made yet.</summary>
    /// <param name="right">Whether the edit at each place makes the image right; null where it is not made yet.</param>
    /// <param name="place">The place.</param>
    public static string? WhyNot(IReadOnlyList<bool?> right, int place)
    {
        if (right[place] != false)
            return null;
        if (right.All(r => r == false))
            return "No place makes this image right, so there is nothing to accept: see whether it should be another "
                + "class, or correct it together with others like it.";
        return "The edit at this place does not make the image right, so there is nothing to accept: "
            + (right.Contains(true) ? "others do, move the slider." : "the others are being tried.");
    }

    /// <summary>Begins to compute, once.</summary>
    public void Start()
    {
        lock (_gate)
            if (_work == Task.CompletedTask && !_disposed)
                _work = Task.Run(Compute);
    }

    /// <summary>Waits until everything is computed.</summary>
    public Task Finished => _work;

    /// <summary>Which hidden units an edit goes by; none once the board is gone.</summary>
    /// <param name="point">One of <see cref="Points"/>.</param>
    public IReadOnlyList<LiveUnit> Units(BoardPoint point)
    {
        lock (_gate)
            return _disposed || _subject is null ? [] : _live.Units(_subject, point.Edit);
    }

    /// <summary>Stops and frees the edits.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_disposed)
                return;
            _disposed = true;
        }
        _stop.Cancel();
        _work.ContinueWith(_ =>
        {
            foreach (BoardPoint? point in _points)
                point?.Dispose();
            _subject?.Dispose();
            _stop.Dispose();
        });
    }

    void Compute()
    {
        try
        {
            LiveSubject subject = _subject = _live.Subject(Image.Path);
            Before = _live.Likeliest(subject.Image, null, 5)[0];
            Changed?.Invoke();
            // What is looked at first, and then what lies about it.
            int[] order = [.. Enumerable.Range(0, Places.Count).OrderBy(p => Math.Abs(p - Place)).ThenBy(p => p)];
            foreach (int place in order)
            {
                _stop.Token.ThrowIfCancellationRequested();
                BoardPoint point = At(Places[place], subject);
                lock (_gate)
                    _points[place] = point;
                Changed?.Invoke();
            }
            IsDone = true;
        }
        catch (OperationCanceledException) { }
        catch (BadInputException e)
        {
            Problem = e.Message;
        }
        // Rather than to look as if it were still being tried.
        catch (Exception e)
        {
            Problem = $"This image cannot be edited: {e.GetType().Name}, {SystemMessage.FirstLine(e)}";
        }
        finally
        {
            Changed?.Invoke();
        }
    }

    BoardPoint At(LivePlace place, LiveSubject subject)
    {
        Stopwatch clock = Stopwatch.StartNew();
        LiveEdit edit = _live.Edit(subject, Label, place, _stop.Token);
        double milliseconds = clock.Elapsed.TotalMilliseconds;
        Effect effect = Effect.Of(
            _world,
            edit.Patch.Change,
            new HashSet<int> { Image.Id },
            new HashSet<int> { Label },
            _stop.Token
        );
        return new BoardPoint(edit, effect, milliseconds, clock.Elapsed.TotalMilliseconds);
    }
}
