using System.Runtime.CompilerServices;
using Retouch.Vit;
using static Retouch.Kernels.Shape;
using static TorchSharp.torch;

namespace Retouch.Kernels;

/// <summary>
/// Blocks of a vision transformer on a CPU, forward and backward, for images that lie in one batch: products by
/// libtorch's kernels for small matrices, everything between them in one pass over rows that are still in the cache.
/// Tokens of B edits of S images each; in the FFNs of the edit space an edit may have units of its own
/// (<see cref="OwnUnits{T}"/>). Results do not depend on the number of threads. Not safe for use from several
/// threads. Owns its memory, not the model.
/// </summary>
sealed unsafe class Engine<T> : IEngine where T : unmanaged, IElement<T>
{
    // Rows of tokens that one task takes, a multiple of 16: what the caches hold of a narrow model's, and of a wide one's as many as
    // make up for reading its weights. Fewer where there are not enough tasks.
    const int FewRows = 112, ManyRows = 208, Wide = 320;

    // Elements behind each row that products read: without them the rows' first elements would fall on few of the cache's places.
    const int Spare = 32;

    // Hidden units whose activations one task holds at a time, whole panels.
    const int MostUnits = 6 * Matrix<T>.MostColumns;

    // Own units whose weights or gradients one task has in its cache; of no more rows than a scratch has.
    const int UnitsOfPart = 64;

    readonly VitModel _model;
    readonly VitConfig _config;
    readonly int _most, _edits, _tokens, _padded, _width, _stride, _hidden, _heads, _headWidth, _rows, _team, _first, _last;
    readonly bool _records, _classAlone;
    readonly OwnUnits<T>?[] _own;        // by block
    readonly Layer?[] _layers;           // by block
    readonly Scratch[] _scratch;
    readonly List<IDisposable> _memory = [];
    Block<float>? _parts;                // [parts,rows,D], as many rows as a task takes: what parts of an FFN's units give
    Block<T>? _rounded;                  // [rows,D + spare]: what they all read
    readonly Block<T> _mixed;            // [R,D + spare]: attention's mixtures of values
    readonly Block<float>? _x, _y;       // [R,D]: tokens where nothing is recorded
    readonly Block<T>? _dMixed, _dQuery, _dKey, _dValue; // [N,heads,Tp,D/heads], and three times [R,D + spare]
    readonly Block<float>? _dx, _dClass, _dClassQuery;   // [R,D], [N,D], [N,D]
    readonly Block<float>? _classQuery;  // [N,D]
    int _images;                         // of the batch at hand

    /// <summary>Memory for a batch.</summary>
    /// <param name="model">The model.</param>
    /// <param name="images">B·S; where nothing is recorded, of a batch at most.</param>
    /// <param name="edits">B.</param>
    /// <param name="first">The block whose FFN is the first of the edit space.</param>
    /// <param name="records">Whether there will be a backward pass.</param>
    /// <param name="allTokens">Whether all tokens are wanted behind the model's last attention, even where the classifier reads [CLS] alone.</param>
    public Engine(VitModel model, int images, int edits, int first, bool records, bool allTokens)
    {
        (_model, _config, _most, _images, _edits, _first, _last, _records) = (model, model.Config, images, images, edits, first, model.Config.Depth - 1, records);
        (_tokens, _width, _hidden, _heads, _headWidth) = (_config.Tokens, _config.Width, _config.MlpWidth, _config.Heads, _config.HeadWidth);
        _padded = Up(_tokens);
        _stride = _width + Spare;
        _rows = _width < Wide ? FewRows : ManyRows;
        _team = Team.Size;
        _classAlone = _config.ReadsClassAlone && !allTokens;
        _own = new OwnUnits<T>?[_config.Depth];
        _layers = new Layer?[_config.Depth];
        long rows = (long)images * _tokens, perHead = (long)images * _heads * _padded * _headWidth;
        _mixed = Take<T>((rows + Lanes) * _stride);
        if (_classAlone)
            _classQuery = Take<float>((long)images * _width);
        if (!records)
        {
            (_x, _y) = (Take<float>(rows * _width), Take<float>(rows * _width));
        }
        else
        {
            _dMixed = Take<T>(perHead, true);
            (_dQuery, _dKey, _dValue) = (Take<T>((rows + Lanes) * _stride), Take<T>((rows + Lanes) * _stride), Take<T>((rows + Lanes) * _stride));
            _dx = Take<float>(rows * _width);
            (_dClass, _dClassQuery) = (Take<float>((long)images * _width), Take<float>((long)images * _width));
        }
        _scratch = new Scratch[_team];
    }

    int Rows => _images * _tokens;

    int UnitsAtATime => MostUnits / Matrix<T>.WidthOf(_hidden) * Matrix<T>.WidthOf(_hidden);

    // Tokens an image behind a block's attention.
    int TokensBehind(int block) => _classAlone && block == _config.Depth - 1 ? 1 : _tokens;

    FrozenBlock<T> Frozen(int block) => FrozenBlocks<T>.Block(_model, block);

    public void SetUnits(int block, Tensor bias, float[]? frozen, bool some)
    {
        if (_layers.Any(l => l is not null))
            throw new InvalidOperationException("Units are given before any pass.");
        _own[block]?.Dispose();
        _own[block] = new OwnUnits<T>(_edits, _width, bias, frozen, _records, some);
    }

    public void SetWeights(int block, FfnMatrix matrix, Tensor weights, Tensor? deltas, Tensor? scales, int at) => Set(block, matrix, weights, deltas, scales, at, null);

