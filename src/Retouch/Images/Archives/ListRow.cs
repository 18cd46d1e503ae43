namespace Retouch.Images;

/// <summary>An image as a list names it.</summary>
/// <param name="Place">Where.</param>
/// <param name="Image">Its path, as it is written.</param>
/// <param name="Class">Its class; null where the list says none.</param>
readonly record struct ListRow(ListPlace Place, string Image, string? Class);
