using Retouch.Benchmarks;

namespace Retouch.UseCases;

/// <summary>What came of a search for the best blocks. Immutable.</summary>
/// <param name="Result">The windows, and which is recommended.</param>
/// <param name="Rows">The file of rows.</param>
/// <param name="Table">The windows as a table, in CSV.</param>
/// <param name="Figure">The windows as a figure, in SVG.</param>
public sealed record LocationReport(LocationResult Result, string Rows, string Table, string Figure);
