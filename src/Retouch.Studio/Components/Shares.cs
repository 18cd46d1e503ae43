using System.Globalization;

namespace Retouch.Studio.Components;

/// <summary>Shares as text.</summary>
static class Shares
{
    /// <summary>A share as a percentage; a dash where there is none.</summary>
    public static string Percent(double? share, int digits = 1) =>
        share is double known ? (100 * known).ToString($"F{digits}", CultureInfo.InvariantCulture) + " %" : "–";
}
