using Retouch.Locating;

namespace Retouch.Cli;

/// <summary>The commands that make what an edit lacks, as exactly as is known.</summary>
static class MakingText
{
    const string Model = "--model MODEL";
    const string Images = "--images FOLDER";

    /// <summary>What makes a preparation, from a folder of ordinary images.</summary>
    /// <param name="commands">What is known of the model and the blocks.</param>
    /// <param name="name">The method that it is for, or the preparation's own name; also that of the file.</param>
    public static string Prepare(this MadeFor commands, string name) => Prepare(commands.Model, commands.Blocks, name);

    /// <inheritdoc cref="Prepare(MadeFor, string)"/>
    public static string Prepare(string? model, string? blocks, string name) =>
        $"retouch prepare {model ?? Model} {Images} --method {name}{Window(blocks)} --out {name}.safetensors";

    /// <summary>What trains a locator, from a folder of ordinary images.</summary>
    /// <param name="commands">What is known of the model and the blocks.</param>
    public static string TrainLocator(this MadeFor commands) => TrainLocator(commands.Model, commands.Blocks);

    /// <inheritdoc cref="TrainLocator(MadeFor)"/>
    public static string TrainLocator(string? model, string? blocks) =>
        $"retouch train-locator {model ?? Model} {Images}{Window(blocks)} --out locator.safetensors";

    static string Window(string? blocks) => blocks is null ? "" : $" --blocks {blocks}";
}
