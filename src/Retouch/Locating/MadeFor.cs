namespace Retouch.Locating;

/// <summary>
/// What a caller says of the model and the blocks when it makes something for them: part of each <see cref="Remedy"/>
/// that is to make what an edit lacks. Immutable.
/// </summary>
public sealed record MadeFor
{
    /// <summary>
    /// The model as the caller names it, as it is to be given back in <see cref="Remedy.Model"/>; null where it is not
    /// known.
    /// </summary>
    public string? Model { get; init; }

    /// <summary>The blocks to edit, such as 7-9, or null for the usual.</summary>
    public string? Blocks { get; init; }

    /// <summary>To make a preparation.</summary>
    /// <param name="name">The method that it is for, or the preparation's own name.</param>
    public Remedy MakePreparation(string name) => Remedy.Make(Artifact.Preparation, name, Model, Blocks);

    /// <summary>To train a locator.</summary>
    public Remedy MakeLocator() => Remedy.Make(Artifact.Locator, null, Model, Blocks);
}
