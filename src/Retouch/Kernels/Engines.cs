using Retouch.Vit;

namespace Retouch.Kernels;

/// <summary>Where <see cref="IEngine"/>s are to be had.</summary>
static class Engines
{
    [ThreadStatic]
    static bool t_none;

    /// <summary>Lets this thread do without, as on other processors, until disposed.</summary>
    public static IDisposable None()
    {
        t_none = true;
        return new Again();
    }

    /// <summary>
    /// An engine forward, or null where the processor, libtorch or the model is not one that there are kernels for.
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="precision">In what products are computed.</param>
    /// <param name="images">Of a batch at most.</param>
    /// <param name="first">The block whose FFN is the first of the edit space.</param>
    /// <param name="allTokens">
    /// Whether all tokens are wanted after the model's last attention, even where the classifier reads [CLS] alone.
    /// </param>
    public static IEngine? Forward(VitModel model, Precision precision, int images, int first, bool allTokens = false)
    {
        if (!Fits(model, precision))
            return null;
        BatchShape shape = new(model.Config, images, 1, first, allTokens);
        return precision == Precision.Mixed
            ? new ForwardEngine<Bf16>(model, shape)
            : new ForwardEngine<Fp32>(model, shape);
    }

    /// <summary>An engine forward and backward, or null in the same cases.</summary>
    /// <param name="model">The model.</param>
    /// <param name="precision">In what products are computed.</param>
    /// <param name="images">B·S.</param>
    /// <param name="edits">B.</param>
    /// <param name="first">The block whose FFN is the first of the edit space.</param>
    public static IRecordingEngine? Recording(VitModel model, Precision precision, int images, int edits, int first)
    {
        if (!Fits(model, precision))
            return null;
        BatchShape shape = new(model.Config, images, edits, first, allTokens: false);
        return precision == Precision.Mixed
            ? new RecordingEngine<Bf16>(model, shape)
            : new RecordingEngine<Fp32>(model, shape);
    }

    /// <summary>For each edit 1 for the units that stay the model's and 0 for its own, <c>[B,H]</c>.</summary>
    public static float[] Staying(int hidden, IReadOnlyList<IEnumerable<int>> own)
    {
        float[] staying = new float[own.Count * hidden];
        Array.Fill(staying, 1);
        for (int e = 0; e < own.Count; e++)
        {
            foreach (int unit in own[e])
                staying[e * hidden + unit] = 0;
        }
        return staying;
    }

    static bool Fits(VitModel model, Precision precision)
    {
        VitConfig config = model.Config;
        bool narrow = precision == Precision.Mixed;
        // Rows are whole vectors; in bfloat16 the model's are read by pairs.
        int unit = narrow ? 2 * Shape.Lanes : Shape.Lanes;
        return !t_none
            && (narrow ? Native.HasBFloat16 : Native.HasSingle)
            && model.OnCpu
            && config.HasPlainBlocks
            && config.HeadWidth % Shape.Lanes == 0
            && config.Width % unit == 0
            && config.MlpWidth % unit == 0;
    }

    sealed class Again : IDisposable
    {
        public void Dispose() => t_none = false;
    }
}
