namespace Retouch.Locating;

/// <summary>The commands that make what an edit lacks, as exactly as is known, for messages. Immutable.</summary>
public sealed record MakingCommands
{
    const string Images = "--images FOLDER";

    /// <summary>The arguments that name the model, as a shell takes them.</summary>
    public string Model { get; init; } = "--model MODEL";

    /// <summary>The blocks to edit, such as 7-9, or null for those that a command takes by itself.</summary>
    public string? Blocks { get; init; }

    /// <summary>What makes a preparation, from a folder of ordinary images.</summary>
    /// <param name="name">The method that it is for, or the preparation's own name; also that of the file.</param>
    public string Prepare(string name) => $"retouch prepare {Model} {Images} --method {name}{Window} --out {name}.safetensors";

    /// <summary>What trains a locator, from a folder of ordinary images.</summary>
    public string TrainLocator() => $"retouch train-locator {Model} {Images}{Window} --out locator.safetensors";

    string Window => Blocks is null ? "" : $" --blocks {Blocks}";
}
