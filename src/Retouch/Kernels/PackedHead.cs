using Retouch.Vit;
using TorchSharp;
using static Retouch.Kernels.Shape;
using static TorchSharp.torch;

namespace Retouch.Kernels;

/// <summary>
/// A model's last norm and its linear classifier as kernels read them, float32. Belongs to the model. Safe to use from
/// several threads.
/// </summary>
sealed unsafe class PackedHead : IDisposable
{
    readonly Tensor[] _exact; // alive while their memory is pointed to

    PackedHead(VitModel model)
    {
        Tensor head = model.Tensors[VitNames.HeadWeight];
        Classes = (int)head.shape[0];
        int width = (int)head.shape[1];
        int more = Up(Classes) - Classes;
        using DisposeScope scope = NewDisposeScope();
        using IDisposable noGrad = no_grad();
        Tensor weight = cat([head, zeros(more, width)], 0);
        Ahead = PackedMatrix<Fp32>.OfColumns((Fp32*)Pointer.Of(weight), width, Up(Classes));
        Back = PackedMatrix<Fp32>.OfRows((Fp32*)Pointer.Of(weight), Classes, width);
        _exact =
        [
            model.Tensors[VitNames.NormWeight].contiguous().DetachFromDisposeScope(),
            model.Tensors[VitNames.NormBias].contiguous().DetachFromDisposeScope(),
            cat([model.Tensors[VitNames.HeadBias], zeros(more)], 0).DetachFromDisposeScope(),
        ];
        NormWeight = (float*)Pointer.Of(_exact[0]);
        NormBias = (float*)Pointer.Of(_exact[1]);
        Bias = (float*)Pointer.Of(_exact[2]);
    }

    /// <summary>C.</summary>
    public int Classes { get; }

    /// <summary>From normed tokens to logits, <c>[D,Cp]</c>, Cp being C up to a multiple of 16.</summary>
    public PackedMatrix<Fp32> Ahead { get; }

    /// <summary>From the logits' gradients to those of normed tokens, <c>[C,D]</c>.</summary>
    public PackedMatrix<Fp32> Back { get; }

    /// <summary><c>[D]</c>.</summary>
    public float* NormWeight { get; }

    /// <summary><c>[D]</c>.</summary>
    public float* NormBias { get; }

    /// <summary>Of the logits, <c>[Cp]</c>.</summary>
    public float* Bias { get; }

    /// <summary>Whether a model's classifier is a norm of [CLS] and a linear layer.</summary>
    public static bool Fits(VitConfig config) =>
        config is { ReadsClassAlone: true, LastNorm: true, NormAfterPooling: false, Projection: 0, Cosine: false };

    /// <summary>A model's; the model owns it.</summary>
    public static PackedHead Of(VitModel model) => model.Derived(m => new PackedHead(m));

    /// <summary>Frees the memory.</summary>
    public void Dispose()
    {
        Ahead.Dispose();
        Back.Dispose();
        foreach (Tensor tensor in _exact)
            tensor.Dispose();
    }
}
