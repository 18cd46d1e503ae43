using System.CommandLine;
using Retouch.Evaluation;
using Retouch.Formats;
using Retouch.Images;
using Retouch.Patches;
using Retouch.Vit;

namespace Retouch.Cli.Verbs;

/// <summary>The options of verbs that apply patches: which, and whether what they do together is measured.</summary>
sealed class PatchOptions
{
    readonly Option<string[]> _patches = new("--patch") { Description = "A patch, or several to stack; their order does not matter.", AllowMultipleArgumentsPerToken = true, HelpName = "FILE" };
    readonly Option<bool?> _verify = new("--verify") { Description = "Ask the edited model about the images that the patches were made for, and write nothing where one is wrong (exit code 1). By default those images are asked that are still where they were; --verify needs all of them, --verify false asks none.", Arity = ArgumentArity.ZeroOrOne, HelpName = "BOOL" };
    readonly Option<string?> _images = new("--images") { Description = "A folder to look for these images in, whatever they are called there.", HelpName = "DIR" };
    readonly Option<bool> _force = new("--force") { Description = "Take patches that cancel each other, and write the result even if images are wrong under it." };

    public PatchOptions(Command command, bool required)
    {
        _patches.Required = required;
        foreach (Option option in (Option[])[_patches, _verify, _images, _force])
            command.Add(option);
    }

    /// <summary>Loads the patches of a model; those that cancel each other are refused unless --force is given.</summary>
    public PatchStack Load(ParseResult parsed, ModelFile file)
    {
        PatchStack stack = new(parsed.GetValue(_patches) ?? [], file.Model);
        try
        {
            if (!parsed.GetValue(_force))
                Overlaps.Refuse(stack.Paths, stack.Patches);
            return stack;
        }
        catch
        {
            stack.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Says what the patches do together in the edited model as it will be stored, and gives whether to write it;
    /// <c>right</c> is whether no image was found wrong, which the exit code says.
    /// </summary>
    public bool Verify(ParseResult parsed, Terminal terminal, PatchStack stack, VitModel edited, ModelFile file, LabelSet labels, out bool right)
    {
        right = true;
        bool? asked = parsed.GetValue(_verify);
        ImageFolder? folder = parsed.GetValue(_images) is string path ? ImageFolder.Open(path) : null;
        (string, Patch)[] patches = [.. stack.Paths.Zip(stack.Patches)];
        IReadOnlyList<PatchedImage> images = asked == false ? [] : PatchedImages.Measure(edited, file.Preprocessing, patches, folder, terminal.Cancellation);
        PatchedImage[] measured = [.. images.Where(i => i.Predicted is not null)], missing = [.. images.Where(i => i.Predicted is null)];
        int good = measured.Count(i => i.IsRight);
        if (asked == true && missing.Length > 0)
            throw new BadInputException($"--verify needs the images of all patches, but {missing[0].Image.Name} of {stack.Paths[missing[0].Patch]} cannot be asked ({missing[0].Missing!.TrimEnd('.')}); name the folder that has it with --images.");

        Action<string> say = terminal.Json ? terminal.Note : terminal.Line;
        Overlaps.Print(terminal, stack.Paths, stack.Patches, measured.Length == 0
            ? "each was measured alone, and what they do together was not, so check the model with both"
            : $"each was measured alone; measured together, {good} of {measured.Length} of the patches' images are right");
        foreach (PatchedImage image in measured)
            say($"  {(image.IsRight ? "right" : "WRONG")}  {image.Path}: {Name(image.Predicted!.Value)}, {100 * image.Probability:0.00} %{(image.IsRight ? "" : $", not {Name(image.Label)}")} ({stack.Paths[image.Patch]})");
        foreach (PatchedImage image in missing)
            terminal.Note($"note: {image.Image.Name} of {stack.Paths[image.Patch]} was not asked ({image.Missing!.TrimEnd('.')}); --images DIR looks for it.");
        foreach ((string patch, Patch made) in patches.Where(p => p.Item2.Provenance.Preprocessing is string line && line != file.Preprocessing.ToString()))
            terminal.Note($"warning: {patch} was made with other preprocessing: {made.Provenance.Preprocessing}; here it is: {file.Preprocessing}.");
        if (measured.Length > 0)
            say($"  {good} of {measured.Length} of the patches' own images are right{(stack.Paths.Length > 1 ? " with all patches together" : "")}");
        right = good == measured.Length;
        if (right || parsed.GetValue(_force))
            return true;
        say("  nothing was written; leave patches out, or --force writes it all the same");
        return false;

        string Name(int index) => labels.HasNames && index < labels.Count ? $"{labels[index].Name} ({index})" : $"class {index}";
    }
}
