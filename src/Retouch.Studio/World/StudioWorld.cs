using System.Security.Cryptography;
using System.Text;
using Retouch.Data;
using Retouch.Formats;
using Retouch.Images;
using Retouch.Patches;
using Retouch.UseCases;

namespace Retouch.Studio.World;

/// <summary>
/// The model and the images that a studio shows. Opened in the background; what is known so far can be shown at any
/// time. Safe for several threads. Owns what it read.
/// </summary>
public sealed class StudioWorld : IDisposable
{
    const int Together = 32;
    const int Chunk = 1024;

    readonly StudioOptions _options;
    readonly CancellationTokenSource _stop = new();
    readonly Dictionary<string, string> _sources = [];
    readonly Lock _gate = new();
    readonly List<(LiveImages Images, int[] Ids)> _chunks = [];
    readonly (LiveImages Images, int Row)?[] _rows;
    IReadOnlyList<LocalityPicture> _localityImages = [];
    LiveModel? _live;
    LiveImages? _locality;
    Task _opening = Task.CompletedTask;

    /// <summary>Lists the images; nothing is read yet.</summary>
    /// <param name="options">What is to be opened.</param>
    /// <exception cref="BadInputException">A folder cannot be read.</exception>
    public StudioWorld(StudioOptions options)
    {
        _options = options with
        {
            WorkFolder = Path.GetFullPath(options.WorkFolder),
            Ledger = options.Ledger is string ledger ? Path.GetFullPath(ledger) : null,
        };
        List<StudioImage> images = [];
        // One text and one list a folder, however many images it has.
        Dictionary<string, (string Name, IReadOnlyList<int>? Accepted)> folders = [];
        foreach (string root in options.Images)
        {
            ImageFolder folder = ImageFolder.Open(root);
            _sources[folder.Root] = folder.Name;
            foreach (string file in folder.Files)
            {
                string parent = Path.GetDirectoryName(file) is { Length: > 0 } inner
                    ? Path.GetFileName(inner)
                    : folder.Name;
                if (!folders.TryGetValue(parent, out (string Name, IReadOnlyList<int>? Accepted) known))
                    folders[parent] = known = (
                        parent,
                        options.Classes.TryAccepted(parent, out IReadOnlyList<int> found, out _) ? found : null
                    );
                images.Add(new StudioImage(images.Count, file, known.Name, folder.Root, known.Accepted));
            }
        }
        Images = images;
        _rows = new (LiveImages, int)?[images.Count];
    }

    /// <summary>All images.</summary>
    public IReadOnlyList<StudioImage> Images { get; }

    /// <summary>What was given, by the images' sources, and what each is called.</summary>
    public IReadOnlyDictionary<string, string> Sources => _sources;

    /// <summary>The names of the classes.</summary>
    public LabelSet Labels => _options.Labels;

    /// <summary>The options that it was opened with.</summary>
    public StudioOptions Options => _options;

    /// <summary>The model with what edits need; null until that is there, or where it cannot be.</summary>
    public LiveModel? Live => Volatile.Read(ref _live);

    /// <summary>What is being done, in words; null when all is read.</summary>
    public string? Doing { get; private set; } = "opening";

    /// <summary>How much of that is done, in [0,1].</summary>
    public double Done { get; private set; }

    /// <summary>How many images are read.</summary>
    public int Read { get; private set; }

    /// <summary>What went wrong while it was opened; null for nothing.</summary>
    public string? Failure { get; private set; }

    /// <summary>Told now and then while images are read, on any thread.</summary>
    public event Action? Changed;

    /// <summary>Ordinary images on which edits are measured; none until they are read.</summary>
    public IReadOnlyList<LocalityPicture> LocalityImages => Volatile.Read(ref _localityImages);

    /// <summary>What the last FFN gets of them; null until they are read.</summary>
    public LiveImages? Locality => Volatile.Read(ref _locality);

    /// <summary>Begins to read.</summary>
    public void Open() => _opening = Task.Run(OpenAll);

    /// <summary>Waits until all is read.</summary>
    public Task Opened => _opening;

    /// <summary>What the last FFN gets of all images that are read, with their numbers.</summary>
    public IReadOnlyList<(LiveImages Images, int[] Ids)> Chunks
    {
        get
        {
            lock (_gate)
                return [.. _chunks];
        }
    }

    /// <summary>Where what is kept of an image lies; null until it is read.</summary>
    /// <param name="id">The image's number.</param>
    public (LiveImages Images, int Row)? RowOf(int id)
    {
        lock (_gate)
            return _rows[id];
    }

    /// <summary>The ordinary images, which something learns from.</summary>
    /// <param name="what">What does.</param>
    /// <exception cref="BadInputException">The studio was opened without any.</exception>
    internal ImageFolder RequireLocality(string what) =>
        _options.Locality
        ?? throw new BadInputException(
            $"{what} is learned from ordinary images: open the studio with --locality FOLDER."
        );

    /// <summary>The ledger as it is now.</summary>
    /// <exception cref="BadInputException">There is none, or it cannot be read.</exception>
    internal Ledger RequireLedger() =>
        _options.Ledger is string path && File.Exists(path)
            ? Ledger.Open(path)
            : throw new BadInputException("There is no ledger: open the studio with --ledger FILE.");