    public void Descend(int block, FfnMatrix matrix, Tensor weights, Tensor deltas, Tensor? scales, Tensor? mask, int at, double rate)
    {
        float* to = (float*)Pointer.Of(deltas), counts = mask is null ? null : (float*)Pointer.Of(mask);
        long units = deltas.shape[1];
        Set(block, matrix, weights, deltas, scales, at, (edit, unit, count, scratch) =>
        {
            Gradients(block, matrix, edit, unit, count, scratch.Out, false);
            long first = edit * units + unit - at;
            float* delta = to + first * _width;
            RowKernels<Fp32>.Sum(delta, scratch.Out, (float)-rate, counts is null ? null : counts + first, count, _width, (Fp32*)delta);
        });
    }

    // Sets weights, in parts that stay in the cache; before each is set, calls a function of the edit, the first unit of n in the part, their number.
    void Set(int block, FfnMatrix matrix, Tensor weights, Tensor? deltas, Tensor? scales, int at, Action<int, int, int, Scratch>? before)
    {
        OwnUnits<T> own = _own[block]!;
        using Tensor? whole = scales?.contiguous();
        int n = (int)weights.shape[1];
        if (n == 0)
            return;
        float* from = (float*)Pointer.Of(weights), delta = deltas is null ? null : (float*)Pointer.Of(deltas), scale = whole is null ? null : (float*)Pointer.Of(whole);
        // Panels are filled by sixteens.
        int first = at / Lanes * Lanes;
        EachPart(Up(at + n) - first, (edit, part, count, scratch) =>
        {
            int start = first + part, unit = Math.Max(start, at), given = Math.Min(start + count, at + n) - unit;
            before?.Invoke(edit, unit, given, scratch);
            long row = (long)edit * n + unit - at;
            own.Set(matrix, edit, start, count, unit - start, given, from + row * _width, delta is null ? null : delta + row * _width, scale is null ? null : scale + row, scratch.Normed);
        });
    }

    public Tensor Contribution(Tensor residual)
    {
        int m = Begin(residual);
        Tensor output = empty(residual.shape);
        Layer layer = LayerOf(_first, m);
        FrozenBlock<T> frozen = Frozen(_first);
        using Tensor whole = residual.contiguous();
        float* x = (float*)Pointer.Of(whole), y = (float*)Pointer.Of(output);
        Run(m, true, (edit, start, rows, scratch) =>
        {
            long first = (long)edit * PerEdit(m) + start, at = first * _width;
            T* normed = layer.Constant.Start + first * _stride;
            RowKernels<T>.Norm(x + at, rows, _width, frozen.Norm2Weight, frozen.Norm2Bias, (float)_config.NormEpsilon, normed, _stride, scratch.Statistics);
            if (_records)
                layer.Inputs![edit].PutRows(normed, _stride, rows, _width, start);
            FeedForward(_first, frozen, layer, edit, start, rows, normed, scratch, false);
            new Span<float>(scratch.Out, rows * _width).CopyTo(new Span<float>(y + at, rows * _width));
        });
        return output;
    }

    public Tensor ForwardFromFfn(Tensor constant)
    {
        int m = Begin(constant);
        FrozenBlock<T> frozen = Frozen(_first);
        Layer layer = LayerOf(_first, m);
        using Tensor whole = constant.contiguous();
        Tensor? output = _first == _last ? empty(constant.shape) : null;
        float* x = (float*)Pointer.Of(whole), y = output is null ? Input(_first + 1) : (float*)Pointer.Of(output);
        Run(m, true, (edit, start, rows, scratch) =>
        {
            long first = (long)edit * PerEdit(m) + start, at = first * _width;
            FeedForward(_first, frozen, layer, edit, start, rows, layer.Constant.Start + first * _stride, scratch, _records);
            RowKernels<T>.Add(x + at, scratch.Out, rows, _width, null, frozen.Scale2, y + at);
        });
        return output ?? Blocks(_first + 1, _last);
    }

    public Tensor Forward(int from, int to, Tensor tokens)
    {
        Read(from, tokens);
        return Blocks(from, to);
    }

    public Tensor Attend(int block, Tensor tokens)
    {
        Read(block, tokens);
        Tensor output = empty(_images, TokensBehind(block), _width);
        Attention(block, (float*)Pointer.Of(output), null);
        return output;
    }

    public Tensor FeedForward(int block, Tensor residual)
    {
        int m = Begin(residual);
        Tensor output = empty(residual.shape);
        using Tensor whole = residual.contiguous();
        float* x = (float*)Pointer.Of(whole), y = (float*)Pointer.Of(output);
        FrozenBlock<T> frozen = Frozen(block);
        Layer layer = LayerOf(block, m);
        Run(m, _own[block] is not null, (edit, start, rows, scratch) => AfterFfn(block, frozen, layer, edit, start, rows, x, y, m, scratch));
        return output;
    }

    // A batch of tokens, [N,M,D]: M.
    int Begin(Tensor tokens)
    {
        int images = (int)tokens.shape[0];
        if (images > _most || images != _most && (_records || _edits > 1))
            throw new ArgumentException($"{images} images are not the batch of {_most}.", nameof(tokens));
        _images = images;
        return (int)tokens.shape[1];
    }

    void Read(int block, Tensor tokens)
    {
        _ = Begin(tokens);
        using Tensor whole = tokens.contiguous();
        Copy((float*)Pointer.Of(whole), Input(block));
    }

    // Some blocks, whose input is in place.
    Tensor Blocks(int from, int to)
    {
        Tensor output = empty(_images, TokensBehind(to), _width);
        for (int block = from; block <= to; block++)
            Attention(block, null, block == to ? (float*)Pointer.Of(output) : Input(block + 1));
        return output;
    }

