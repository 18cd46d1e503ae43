namespace Retouch.Formats;

/// <summary>
/// A download failed for a reason that lies with the network or the other side. The message says what to do.
/// </summary>
/// <param name="message">The sentence.</param>
/// <param name="cause">What arose.</param>
public sealed class HubException(string message, Exception? cause = null) : Exception(message, cause);
