using Retouch.Vit;

namespace Retouch.Formats;

/// <summary>One row of a naming scheme. Immutable.</summary>
/// <param name="Canonical">
/// The canonical name (<see cref="VitNames"/>), with <c>{i}</c> for the block's number; <c>{s}</c> is that of a stage's
/// first block, <c>{s+1}</c> that of the next stage's.
/// </param>
/// <param name="InFile">
/// The file's name for it, likewise; <c>{part}</c> stands for parts of any name. Beside <c>{s}</c>, <c>{i}</c> is the
/// block's number within its stage.
/// </param>
/// <param name="Part">
/// Where a file keeps apart what is one canonical tensor (queries, keys and values; gates and values), which part this
/// is, from 0 on; else null.
/// </param>
/// <param name="Layout">How the file lays it out.</param>
/// <param name="Of">How many parts, equally large, the canonical tensor has.</param>
/// <param name="Span">How many of them the file's tensor is.</param>
public sealed record TensorName(
    string Canonical,
    string InFile,
    int? Part = null,
    TensorLayout Layout = TensorLayout.Same,
    int Of = 3,
    int Span = 1
);
