using Retouch.Measurement;

namespace Retouch.Cli;

/// <summary>Flips in words.</summary>
static class FlipsText
{
    /// <summary>What an edit turned right and what it broke, in a line.</summary>
    public static string Of(Flips f)
    {
        string broken = f.NegativeFlipRate is double rate
            ? $"{f.Broken} broken of {f.RightBefore} that were right (negative flip rate {100 * rate:0.00} %)"
            : "none broken, since none was right";
        return $"{f.Fixed} fixed, {broken}, {f.Otherwise} wrong otherwise; net gain {f.NetGain}";
    }
}
