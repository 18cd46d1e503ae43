using System.Text;

namespace Retouch.Formats;

/// <summary>Opens files that a user named, with a sentence for everything that keeps them shut.</summary>
static class InputFile
{
    /// <summary>Opens a regular file for reading.</summary>
    /// <exception cref="BadInputException">It is missing, a directory, a device, or may not be read.</exception>
    public static FileStream Open(string path) => TryOpen(path, out BadInputException? refusal) ?? throw refusal!;

    /// <summary>The same; null where it cannot be opened.</summary>
    /// <param name="path">The file.</param>
    /// <param name="refusal">Why it cannot.</param>
    static FileStream? TryOpen(string path, out BadInputException? refusal)
    {
        refusal =
            string.IsNullOrWhiteSpace(path) || path.Contains('\0')
                ? BadInput.Missing(null, "The name of the file to read is empty or not a file name; give another.")
            : Directory.Exists(path) ? BadInput.Mismatch(path, $"{path} is a directory; give a file inside it.")
            : !File.Exists(path) ? BadInput.Missing(path, $"There is no file {path}; check the name.")
            : null;
        if (refusal is not null)
            return null;
        try
        {
            FileStream stream = new(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
            if (stream.CanSeek)
                return stream;
            stream.Dispose();
            refusal = BadInput.Mismatch(path, $"{path} is a pipe or a device; give an ordinary file.");
        }
        catch (UnauthorizedAccessException e)
        {
            refusal = BadInput.Inaccessible(path, $"There is no permission to read {path}.", cause: e);
        }
        catch (IOException e)
        {
            refusal = BadInput.Inaccessible(path, $"{path} cannot be read: {SystemMessage.Of(e)}.", cause: e);
        }
        return null;
    }

    /// <summary>The UTF-8 text of a JSON file, without a byte order mark.</summary>
    /// <exception cref="BadInputException">
    /// It cannot be read, or is larger than <paramref name="maxBytes"/>.
    /// </exception>
    public static ReadOnlyMemory<byte> ReadJson(string path, int maxBytes) =>
        TryReadJson(path, maxBytes, out BadInputException? refusal) ?? throw refusal!;

    /// <summary>The same; null where it cannot be read.</summary>
    /// <param name="path">The file.</param>
    /// <param name="maxBytes">The largest that is read.</param>
    /// <param name="refusal">Why it cannot.</param>
    public static ReadOnlyMemory<byte>? TryReadJson(string path, int maxBytes, out BadInputException? refusal)
    {
        if (TryReadBytes(path, maxBytes, out refusal) is not byte[] bytes)
            return null;
        return bytes switch
        {
            [0xEF, 0xBB, 0xBF, ..] => bytes.AsMemory(3),
            // As Windows' editors call "Unicode".
            [0xFF, 0xFE, ..] => Encoding.UTF8.GetBytes(Encoding.Unicode.GetString(bytes.AsSpan(2))),
            [0xFE, 0xFF, ..] => Encoding.UTF8.GetBytes(Encoding.BigEndianUnicode.GetString(bytes.AsSpan(2))),
            _ => bytes,
        };
    }

    /// <summary>The bytes of a small file.</summary>
    /// <exception cref="BadInputException">
    /// It cannot be read, or is larger than <paramref name="maxBytes"/>.
    /// </exception>
    public static byte[] ReadBytes(string path, int maxBytes) =>
        TryReadBytes(path, maxBytes, out BadInputException? refusal) ?? throw refusal!;

    static byte[]? TryReadBytes(string path, int maxBytes, out BadInputException? refusal)
    {
        using FileStream? stream = TryOpen(path, out refusal);
        if (stream is null)
            return null;
        if (stream.Length > maxBytes)
        {
            refusal = TooLong(path, stream.Length, maxBytes);
            return null;
        }
        byte[] bytes = new byte[stream.Length];
        try
        {
            stream.ReadExactly(bytes);
            return bytes;
        }
        catch (IOException e)
        {
            refusal = BadInput.Inaccessible(path, $"{path} cannot be read: {SystemMessage.Of(e)}.", cause: e);
            return null;
        }
    }

    /// <summary>The text of a small file.</summary>
    /// <exception cref="BadInputException">
    /// It cannot be read, or is larger than <paramref name="maxBytes"/>.
    /// </exception>
    public static string ReadText(string path, int maxBytes = 1 << 20)
    {
        using FileStream stream = Open(path);
        if (stream.Length > maxBytes)
            throw TooLong(path, stream.Length, maxBytes);
        using StreamReader reader = new(stream);
        return reader.ReadToEnd();
    }

    static BadInputException TooLong(string path, long length, int most) =>
        BadInput.TooLarge(
            path,
            $"{path} has {length} bytes, where at most {most} are expected; it is not the file that was meant."
        );
}
