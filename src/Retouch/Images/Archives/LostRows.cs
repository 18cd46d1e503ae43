using System.Diagnostics.CodeAnalysis;

namespace Retouch.Images;

/// <summary>
/// The rows of a list whose images are not there, for one error that names the first of them. Not safe for several
/// threads.
/// </summary>
/// <param name="file">The list.</param>
/// <param name="roots">The folders from which its paths go on.</param>
/// <param name="remedy">What to do about paths that go on from them.</param>
sealed class LostRows(string file, IReadOnlyList<string> roots, Remedy? remedy = null)
{
    const int Named = 5;

    readonly List<ListRow> _first = [];
    int _rows;
    int _lost;
    bool _below;

    /// <summary>Counts a row, and remembers it where its image is not there.</summary>
    /// <param name="row">The row.</param>
    /// <param name="found">Its image's file; null where there is none.</param>
    /// <returns>Whether it is there.</returns>
    public bool Has(ListRow row, [NotNullWhen(true)] string? found)
    {
        _rows++;
        if (found is not null)
            return true;
        _lost++;
        _below |= !Path.IsPathRooted(row.Image);
        if (_first.Count < Named)
            _first.Add(row);
        return false;
    }

    /// <summary>Refuses the list where images of it are not there.</summary>
    /// <exception cref="BadInputException">There are such.</exception>
    public void Refuse()
    {
        if (_lost == 0)
            return;
        if (_lost == 1)
            throw ImageList.Missing(file, _first[0], roots, remedy);
        string more = _lost > _first.Count ? $" and {_lost - _first.Count} more" : "";
        string from = _below ? $"; paths that are not whole go on from {string.Join(", ", roots)}" : "";
        throw BadInput.Missing(
            file,
            $"{_lost} of the {_rows} images that {file} names are not there: "
                + $"{string.Join(", ", _first.Select(r => $"{ImageList.Brief(r.Image)} ({r.Place})"))}{more}{from}.",
            _below ? remedy : null
        );
    }
}
