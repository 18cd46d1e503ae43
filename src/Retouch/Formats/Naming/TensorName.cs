using Retouch.Vit;

namespace Retouch.Formats;

/// <summary>One row of a naming scheme. Immutable.</summary>
/// <param name="Canonical">The canonical name (<see cref="VitNames"/>), with <c>{i}</c> for the block's number.</param>
/// <param name="InFile">The file's name for it, likewise; <c>{part}</c> stands for parts of any name.</param>
/// <param name="Part">
/// Where a file keeps the query, key and value projections apart, 0, 1 or 2 for them; else null.
/// </param>
/// <param name="Layout">How the file lays it out.</param>
public sealed record TensorName(
    string Canonical,
    string InFile,
    int? Part = null,
    TensorLayout Layout = TensorLayout.Same
);