    // Where the tokens that a block reads lie.
    float* Input(int block) => _records ? LayerOf(block, TokensBehind(block)).Input!.Start : (block % 2 == 0 ? _x : _y)!.Start;

    // A block's attention, and unless the caller wants the tokens behind it, its FFN.
    void Attention(int block, float* middle, float* output)
    {
        FrozenBlock<T> frozen = Frozen(block);
        int m = TokensBehind(block);
        bool classAlone = m != _tokens;
        Layer layer = LayerOf(block, m);
        float* x = Input(block);
        float scale = (float)(1 / Math.Sqrt(_headWidth)), epsilon = (float)_config.NormEpsilon;

        Run(_tokens, false, (_, start, rows, scratch) =>
        {
            RowKernels<T>.Norm(x + (long)start * _width, rows, _width, frozen.Norm1Weight, frozen.Norm1Bias, epsilon, scratch.Normed, _stride, _records ? layer.Statistics1!.Start + 2L * start : scratch.Statistics);
            for (int part = classAlone ? 1 : 0; part < 3; part++)
            {
                frozen.Projections[part].Product(At(rows), scratch.Normed, _stride, scratch.Out, _width);
                Scatter(scratch.Out, frozen.QkvBias is null ? null : frozen.QkvBias + part * _width, part == 0 ? scale : 1, start, rows, (part == 0 ? layer.Query! : part == 1 ? layer.Key : layer.Value).Start);
            }
            if (classAlone)
            {
                // The few rows whose queries are asked.
                for (int row = Up(start, _tokens); row < start + rows; row += _tokens)
                {
                    float* query = _classQuery!.Start + (long)(row / _tokens) * _width;
                    frozen.Projections[0].Product(1, scratch.Normed + (long)(row - start) * _stride, _stride, query, _width);
                    RowKernels<T>.Shift(query, _width, frozen.QkvBias, scale);
                }
            }
        });

        if (classAlone)
            Each(_images * _heads, (task, _) => AttendClass(layer, task));
        else
            Each(_images * _heads, (task, scratch) => Attend(layer, task, scratch));

        float* mid = middle is not null ? middle : layer.Middle.Start;
        bool shares = SharesUnits(m);
        if (shares)
            _rounded ??= Take<T>((long)_rows * _stride);
        Run(m, _own[block] is not null, (edit, start, rows, scratch) =>
        {
            long first = (long)edit * PerEdit(m) + start, at = first * _width;
            frozen.Proj.Product(At(rows), _mixed.Start + first * _stride, _stride, scratch.Out, _width);
            if (classAlone)
            {
                for (int row = 0; row < rows; row++)
                {
                    long image = (long)edit * PerEdit(m) + start + row;
                    RowKernels<T>.Add(x + image * _tokens * _width, scratch.Out + (long)row * _width, 1, _width, frozen.ProjBias, frozen.Scale1, mid + image * _width);
                }
            }
            else
            {
                RowKernels<T>.Add(x + at, scratch.Out, rows, _width, frozen.ProjBias, frozen.Scale1, mid + at);
            }
            if (output is not null && !shares)
                AfterFfn(block, frozen, layer, edit, start, rows, mid, output, m, scratch);
            else if (output is not null)
                NormBeforeFfn(block, frozen, layer, edit, start, rows, mid, m, _rounded!.Start + first * _stride, scratch);
        });
        if (output is null || !shares)
            return;
        int all = _images * m;
        Share(block, all, (unit, scratch, to) =>
        {
            if (unit < 0)
                OwnForward(block, layer, 0, 0, all, _rounded!.Start, scratch, _records, (float*)to, false);
            else
                FrozenForward(block, frozen, layer, 0, 0, all, _rounded!.Start, unit, scratch, _records, (float*)to, false);
        }, (start, rows, scratch) => RowKernels<T>.Add(mid + (long)start * _width, scratch.Out, rows, _width, frozen.Fc2Bias, frozen.Scale2, output + (long)start * _width));
    }

    void NormBeforeFfn(int block, FrozenBlock<T> frozen, Layer layer, int edit, int start, int rows, float* mid, int m, T* normed, Scratch scratch)
    {
        long first = (long)edit * PerEdit(m) + start;
        RowKernels<T>.Norm(mid + first * _width, rows, _width, frozen.Norm2Weight, frozen.Norm2Bias, (float)_config.NormEpsilon, normed, _stride, _records ? layer.Statistics2!.Start + 2 * first : scratch.Statistics);
        if (_records && _own[block] is not null)
            layer.Inputs![edit].PutRows(normed, _stride, rows, _width, start);
    }

    void AfterFfn(int block, FrozenBlock<T> frozen, Layer layer, int edit, int start, int rows, float* mid, float* output, int m, Scratch scratch)
    {
        long at = ((long)edit * PerEdit(m) + start) * _width;
        NormBeforeFfn(block, frozen, layer, edit, start, rows, mid, m, scratch.Normed, scratch);
        FeedForward(block, frozen, layer, edit, start, rows, scratch.Normed, scratch, _records);
        RowKernels<T>.Add(mid + at, scratch.Out, rows, _width, frozen.Fc2Bias, frozen.Scale2, output + at);
    }

    // An FFN's products with normed rows, into the scratch's Out, without the output's bias and scale.
    void FeedForward(int block, FrozenBlock<T> frozen, Layer layer, int edit, int start, int rows, T* normed, Scratch scratch, bool records)
    {
        bool add = false;
        if (HasFrozen(block))
        {
            for (int unit = 0; unit < _hidden; unit += UnitsAtATime)
            {
                FrozenForward(block, frozen, layer, edit, start, rows, normed, unit, scratch, records, scratch.Out, add);
                add = true;
            }
        }
        if (HasOwn(block))
        {
            OwnForward(block, layer, edit, start, rows, normed, scratch, records, scratch.Out, add);
            add = true;
        }
        if (!add)
            new Span<float>(scratch.Out, rows * _width).Clear();
    }

