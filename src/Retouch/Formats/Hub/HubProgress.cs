namespace Retouch.Formats;

/// <summary>How far a download is.</summary>
/// <param name="File">The file.</param>
/// <param name="Done">Bytes that are there.</param>
/// <param name="Total">Bytes that it has, or null if the server does not say.</param>
public sealed record HubProgress(string File, long Done, long? Total);
