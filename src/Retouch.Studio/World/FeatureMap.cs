using System.Runtime.InteropServices;
using Retouch.UseCases;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Studio.World;

/// <summary>
/// Images as points of a plane: what the last FFN gets of them, on the two directions in which it varies most. Worked
/// out anew when more images are read, and asked for. Safe for several threads.
/// </summary>
/// <param name="world">The model and the images.</param>
public sealed class FeatureMap(StudioWorld world)
{
    // What a point is to a page: its number, where it is, whether the model is right, its class, what the model says.
    const int Fields = 6;

    // Of each direction the far ends would leave the rest no room.
    const double Within98 = 0.98;
    const float Edge = 1.15f;

    readonly Lock _gate = new();
    int _chunks = -1;
    int[] _ids = [];
    float[] _where = [];

    /// <summary>
    /// For each image that is read six float32: its number, its two coordinates, each about in [-1,1], 1 where the
    /// model is right, 0 where it is wrong, -1 where nobody knows, its class, -1 where nobody knows, and what the model
    /// says.
    /// </summary>
    public byte[] Bytes()
    {
        (int[] ids, float[] where) = Points();
        float[] all = new float[ids.Length * Fields];
        for (int i = 0; i < ids.Length; i++)
        {
            StudioImage image = world.Images[ids[i]];
            Span<float> point = all.AsSpan(i * Fields, Fields);
            point[0] = ids[i];
            point[1] = where[2 * i];
            point[2] = where[2 * i + 1];
            point[3] = image.IsRight switch
            {
                true => 1,
                false => 0,
                null => -1,
            };
            point[4] = image.Label ?? -1;
            point[5] = image.Answer?.Class ?? -1;
        }
        return MemoryMarshal.AsBytes(all.AsSpan()).ToArray();
    }

    /// <summary>The images that lie within a line that is closed.</summary>
    /// <param name="line">Its corners, x and y in turns.</param>
    public IReadOnlyList<int> Within(IReadOnlyList<double> line)
    {
        (int[] ids, float[] where) = Points();
        double[] xs = [.. line.Where((_, i) => i % 2 == 0)];
        double[] ys = [.. line.Where((_, i) => i % 2 == 1)];
        if (ys.Length < 3)
            return [];
        (double left, double right, double top, double bottom) = (xs.Min(), xs.Max(), ys.Min(), ys.Max());
        List<int> inside = [];
        for (int i = 0; i < ids.Length; i++)
        {
            (float x, float y) = (where[2 * i], where[2 * i + 1]);
            if (x >= left && x <= right && y >= top && y <= bottom && IsIn(x, y))
                inside.Add(ids[i]);
        }
        return inside;

        // By how often a ray to the right crosses the line.
        bool IsIn(double x, double y)
        {
            bool odd = false;
            for (int i = 0, j = ys.Length - 1; i < ys.Length; j = i++)
                if (ys[i] > y != ys[j] > y && x < (xs[j] - xs[i]) * (y - ys[i]) / (ys[j] - ys[i]) + xs[i])
                    odd = !odd;
            return odd;
        }
    }

    /// <summary>The image nearest to a place; null where none is near.</summary>
    /// <param name="x">The place.</param>
    /// <param name="y">The place.</param>
    /// <param name="reachX">How far near is, to the sides.</param>
    /// <param name="reachY">How far near is, up and down.</param>
    public int? Nearest(double x, double y, double reachX, double reachY)
    {
        (int[] ids, float[] where) = Points();
        (double nearest, int? found) = (1, null);
        for (int i = 0; i < ids.Length; i++)
        {
            double far = Math.Pow((where[2 * i] - x) / reachX, 2) + Math.Pow((where[2 * i + 1] - y) / reachY, 2);
            if (far < nearest)
                (nearest, found) = (far, ids[i]);
        }
        return found;
    }

    (int[] Ids, float[] Where) Points()
    {
        lock (_gate)
        {
            IReadOnlyList<(LiveImages Images, int[] Ids)> chunks = world.Chunks;
            if (_chunks != chunks.Count)
            {
                _ids = [.. chunks.SelectMany(c => c.Ids)];
                _where = _ids.Length == 0 ? [] : Project([.. chunks.Select(c => c.Images.Tokens)]);
                _chunks = chunks.Count;
            }
            return (_ids, _where);
        }
    }

    // Chunk by chunk: all of a hundred thousand at once would be there three times.
    static float[] Project(IReadOnlyList<Tensor> chunks)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        Tensor sum = zeros(chunks[0].shape[1], ScalarType.Float64);
        Tensor products = zeros(chunks[0].shape[1], chunks[0].shape[1], ScalarType.Float64);
        long count = 0;
        foreach (Tensor chunk in chunks)
        {
            using DisposeScope each = NewDisposeScope();
            Tensor some = chunk.to(ScalarType.Float64);
            sum.add_(some.sum([0]));
            products.add_(mm(some.t(), some));
            count += chunk.shape[0];
        }
        Tensor number = tensor((double)count);
        Tensor mean = sum / number;
        Tensor covariance = products / number - outer(mean, mean);
        Tensor deviation = covariance.diagonal().clamp_min(1e-12).sqrt();
        (_, Tensor vectors) = linalg.eigh(covariance / outer(deviation, deviation));
        // The last are the largest.
        Tensor plane = vectors.narrow(1, vectors.shape[1] - 2, 2).flip(1); // [D,2]
        // Either end may be the right one; the same is so every time.
        plane = plane * plane.gather(0, plane.abs().argmax(0, keepdim: true)).sign();
        plane = plane / deviation.unsqueeze(1);
        float[] where = new float[2 * count];
        int at = 0;
        foreach (Tensor chunk in chunks)
        {
            using DisposeScope each = NewDisposeScope();
            Tensor some = mm(chunk.to(ScalarType.Float64) - mean, plane).to(ScalarType.Float32).contiguous();
            some.data<float>().CopyTo(where.AsSpan(at, (int)some.numel()));
            at += (int)some.numel();
        }
        for (int axis = 0; axis < 2; axis++)
        {
            float[] far = [.. Enumerable.Range(0, (int)count).Select(i => Math.Abs(where[2 * i + axis])).Order()];
            float scale = Math.Max(far[(int)(Within98 * (far.Length - 1))], 1e-6f);
            for (int i = axis; i < where.Length; i += 2)
                where[i] = Math.Clamp(where[i] / scale, -Edge, Edge);
        }
        return where;
    }
}
