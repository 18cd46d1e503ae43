using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Studio.World;

/// <summary>
/// Images as points of a plane: what the last FFN gets of them, on the two directions in which it varies most.
/// </summary>
static class FeatureMap
{
    const int Fields = 4;

    /// <summary>
    /// For each image that is read four float32: its number, its two coordinates, each about in [-1,1], and 1 where the
    /// model is right, 0 where it is wrong, -1 where nobody knows.
    /// </summary>
    public static byte[] Bytes(StudioWorld world)
    {
        var chunks = world.Chunks;
        if (chunks.Count == 0)
            return [];
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        Tensor tokens = cat([.. chunks.Select(c => c.Images.Tokens)], 0);
        int[] ids = [.. chunks.SelectMany(c => c.Ids)];
        Tensor centred = tokens - tokens.mean([0]);
        centred = centred / centred.pow(2).mean([0]).sqrt().clamp_min(1e-6f);
        (_, _, Tensor right) = linalg.svd(mm(centred.t(), centred) / Math.Max(ids.Length, 1), fullMatrices: false);
        Tensor plane = mm(centred, right.narrow(0, 0, 2).t());
        // Of each direction the far ends would leave the rest no room.
        plane = (plane / (plane.abs().quantile(tensor(0.98f), 0).squeeze(0).clamp_min(1e-6f))).clamp(-1.15f, 1.15f);
        float[] where = plane.contiguous().data<float>().ToArray();
        float[] all = new float[ids.Length * Fields];
        for (int i = 0; i < ids.Length; i++)
        {
            all[i * Fields] = ids[i];
            all[i * Fields + 1] = where[2 * i];
            all[i * Fields + 2] = where[2 * i + 1];
            all[i * Fields + 3] = world.Images[ids[i]].IsRight switch
            {
                true => 1,
                false => 0,
                null => -1,
            };
        }
        return MemoryMarshal.AsBytes(all.AsSpan()).ToArray();
    }
}