    // Whether any of the model's units count in a block's FFN, and whether edits have units of their own.
    bool HasFrozen(int block) => _own[block] is not { Frozen: null };

    bool HasOwn(int block) => _own[block] is { Count: > 0 };

    // What some of the model's units give, from one on, over or added to "to".
    void FrozenForward(int block, FrozenBlock<T> frozen, Layer layer, int edit, int start, int rows, T* normed, int unit, Scratch scratch, bool records, float* to, bool add)
    {
        float* mask = _own[block] is OwnUnits<T> own ? own.Frozen!.Start + (long)edit * _hidden : null;
        long first = (long)edit * layer.PerEdit + start;
        int units = Math.Min(UnitsAtATime, _hidden - unit);
        frozen.Fc1.Columns(At(rows), normed, _stride, scratch.Hidden, units, unit, units);
        RowKernels<T>.Activate(_config.Activation, scratch.Hidden, rows, units, frozen.Fc1Bias + unit, mask is null ? null : mask + unit,
            scratch.Active, units + Spare, records ? layer.Slope!.Start + first * _hidden + unit : null, _hidden);
        frozen.Fc2.Product(At(rows), scratch.Active, units + Spare, to, _width, add, unit, units);
    }

    // The same of an edit's own units.
    void OwnForward(int block, Layer layer, int edit, int start, int rows, T* normed, Scratch scratch, bool records, float* to, bool add)
    {
        OwnUnits<T> own = _own[block]!;
        int units = own.Padded;
        own.Into(edit).Product(At(rows), normed, _stride, scratch.Hidden, units);
        RowKernels<T>.Activate(_config.Activation, scratch.Hidden, rows, units, own.Bias.Start + (long)edit * units, null,
            scratch.Active, units + Spare, records ? layer.OwnSlope!.Start + ((long)edit * layer.PerEdit + start) * units : null, units);
        if (records)
            RowKernels<T>.Transpose(scratch.Active, units + Spare, rows, units, layer.Activations!.Start + (long)edit * units * layer.Padded + start, layer.Padded);
        own.Out(edit).Product(At(rows), scratch.Active, units + Spare, to, _width, add);
    }

    // Whether the threads share an FFN's units and not its rows: where these are too few to make up for reading all of a wide model's weights on each thread.
    bool SharesUnits(int tokens) => _edits == 1 && _images * tokens <= _rows && _hidden >= 2 * UnitsAtATime && _width >= Wide;

    // Calls work for each part of a block's units, by its first unit, or −1 for the edit's own, with where to leave what it gives; then adds all of that up in the scratch's Out.
    void Share(int block, int rows, Action<int, Scratch, nint> work, Action<int, int, Scratch> then)
    {
        int frozen = HasFrozen(block) ? (_hidden + UnitsAtATime - 1) / UnitsAtATime : 0, parts = frozen + (HasOwn(block) ? 1 : 0);
        long size = (long)_rows * _width;
        _parts ??= Take<float>(size * ((_hidden + UnitsAtATime - 1) / UnitsAtATime + 1));
        // The edit's own units last: they are the fewest.
        Each(parts, (task, scratch) => work(task < frozen ? task * UnitsAtATime : -1, scratch, (nint)(_parts.Start + task * size)));
        Run(rows / _images, false, (_, start, count, scratch) =>
        {
            float* sum = scratch.Out;
            new Span<float>(sum, count * _width).Clear();
            for (int part = 0; part < parts; part++)
                RowKernels<T>.Add(sum, _parts.Start + part * size + (long)start * _width, count, _width, null, null, sum);
            then(start, count, scratch);
        });
    }

    public void Backward(Tensor gradient)
    {
        using Tensor whole = gradient.contiguous();
        long count = whole.NumberOfElements;
        Buffer.MemoryCopy(Pointer.Of(whole), GradientBehind(_last), count * sizeof(float), count * sizeof(float));
        for (int block = _last; block > _first; block--)
            Backward(block, _dx!.Start);
        FfnBackward(_first, GradientBehind(_first), TokensBehind(_first));
    }

    float* GradientBehind(int block) => (TokensBehind(block) == _tokens ? _dx! : _dClass!).Start;

