using System.Globalization;

namespace Retouch.Studio;

/// <summary>
/// The port at which a studio listened last, in its folder, so that the next one has the same address. The token is not
/// kept: whoever took the port meanwhile would be sent it by a page that is still open.
/// </summary>
static class RememberedPort
{
    const string FileName = "port.txt";

    /// <summary>The port; null where none is known.</summary>
    /// <param name="folder">The studio's folder.</param>
    public static int? Read(string folder)
    {
        try
        {
            string text = File.ReadAllText(Path.Combine(folder, FileName)).Trim();
            return
                int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int port)
                && port is > 1023 and <= 65535
                ? port
                : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Keeps it, where that is possible.</summary>
    /// <param name="folder">The studio's folder.</param>
    /// <param name="port">The port.</param>
    public static void Write(string folder, int port)
    {
        try
        {
            File.WriteAllText(Path.Combine(folder, FileName), port.ToString(CultureInfo.InvariantCulture) + "\n");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException) { }
    }
}
