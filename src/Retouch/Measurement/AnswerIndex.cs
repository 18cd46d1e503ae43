using System.Security.Cryptography;
using System.Text;
using Retouch.Data;
using Retouch.Formats;
using Retouch.Images;
using Retouch.Vit;

namespace Retouch.Measurement;

/// <summary>
/// What models said of images, in a folder: nothing is asked twice. An answer is kept by the SHA-256 of the image's
/// bytes, under what names the model's weights and how images become its pixels; so an image that was moved, renamed or
/// merely touched is known, and one that was changed, or another model, is asked about. Files only grow, and every
/// answer is in them at once: whoever was interrupted, or killed, goes on there, and new images are added to those that
/// are known. One process has a folder open. Safe for several threads.
/// </summary>
public sealed class AnswerIndex : IDisposable
{
    const string About = "model.json";

    static readonly TimeSpan BetweenFlushes = TimeSpan.FromSeconds(1);

    readonly WriterLock _writer;
    readonly Dictionary<string, ModelAnswers> _models = [];
    readonly Lock _gate = new();
    long _flushed = Environment.TickCount64;

    AnswerIndex(string folder, WriterLock writer)
    {
        (Folder, _writer) = (folder, writer);
        Hashes = new ContentHashes(Path.Combine(folder, "hashes.bin"));
    }

    /// <summary>The folder.</summary>
    public string Folder { get; }

    /// <summary>The hashes of files, by what tells whether they were changed.</summary>
    internal ContentHashes Hashes { get; }

    /// <summary>Opens an index, or makes one.</summary>
    /// <param name="folder">The folder, which is made where it lacks.</param>
    /// <param name="verb">What opens it, such as <c>check</c>: who comes second is told.</param>
    /// <exception cref="BadInputException">
    /// Another process has it open, which is named; it holds other files, or cannot be written.
    /// </exception>
    public static AnswerIndex Open(string folder, string verb)
    {
        try
        {
            Directory.CreateDirectory(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw BadInput.Inaccessible(folder, $"{folder} cannot be made: {SystemMessage.Of(e)}.", cause: e);
        }
        WriterLock writer = WriterLock.Take(folder, verb);
        try
        {
            return new AnswerIndex(folder, writer);
        }
        catch
        {
            writer.Dispose();
            throw;
        }
    }

    /// <summary>What names a model and a way to make pixels of images: the folder of what it said.</summary>
    /// <param name="model">The model.</param>
    /// <param name="preprocessing">How images become its pixels.</param>
    internal static string Identity(VitModel model, Preprocessing preprocessing) =>
        Convert.ToHexStringLower(
            SHA256.HashData(Encoding.UTF8.GetBytes($"2|{model.Fingerprint}|{preprocessing.ToJson()}"))
        )[..24];

    /// <summary>What a model said.</summary>
    /// <param name="model">The model.</param>
    /// <param name="preprocessing">How images become its pixels.</param>
    /// <exception cref="BadInputException">A file is another, or cannot be read or written.</exception>
    internal ModelAnswers Of(VitModel model, Preprocessing preprocessing)
    {
        string identity = Identity(model, preprocessing);
        lock (_gate)
        {
            if (!_models.TryGetValue(identity, out ModelAnswers? answers))
            {
                string folder = Path.Combine(Folder, identity);
                string about = Path.Combine(folder, About);
                try
                {
                    Directory.CreateDirectory(folder);
                    if (!File.Exists(about))
                        File.WriteAllText(
                            about,
                            $"{{\"model\":\"{model.Fingerprint}\",\"preprocessing\":{preprocessing.ToJson()}}}\n"
                        );
                }
                catch (Exception e) when (e is IOException or UnauthorizedAccessException)
                {
                    throw BadInput.Inaccessible(
                        folder,
                        $"{folder} cannot be written: {SystemMessage.Of(e)}.",
                        cause: e
                    );
                }
                _models[identity] = answers = new ModelAnswers(
                    Path.Combine(folder, "answers.bin"),
                    model.Config.Classes
                );
            }
            return answers;
        }
    }

    /// <summary>The SHA-256 of an image's bytes in lower-case hexadecimal.</summary>
    /// <exception cref="BadInputException">It cannot be read.</exception>
    internal string HashOf(string path) =>
        Hashes.Of(path, out _) is byte[] hash ? Convert.ToHexStringLower(hash) : ImageRoots.Hash(path);

    /// <summary>What was known of the models that were asked, and what was added, in words; null of none.</summary>
    public string? Summary
    {
        get
        {
            lock (_gate)
            {
                if (_models.Count == 0)
                    return null;
                int were = _models.Values.Sum(m => m.WereThere);
                int are = _models.Values.Sum(m => m.Count);
                return were == 0
                    ? $"{Folder} knew nothing of what this model says; {are} answers were added"
                    : $"{Folder} knew {were} answers of this model; {are - were} were added";
            }
        }
    }

    /// <summary>Brings to the disk, now and then, what a machine that fails would lose.</summary>
    internal void Flush(bool now = false)
    {
        if (!now && Environment.TickCount64 - _flushed < BetweenFlushes.TotalMilliseconds)
            return;
        lock (_gate)
        {
            foreach (ModelAnswers answers in _models.Values)
                answers.Flush();
            Hashes.Flush();
            _flushed = Environment.TickCount64;
        }
    }

    /// <summary>Lets others open it.</summary>
    public void Dispose()
    {
        foreach (ModelAnswers answers in _models.Values)
            answers.Dispose();
        Hashes.Dispose();
        _writer.Dispose();
    }
}