    // From the gradient of a block's output to that of its input, in place; of the [CLS] tokens' outputs alone to all inputs.
    void Backward(int block, float* dx)
    {
        FrozenBlock<T> frozen = Frozen(block);
        int m = TokensBehind(block);
        bool classAlone = m != _tokens;
        Layer layer = LayerOf(block, m);
        float* behind = GradientBehind(block), x = layer.Input!.Start;
        FfnBackward(block, behind, m);

        Run(m, false, (_, start, rows, scratch) =>
        {
            RowKernels<T>.Round(behind + (long)start * _width, rows, _width, frozen.Scale1, scratch.Normed, _stride);
            frozen.ProjBack.Product(At(rows), scratch.Normed, _stride, scratch.Out, _width);
            if (classAlone)
                new Span<float>(scratch.Out, rows * _width).CopyTo(new Span<float>(_dClassQuery!.Start + (long)start * _width, rows * _width));
            else
                Scatter(scratch.Out, null, 1, start, rows, _dMixed!.Start);
        });

        if (classAlone)
            Each(_images * _heads, (task, _) => AttendClassBackward(layer, task));
        else
            Each(_images * _heads, (task, scratch) => AttendBackward(layer, task, scratch));

        Run(_tokens, false, (_, start, rows, scratch) =>
        {
            long at = (long)start * _width;
            frozen.ProjectionsBack[1].Product(At(rows), _dKey!.Start + (long)start * _stride, _stride, scratch.Out, _width);
            frozen.ProjectionsBack[2].Product(At(rows), _dValue!.Start + (long)start * _stride, _stride, scratch.Out, _width, true);
            if (!classAlone)
            {
                frozen.ProjectionsBack[0].Product(At(rows), _dQuery!.Start + (long)start * _stride, _stride, scratch.Out, _width, true);
            }
            else
            {
                new Span<float>(dx + at, rows * _width).Clear();
                for (int row = Up(start, _tokens); row < start + rows; row += _tokens)
                {
                    long image = row / _tokens;
                    RowKernels<T>.Round(_dClassQuery!.Start + image * _width, 1, _width, null, scratch.Normed, _stride);
                    frozen.ProjectionsBack[0].Product(1, scratch.Normed, _stride, scratch.Out + (long)(row - start) * _width, _width, true);
                    new Span<float>(_dClass!.Start + image * _width, _width).CopyTo(new Span<float>(dx + (long)row * _width, _width));
                }
            }
            RowKernels<T>.NormBackward(scratch.Out, x + at, layer.Statistics1!.Start + 2L * start, rows, _width, frozen.Norm1Weight, dx + at);
        });
    }

    // From the gradient behind an FFN to that before it, in place; of the first FFN only what its own units' weights need.
    void FfnBackward(int block, float* dx, int m)
    {
        FrozenBlock<T> frozen = Frozen(block);
        Layer layer = LayerOf(block, m);
        OwnUnits<T>? own = _own[block];
        bool inputs = block != _first;
        if (!inputs && (own is null || own.Count == 0))
            return;
        if (SharesUnits(m))
        {
            int all = _images * m;
            _rounded ??= Take<T>((long)_rows * _stride);
            RowKernels<T>.Round(dx, all, _width, frozen.Scale2, _rounded.Start, _stride);
            Share(block, all, (unit, scratch, to) =>
            {
                if (unit < 0)
                    OwnBackward(block, layer, 0, 0, all, _rounded.Start, scratch, inputs ? (float*)to : null, false);
                else if (inputs)
                    FrozenBackward(frozen, layer, 0, all, _rounded.Start, unit, scratch, (float*)to, false);
            }, (start, rows, scratch) =>
            {
                if (inputs)
                    RowKernels<T>.NormBackward(scratch.Out, layer.Middle.Start + (long)start * _width, layer.Statistics2!.Start + 2L * start, rows, _width, frozen.Norm2Weight, dx + (long)start * _width);
            });
            return;
        }
        Run(m, own is not null, (edit, start, rows, scratch) =>
        {
            long first = (long)edit * layer.PerEdit + start, at = first * _width;
            bool add = false;
            RowKernels<T>.Round(dx + at, rows, _width, frozen.Scale2, scratch.Normed, _stride);
            if (inputs && HasFrozen(block))
            {
                for (int unit = 0; unit < _hidden; unit += UnitsAtATime)
                {
                    FrozenBackward(frozen, layer, first, rows, scratch.Normed, unit, scratch, scratch.Out, add);
                    add = true;
                }
            }
            if (HasOwn(block))
            {
                OwnBackward(block, layer, edit, start, rows, scratch.Normed, scratch, inputs ? scratch.Out : null, add);
                add = true;
            }
            if (!add)
                new Span<float>(scratch.Out, rows * _width).Clear();
            if (inputs)
                RowKernels<T>.NormBackward(scratch.Out, layer.Middle.Start + at, layer.Statistics2!.Start + 2 * first, rows, _width, frozen.Norm2Weight, dx + at);
        });
    }

    // What some of the model's units, from one on, give to the gradient before the FFN; "first" is the first row of all.
    void FrozenBackward(FrozenBlock<T> frozen, Layer layer, long first, int rows, T* dy, int unit, Scratch scratch, float* to, bool add)
    {
        int units = Math.Min(UnitsAtATime, _hidden - unit);
        frozen.Fc2Back.Columns(At(rows), dy, _stride, scratch.Hidden, units, unit, units);
        RowKernels<T>.Times(scratch.Hidden, rows, units, layer.Slope!.Start + first * _hidden + unit, _hidden, scratch.Active, units + Spare);
        frozen.Fc1Back.Product(At(rows), scratch.Active, units + Spare, to, _width, add, unit, units);
    }

    // The same of an edit's own units, where it is asked for, and what their weights' gradients are products of.
    void OwnBackward(int block, Layer layer, int edit, int start, int rows, T* dy, Scratch scratch, float* to, bool add)
    {
        OwnUnits<T> own = _own[block]!;
        int units = own.Padded;
        layer.OutputGradients![edit].PutRows(dy, _stride, rows, _width, start);
        own.OutBack(edit).Product(At(rows), dy, _stride, scratch.Hidden, units);
        RowKernels<T>.Times(scratch.Hidden, rows, units, layer.OwnSlope!.Start + ((long)edit * layer.PerEdit + start) * units, units, scratch.Active, units + Spare);
        RowKernels<T>.Transpose(scratch.Active, units + Spare, rows, units, layer.HiddenGradients!.Start + (long)edit * units * layer.Padded + start, layer.Padded);
        if (to is not null)
            own.IntoBack(edit).Product(At(rows), scratch.Active, units + Spare, to, _width, add);
    }

    public void Gradients(int block, FfnMatrix matrix, int first, Tensor into, bool onlyClass)
    {
        float* to = (float*)Pointer.Of(into);
        int units = (int)into.shape[1];
        EachPart(units, (edit, start, rows, _) => Gradients(block, matrix, edit, first + start, rows, to + ((long)edit * units + start) * _width, onlyClass));
    }

