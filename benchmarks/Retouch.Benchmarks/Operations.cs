using Retouch.Suffix;
using Retouch.Vit;

namespace Retouch.Speed;

/// <summary>
/// Operations of matrix products that the suffix cannot do without, in 10⁹ (a multiplication and an addition are
/// two), attention's included, everything element-wise left out.
/// </summary>
static class Operations
{
    /// <summary>
    /// The suffix forward for one image: after the first editable FFN all of every block, of the last the [CLS]
    /// token's, and the touched units of the first.
    /// </summary>
    /// <param name="split">The cut model.</param>
    /// <param name="touched">The share of the first FFN's units that an edit touches.</param>
    public static double Forward(SplitVit split, double touched) => Suffix(split, touched, Attention) + Head(split);

    /// <summary>
    /// The gradients back to the first editable FFN's touched units, and those of the weights of all touched units.
    /// </summary>
    public static double Backward(SplitVit split, double touched)
    {
        double weights = split.Space.Blocks * touched * Ffn(split, false);
        double firstHidden = touched * Ffn(split, false) / 2;
        // Of attention's scores and mixtures both factors have a gradient, of all other products the tokens alone.
        return Suffix(split, 0, (s, classAlone) => Projections(s, classAlone) + 2 * Scores(s, classAlone))
            + (weights + firstHidden) / 1e9
            + Head(split);
    }

    /// <summary>Everything before the cut, for one image.</summary>
    public static double Prefix(SplitVit split)
    {
        VitConfig config = split.Model.Config;
        double embedding = 2.0 * config.Width * 3 * config.PatchSize * config.PatchSize * config.Grid * config.Grid;
        int blocks = split.Space.FirstBlock + 1;
        return (embedding + blocks * (Attention(split, false) + Ffn(split, false))) / 1e9;
    }

    static double Suffix(SplitVit split, double touched, Func<SplitVit, bool, double> attention)
    {
        int last = split.Model.Config.Depth - 1;
        double sum = touched * Ffn(split, false);
        for (int i = split.Space.FirstBlock + 1; i <= last; i++)
            sum += attention(split, i == last) + Ffn(split, i == last);
        return sum / 1e9;
    }

    static double Attention(SplitVit split, bool classAlone) =>
        Projections(split, classAlone) + Scores(split, classAlone);

    // Where [CLS] alone asks: its query and its output by their matrices, and for each head one vector by the keys' and
    // one by the values'.
    static double Projections(SplitVit split, bool classAlone)
    {
        double d = split.Model.Config.Width;
        double vectors = classAlone ? 2 + 2 * split.Model.Config.Heads : 4 * split.Model.Config.Tokens;
        return 2 * d * d * vectors;
    }

    // Of all tokens head by head, of [CLS] alone whole tokens for every head.
    static double Scores(SplitVit split, bool classAlone)
    {
        double t = split.Model.Config.Tokens;
        return 2 * 2 * split.Model.Config.Width * t * (classAlone ? split.Model.Config.Heads : t);
    }

    static double Ffn(SplitVit split, bool classAlone) =>
        2.0 * 2 * split.Model.Config.Width * split.Model.Config.MlpWidth * (classAlone ? 1 : split.Model.Config.Tokens);

    static double Head(SplitVit split) => 2.0 * split.Model.Config.Width * split.Model.Config.Classes / 1e9;
}
