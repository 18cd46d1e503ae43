using System.Text;

namespace Retouch.Formats;

/// <summary>Opens files that a user named, with a sentence for everything that keeps them shut.</summary>
static class InputFile
{
    /// <summary>Opens a regular file for reading.</summary>
    /// <exception cref="BadInputException">It is missing, a directory, a device, or may not be read.</exception>
    public static FileStream Open(string path)
    {
        if (string.IsNullOrWhiteSpace(path) || path.Contains('\0'))
            throw BadInput.Missing(null, "The name of the file to read is empty or not a file name; give another.");
        if (Directory.Exists(path))
            throw BadInput.Mismatch(path, $"{path} is a directory; give a file inside it.");
        if (!File.Exists(path))
            throw BadInput.Missing(path, $"There is no file {path}; check the name.");
        try
        {
            var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
            if (stream.CanSeek)
                return stream;
            stream.Dispose();
            throw BadInput.Mismatch(path, $"{path} is a pipe or a device; give an ordinary file.");
        }
        catch (UnauthorizedAccessException e)
        {
            throw BadInput.Inaccessible(path, $"There is no permission to read {path}.", cause: e);
        }
        catch (IOException e)
        {
            throw BadInput.Inaccessible(path, $"{path} cannot be read: {SystemMessage.Of(e)}.", cause: e);
        }
    }

    /// <summary>The UTF-8 text of a JSON file, without a byte order mark.</summary>
    /// <exception cref="BadInputException">It cannot be read, or is larger than <paramref name="maxBytes"/>.</exception>
    public static ReadOnlyMemory<byte> ReadJson(string path, int maxBytes)
    {
        byte[] bytes = ReadBytes(path, maxBytes);
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
    /// <exception cref="BadInputException">It cannot be read, or is larger than <paramref name="maxBytes"/>.</exception>
    public static byte[] ReadBytes(string path, int maxBytes)
    {
        using FileStream stream = Open(path);
        RequireAtMost(path, stream.Length, maxBytes);
        byte[] bytes = new byte[stream.Length];
        try
        {
            stream.ReadExactly(bytes);
        }
        catch (IOException e)
        {
            throw BadInput.Inaccessible(path, $"{path} cannot be read: {SystemMessage.Of(e)}.", cause: e);
        }
        return bytes;
    }

    /// <summary>The text of a small file.</summary>
    /// <exception cref="BadInputException">It cannot be read, or is larger than <paramref name="maxBytes"/>.</exception>
    public static string ReadText(string path, int maxBytes = 1 << 20)
    {
        using FileStream stream = Open(path);
        RequireAtMost(path, stream.Length, maxBytes);
        using StreamReader reader = new(stream);
        return reader.ReadToEnd();
    }

    static void RequireAtMost(string path, long length, int most)
    {
        if (length > most)
            throw BadInput.TooLarge(path, $"{path} has {length} bytes, where at most {most} are expected; it is not the file that was meant.");
    }
}