    public void Slopes(int block, FfnMatrix matrix, int first, Tensor deltas, Tensor into)
    {
        float* along = (float*)Pointer.Of(deltas), to = (float*)Pointer.Of(into);
        int units = (int)deltas.shape[1];
        EachPart(units, (edit, start, rows, scratch) =>
        {
            Gradients(block, matrix, edit, first + start, rows, scratch.Out, false);
            long at = (long)edit * units + start;
            for (int i = 0; i < rows; i++)
                RowKernels<Fp32>.Dots(scratch.Out + (long)i * _width, (Fp32*)along + (at + i) * _width, _width, 1, to + at + i);
        });
    }

    // The gradients of some of an edit's own units, from one on, [units,D].
    void Gradients(int block, FfnMatrix matrix, int edit, int unit, int units, float* to, bool onlyClass)
    {
        Layer layer = _layers[block]!;
        T* left = (matrix == FfnMatrix.Fc1 ? layer.HiddenGradients! : layer.Activations!).Start + ((long)edit * _own[block]!.Padded + unit) * layer.Padded;
        Matrix<T> right = (matrix == FfnMatrix.Fc1 ? layer.Inputs! : layer.OutputGradients!)[edit];
        if (onlyClass && layer.Tokens > 1)
            right.SumOfRows(units, left, layer.Padded, to, _width, layer.Tokens, layer.PerEdit);
        else
            right.Product(units, left, layer.Padded, to, _width);
    }

    void EachPart(int units, Action<int, int, int, Scratch> work)
    {
        int parts = (units + UnitsOfPart - 1) / UnitsOfPart;
        Each(_edits * parts, (task, scratch) =>
        {
            int start = task % parts * UnitsOfPart;
            work(task / parts, start, Math.Min(UnitsOfPart, units - start), scratch);
        });
    }

    // Attention of one head of one image.
    void Attend(Layer layer, int task, Scratch scratch)
    {
        Heads heads = scratch.Heads ??= new Heads(this);
        long at = (long)task * _padded * _headWidth;
        T* query = layer.Query!.Start + at, weights = _records ? layer.Weights!.Start + (long)task * _tokens * _padded : null;
        Matrix<T> keys = heads.Columns, values = heads.Rows;
        keys.PutColumns(layer.Key.Start + at, _headWidth, _padded);
        values.PutRows(layer.Value.Start + at, _headWidth, _padded, _headWidth);
        int image = task / _heads, head = task % _heads;
        for (int start = 0; start < _tokens; start += _rows)
        {
            int rows = Math.Min(_rows, _tokens - start);
            T* shares = _records ? weights + (long)start * _padded : heads.Shares.Start;
            keys.Product(At(rows), query + (long)start * _headWidth, _headWidth, heads.Scores.Start, _padded);
            RowKernels<T>.Softmax(heads.Scores.Start, rows, _tokens, _padded, shares);
            values.Product(At(rows), shares, _padded, heads.Mixed.Start, _headWidth);
            Gather(heads.Mixed.Start, 1, image * _tokens + start, head, rows, _mixed.Start);
        }
    }

    // From the gradients of mixtures to those of queries, keys and values.
    void AttendBackward(Layer layer, int task, Scratch scratch)
    {
        Heads heads = scratch.Heads ??= new Heads(this);
        long at = (long)task * _padded * _headWidth;
        T* query = layer.Query!.Start + at, mixed = _dMixed!.Start + at, weights = layer.Weights!.Start + (long)task * _tokens * _padded;
        Matrix<T> values = heads.Columns, keys = heads.Rows, shares = heads.AllShares!, scores = heads.AllScores!;
        values.PutColumns(layer.Value.Start + at, _headWidth, _padded);
        keys.PutRows(layer.Key.Start + at, _headWidth, _padded, _headWidth);
        int image = task / _heads, head = task % _heads;
        float scale = (float)(1 / Math.Sqrt(_headWidth));
        for (int start = 0; start < _tokens; start += _rows)
        {
            int rows = Math.Min(_rows, _tokens - start);
            T* share = weights + (long)start * _padded;
            values.Product(At(rows), mixed + (long)start * _headWidth, _headWidth, heads.Scores.Start, _padded);
            RowKernels<T>.SoftmaxBackward(heads.Scores.Start, share, rows, _padded, heads.Shares.Start);
            keys.Product(At(rows), heads.Shares.Start, _padded, heads.Mixed.Start, _headWidth);
            Gather(heads.Mixed.Start, scale, image * _tokens + start, head, rows, _dQuery!.Start);
            scores.PutRows(heads.Shares.Start, _padded, rows, _padded, start);
            shares.PutRows(share, _padded, rows, _padded, start);
        }
        // Transposed, for the queries' and mixtures' gradients are the smaller factors to turn. The queries carry the scale already.
        RowKernels<T>.Transpose(query, _headWidth, _padded, _headWidth, heads.Turned!.Start, _padded);
        scores.Product(_headWidth, heads.Turned.Start, _padded, heads.Sums!.Start, _padded);
        RowKernels<T>.TransposeSums(heads.Sums.Start, _padded, _tokens, _headWidth, _dKey!.Start + ((long)image * _tokens * _stride + head * _headWidth), _stride);
        RowKernels<T>.Transpose(mixed, _headWidth, _padded, _headWidth, heads.Turned.Start, _padded);
        shares.Product(_headWidth, heads.Turned.Start, _padded, heads.Sums.Start, _padded);
        RowKernels<T>.TransposeSums(heads.Sums.Start, _padded, _tokens, _headWidth, _dValue!.Start + ((long)image * _tokens * _stride + head * _headWidth), _stride);
    }

