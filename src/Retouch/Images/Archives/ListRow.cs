namespace Retouch.Images;

/// <summary>An image as a list names it.</summary>
/// <param name="Line">Where, from 1 on.</param>
/// <param name="Image">Its path, as it is written.</param>
/// <param name="Class">Its class; null where the list says none.</param>
readonly record struct ListRow(int Line, string Image, string? Class);
