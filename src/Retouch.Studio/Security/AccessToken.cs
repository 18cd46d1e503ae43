using System.Security.Cryptography;
using System.Text;

namespace Retouch.Studio.Security;

/// <summary>The secret in the URL that a studio prints: who does not have it, sees nothing. Immutable.</summary>
public sealed class AccessToken
{
    /// <summary>The cookie that holds it once it was shown.</summary>
    public const string Cookie = "retouch-studio";

    readonly byte[] _value;

    /// <summary>Makes a new one from 32 random bytes.</summary>
    public AccessToken()
    {
        Text = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32));
        _value = Encoding.ASCII.GetBytes(Text);
    }

    /// <summary>The secret.</summary>
    public string Text { get; }

    /// <summary>Whether somebody knows it, in a time that does not tell how much of it.</summary>
    public bool Is(string? text) =>
        text is not null && CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(text), _value);
}