    // Attention of one head of one image for the [CLS] token alone: vectors, not matrices.
    void AttendClass(Layer layer, int task)
    {
        int image = task / _heads, head = task % _heads;
        long at = (long)task * _padded * _headWidth;
        float* query = _classQuery!.Start + (long)image * _width + head * _headWidth;
        float* shares = layer.ClassWeights!.Start + (long)task * _padded;
        RowKernels<T>.Dots(query, layer.Key.Start + at, _headWidth, _tokens, shares);
        RowKernels<Fp32>.Softmax(shares, 1, _tokens, _padded, (Fp32*)shares);
        float* sum = stackalloc float[_headWidth];
        RowKernels<T>.Mix(shares, layer.Value.Start + at, _headWidth, _tokens, sum);
        RowKernels<T>.Round(sum, 1, _headWidth, null, _mixed.Start + (long)image * _stride + head * _headWidth, _stride);
    }

    void AttendClassBackward(Layer layer, int task)
    {
        int image = task / _heads, head = task % _heads;
        long at = (long)task * _padded * _headWidth, row = (long)image * _tokens * _stride + head * _headWidth;
        float* query = _classQuery!.Start + (long)image * _width + head * _headWidth, gradient = _dClassQuery!.Start + (long)image * _width + head * _headWidth;
        float* shares = layer.ClassWeights!.Start + (long)task * _padded;
        float* scores = stackalloc float[_padded];
        new Span<float>(scores, _padded).Clear();
        RowKernels<T>.Outer(shares, gradient, _headWidth, _tokens, _dValue!.Start + row, _stride);
        RowKernels<T>.Dots(gradient, layer.Value.Start + at, _headWidth, _tokens, scores);
        RowKernels<Fp32>.SoftmaxBackward(scores, (Fp32*)shares, 1, _padded, (Fp32*)scores);
        RowKernels<T>.Outer(scores, query, _headWidth, _tokens, _dKey!.Start + row, _stride);
        // The gradient is in no use any more: that of the query takes its place.
        RowKernels<T>.Mix(scores, layer.Key.Start + at, _headWidth, _tokens, gradient);
        RowKernels<T>.Shift(gradient, _headWidth, null, (float)(1 / Math.Sqrt(_headWidth)));
    }

    // Rows [rows,D] of tokens to heads, [N,heads,Tp,D/heads], with their bias and times a scale.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void Scatter(float* from, float* bias, float scale, int start, int rows, T* to)
    {
        for (int row = 0; row < rows; row++)
        {
            int image = (start + row) / _tokens, token = (start + row) % _tokens;
            for (int head = 0; head < _heads; head++)
                RowKernels<T>.ShiftTo(from + (long)row * _width + head * _headWidth, _headWidth, bias is null ? null : bias + head * _headWidth, scale, to + (((long)image * _heads + head) * _padded + token) * _headWidth);
        }
    }

    // Rows of one head, [rows,D/heads], to rows of tokens.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    void Gather(float* from, float scale, int start, int head, int rows, T* to)
    {
        for (int row = 0; row < rows; row++)
            RowKernels<T>.ShiftTo(from + (long)row * _headWidth, _headWidth, null, scale, to + (long)(start + row) * _stride + head * _headWidth);
    }

    void Copy(float* from, float* to)
    {
        long count = (long)Rows * _width;
        Buffer.MemoryCopy(from, to, count * sizeof(float), count * sizeof(float));
    }

    // Rows that a product takes for some: bfloat16's come in sixteens, and fewer take longer. What the others give is not looked at.
    static int At(int rows) => T.Depth == 2 ? Up(rows) : rows;

    int PerEdit(int tokens) => _images / _edits * tokens;

    // Runs tasks of some rows: of one edit each, by its number and the row within it, or of all as one.
    void Run(int tokens, bool byEdit, Action<int, int, int, Scratch> work)
    {
        int groups = byEdit ? _edits : 1, rows = byEdit ? PerEdit(tokens) : _images * tokens;
        // Equal shares for all threads; of rows that products take at a time.
        int parts = (rows + _rows - 1) / _rows, size = _rows;
        if (groups * parts < 4 * _team)
        {
            while (groups * parts % _team != 0 && parts * Lanes < rows)
                parts++;
            size = Up((rows + parts - 1) / parts);
        }
        parts = (rows + size - 1) / size;
        Each(groups * parts, (task, scratch) =>
        {
            int start = task % parts * size;
            work(task / parts, start, Math.Min(size, rows - start), scratch);
        });
    }

    void Each(int tasks, Action<int, Scratch> work) => Team.Run(tasks, _team, (task, worker) => work(task, _scratch[worker] ??= new Scratch(this)));

    Layer LayerOf(int block, int tokens)
    {
        // One is enough where nothing is recorded.
        int place = _records ? block : 0;
        return _layers[place] ??= new Layer(this, block, tokens);
    }

    Block<E> Take<E>(long count, bool zeros = false) where E : unmanaged
    {
        Block<E> block = new(count, zeros);
        _memory.Add(block);
        return block;
    }

    public void Dispose()
    {
        foreach (IDisposable memory in (IDisposable[])[.. _memory, .. _own.OfType<OwnUnits<T>>(), .. _scratch.OfType<Scratch>()])
            memory.Dispose();
    }