    /// <summary>Stops reading and frees everything.</summary>
    public void Dispose()
    {
        _stop.Cancel();
        try
        {
            _opening.Wait();
        }
        catch (AggregateException) { }
        foreach ((LiveImages images, _) in _chunks)
            images.Dispose();
        _locality?.Dispose();
        _live?.Dispose();
        _stop.Dispose();
    }

    void OpenAll()
    {
        try
        {
            Events events = new(this);
            (LiveModel live, ImageFolder? measured) = LiveModel.Open(
                _options.Model,
                Labels,
                _options.Locality,
                _options.Files,
                events,
                _stop.Token
            );
            Volatile.Write(ref _live, live);
            using ImageStore store = new(Path.Combine(_options.WorkFolder, Identity(_options.Model)), live.Width);
            if (measured is not null)
                ReadLocality(live, store, measured);
            ReadImages(live, store);
            Tell(null, 1);
        }
        catch (OperationCanceledException) { }
        catch (BadInputException e)
        {
            Failure = e.Message;
            Tell(null, 0);
        }
    }

    void ReadLocality(LiveModel live, ImageStore store, ImageFolder folder)
    {
        List<LocalityPicture> pictures = [];
        List<float> tokens = [];
        List<LiveAnswer> answers = [];
        ReadFiles(
            live,
            store,
            [.. folder.Files.Select(folder.FullPath)],
            "reading ordinary images",
            (i, answer, token) =>
            {
                pictures.Add(new LocalityPicture(pictures.Count, folder.FullPath(folder.Files[i]), folder.Files[i]));
                answers.Add(answer);
                tokens.AddRange(token);
            },
            (_, _) => { }
        );
        Volatile.Write(ref _localityImages, pictures);
        Volatile.Write(ref _locality, LiveImages.Of([.. tokens], live.Width, answers));
    }

    void ReadImages(LiveModel live, ImageStore store)
    {
        List<float> tokens = [];
        List<LiveAnswer> answers = [];
        List<int> ids = [];
        ReadFiles(
            live,
            store,
            [.. Images.Select(i => i.Path)],
            "reading images",
            (i, answer, token) =>
            {
                Images[i].Answer = answer;
                Read++;
                tokens.AddRange(token);
                answers.Add(answer);
                ids.Add(i);
                if (ids.Count == Chunk)
                    Keep();
            },
            (i, why) => Images[i].Problem = why
        );
        Keep();

        void Keep()
        {
            if (ids.Count == 0)
                return;
            LiveImages chunk = LiveImages.Of([.. tokens], live.Width, [.. answers]);
            lock (_gate)
            {
                _chunks.Add((chunk, [.. ids]));
                for (int row = 0; row < ids.Count; row++)
                    _rows[ids[row]] = (chunk, row);
            }
            tokens.Clear();
            answers.Clear();
            ids.Clear();
        }
    }

    void ReadFiles(
        LiveModel live,
        ImageStore store,
        IReadOnlyList<string> paths,
        string what,
        Action<int, LiveAnswer, float[]> take,
        Action<int, string> fail
    )
    {
        for (int first = 0; first < paths.Count; first += Together)
        {
            _stop.Token.ThrowIfCancellationRequested();
            int count = Math.Min(Together, paths.Count - first);
            (LiveAnswer Answer, float[] Token)?[] found = new (LiveAnswer, float[])?[count];
            List<int> missing = [];
            for (int i = 0; i < count; i++)
            {
                found[i] = ImageFile.Exists(paths[first + i]) ? store.Find(paths[first + i]) : null;
                if (found[i] is null)
                    missing.Add(i);
            }
            if (missing.Count > 0)
                Ask([.. missing.Select(i => paths[first + i])], missing, found);
            for (int i = 0; i < count; i++)
                if (found[i] is (LiveAnswer answer, float[] token))
                    take(first + i, answer, token);
            Tell(what, (double)(first + count) / paths.Count);

            void Ask(string[] some, List<int> places, (LiveAnswer, float[])?[] into)
            {
                (LiveImages read, IReadOnlyList<int> loaded, IReadOnlyList<(int Index, Problem Why)> failed) =
                    live.Read(some);
                using (read)
                {
                    float[] tokens = read.Tokens.data<float>().ToArray();
                    for (int i = 0; i < loaded.Count; i++)
                    {
                        float[] token = tokens[(i * live.Width)..((i + 1) * live.Width)];
                        into[places[loaded[i]]] = (read.Answers[i], token);
                        store.Add(some[loaded[i]], read.Answers[i], token);
                    }
                }
                foreach ((int index, Problem why) in failed)
                    fail(first + places[index], why.Message);
                store.Flush();
            }
        }
    }

    // What is kept of images holds for one model and one way to make pixels of them.
    internal static string Identity(ModelFile file) =>
        Convert.ToHexStringLower(
            SHA256.HashData(Encoding.UTF8.GetBytes($"1|{file.Model.Fingerprint}|{file.Preprocessing}"))
        )[..24];

    void Tell(string? doing, double done)
    {
        (Doing, Done) = (doing, done);
        Changed?.Invoke();
    }

    sealed class Events(StudioWorld world) : IUseCaseEvents
    {
        public void Note(string text) { }

        public void Warn(string text) { }

        public void Detail(string text) { }

        public T Progress<T>(string what, double total, Func<Action<double, string?>, T> work) =>
            work((done, _) => world.Tell(what, total > 0 ? done / total : 0));
    }
}
