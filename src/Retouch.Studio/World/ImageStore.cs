using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Retouch.UseCases;

namespace Retouch.Studio.World;

/// <summary>
/// What was read of images, kept in two files that only grow: a line of JSON and a row of floats an image. What was
/// written when a process ended in the middle is cut off at the next start.
/// </summary>
sealed class ImageStore : IDisposable
{
    readonly FileStream _lines;
    readonly FileStream _tokens;
    readonly int _width;

    // By a hash: the files' names are many, and long.
    readonly Dictionary<UInt128, (LiveAnswer Answer, int Row)> _known = [];

    /// <summary>Opens it in a folder.</summary>
    /// <param name="folder">The folder, which is made where it lacks.</param>
    /// <param name="width">The width of a token.</param>
    /// <exception cref="BadInputException">Another process has it open, or the folder cannot be written.</exception>
    public ImageStore(string folder, int width)
    {
        _width = width;
        try
        {
            Directory.CreateDirectory(folder);
            _lines = Open(Path.Combine(folder, "images.jsonl"));
            _tokens = Open(Path.Combine(folder, "tokens.f32"));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _lines?.Dispose();
            throw new BadInputException(
                $"{folder} cannot be used: another studio may have it open. Close that, or name another folder with "
                    + "--work."
            );
        }
        Load();

        static FileStream Open(string path) =>
            new(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1 << 16);
    }

    int RowBytes => _width * sizeof(float);

    /// <summary>What is known of a file as it is now.</summary>
    public (LiveAnswer Answer, float[] Token)? Find(string path)
    {
        if (!_known.TryGetValue(Hash(AnswerLine.KeyOf(path)), out var known))
            return null;
        float[] token = new float[_width];
        lock (_tokens)
        {
            _tokens.Position = (long)known.Row * RowBytes;
            _tokens.ReadExactly(MemoryMarshal.AsBytes(token.AsSpan()));
        }
        return (known.Answer, token);
    }

    /// <summary>Keeps what was read of a file.</summary>
    public void Add(string path, LiveAnswer answer, ReadOnlySpan<float> token)
    {
        string key = AnswerLine.KeyOf(path);
        lock (_tokens)
        {
            int row = (int)(_tokens.Length / RowBytes);
            _tokens.Position = _tokens.Length;
            _tokens.Write(MemoryMarshal.AsBytes(token));
            _lines.Position = _lines.Length;
            _lines.Write(Encoding.UTF8.GetBytes(AnswerLine.Text(key, answer)));
            _known[Hash(key)] = (answer, row);
        }
    }

    /// <summary>Sees to it that a process that ends now loses nothing.</summary>
    public void Flush()
    {
        lock (_tokens)
        {
            _tokens.Flush();
            _lines.Flush();
        }
    }

    public void Dispose()
    {
        _lines.Dispose();
        _tokens.Dispose();
    }

    void Load()
    {
        long rows = _tokens.Length / RowBytes;
        long good = 0;
        int row = 0;
        using StreamReader reader = new(_lines, leaveOpen: true);
        foreach (string text in Lines(reader))
        {
            if (row >= rows || AnswerLine.Parse(text) is not AnswerLine line)
                break;
            _known[Hash(line.Key)] = (line.Answer(), row);
            row++;
            good += Encoding.UTF8.GetByteCount(text) + 1;
        }
        _lines.SetLength(good);
        _tokens.SetLength((long)row * RowBytes);
    }

    static IEnumerable<string> Lines(StreamReader reader)
    {
        while (reader.ReadLine() is string line)
            yield return line;
    }

    static UInt128 Hash(string key) =>
        BinaryPrimitives.ReadUInt128LittleEndian(SHA256.HashData(Encoding.UTF8.GetBytes(key)));
}