    /// <summary>What one block keeps of a forward pass.</summary>
    sealed class Layer
    {
        public Layer(Engine<T> of, int block, int tokens)
        {
            long all = (long)of._most * of._tokens, behind = of._records ? (long)of._most * tokens : all, perHead = (long)of._most * of._heads * of._padded * of._headWidth;
            bool attends = block != of._first || !of._records, classAlone = of._classAlone && (!of._records || tokens == 1);
            Tokens = tokens;
            PerEdit = (int)(behind / of._edits);
            Padded = Up(PerEdit);
            Constant = of.Take<T>(block == of._first ? (behind + Lanes) * of._stride : 0);
            Middle = of.Take<float>(all * of._width);
            (Key, Value) = (of.Take<T>(attends ? perHead : 0, true), of.Take<T>(attends ? perHead : 0, true));
            Query = of.Take<T>(attends ? perHead : 0, true);
            if (classAlone)
                ClassWeights = of.Take<float>((long)of._most * of._heads * of._padded);
            if (!of._records)
                return;
            Input = of.Take<float>(attends ? all * of._width : 0);
            (Statistics1, Statistics2) = (of.Take<float>(2 * all), of.Take<float>(2 * all));
            if (attends && tokens > 1)
                Weights = of.Take<T>((long)of._most * of._heads * of._tokens * of._padded);
            OwnUnits<T>? own = of._own[block];
            if (own is null || own.Frozen is not null)
                Slope = of.Take<T>(behind * of._hidden);
            if (own is null)
                return;
            OwnSlope = of.Take<T>(behind * own.Padded);
            (Activations, HiddenGradients) = (of.Take<T>((long)of._edits * own.Padded * Padded, true), of.Take<T>((long)of._edits * own.Padded * Padded, true));
            (Inputs, OutputGradients) = (Matrices(), Matrices());

            Matrix<T>[] Matrices() => [.. Enumerable.Range(0, of._edits).Select(_ =>
            {
                Matrix<T> matrix = new(PerEdit, of._width);
                of._memory.Add(matrix);
                return matrix;
            })];
        }

        public int Tokens { get; }            // M, behind the attention

        public int PerEdit { get; }           // S·M

        public int Padded { get; }            // the same, up to a multiple of 16

        public readonly Block<T> Constant;    // [R,D + spare]: the first FFN's normed input
        public readonly Block<float>? Input;  // [R,D]: tokens before the attention
        public readonly Block<float> Middle;  // [R,D]: tokens behind it
        public readonly Block<float>? Statistics1, Statistics2; // [R,2]
        public readonly Block<T> Query, Key, Value; // [N,heads,Tp,D/heads], the queries scaled
        public readonly Block<T>? Weights;    // [N,heads,T,Tp]
        public readonly Block<float>? ClassWeights; // [N,heads,Tp]
        public readonly Block<T>? Slope, OwnSlope; // [R,H] and [R,u]: derivatives of activations
        public readonly Block<T>? Activations, HiddenGradients; // [B,u,S·M]
        public readonly Matrix<T>[]? Inputs, OutputGradients; // an edit [S·M,D]
    }

    /// <summary>What one worker needs for a while.</summary>
    sealed class Scratch : IDisposable
    {
        readonly Engine<T> _of;
        readonly Block<T> _normed;
        readonly Block<float> _out, _statistics;
        Block<T>? _active;     // these two at their first use, in a pass: before, weights of some blocks' units are set when others' number is not known
        Block<float>? _hidden;

        public Scratch(Engine<T> of)
        {
            _of = of;
            _normed = new Block<T>((long)of._rows * of._stride);
            _out = new Block<float>((long)of._rows * of._width);
            _statistics = new Block<float>(2 * of._rows);
        }

        int Units => Math.Max(MostUnits, _of._own.Max(o => o?.Padded ?? 0));

        public T* Normed => _normed.Start; // [rows,D + spare]

        public T* Active => (_active ??= new Block<T>((long)_of._rows * (Units + Spare))).Start; // [rows,units + spare]

        public float* Hidden => (_hidden ??= new Block<float>((long)_of._rows * Units)).Start; // [rows,units]

        public float* Out => _out.Start; // [rows,D]

        public float* Statistics => _statistics.Start; // [rows,2]

        public Heads? Heads;

        public void Dispose()
        {
            foreach (IDisposable? block in (IDisposable?[])[_normed, _active, _hidden, _out, _statistics, Heads])
                block?.Dispose();
        }
    }

    /// <summary>What one worker needs for attention.</summary>
    sealed class Heads : IDisposable
    {
        public Heads(Engine<T> of)
        {
            Columns = new Matrix<T>(of._headWidth, of._padded);
            Rows = new Matrix<T>(of._padded, of._headWidth);
            Scores = new Block<float>((long)of._rows * of._padded);
            Shares = new Block<T>((long)of._rows * of._padded);
            Mixed = new Block<float>((long)of._rows * of._headWidth);
            if (!of._records)
                return;
            AllShares = new Matrix<T>(of._padded, of._padded);
            AllScores = new Matrix<T>(of._padded, of._padded);
            Turned = new Block<T>((long)of._headWidth * of._padded);
            Sums = new Block<float>((long)of._headWidth * of._padded);
        }

        public readonly Matrix<T> Columns, Rows;            // [D/heads,Tp], [Tp,D/heads]
        public readonly Block<float> Scores, Mixed;         // [rows,Tp], [rows,D/heads]
        public readonly Block<T> Shares;                    // [rows,Tp]
        public readonly Matrix<T>? AllShares, AllScores;    // [Tp,Tp]
        public readonly Block<T>? Turned;                   // [D/heads,Tp]
        public readonly Block<float>? Sums;                 // [D/heads,Tp]

        public void Dispose()
        {
            foreach (IDisposable? block in (IDisposable?[])[Columns, Rows, Scores, Mixed, Shares, AllShares, AllScores, Turned, Sums])
                block?.Dispose();
        }
    }
}
