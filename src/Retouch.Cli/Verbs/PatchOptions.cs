using System.CommandLine;
using Retouch.Data;
using Retouch.Formats;
using Retouch.Measurement;
using Retouch.Vit;

namespace Retouch.Cli.Verbs;

/// <summary>The options of verbs that apply patches: which, and whether what they do together is measured.</summary>
sealed class PatchOptions
{
    readonly Option<string[]> _patches = new("--patch")
    {
        Description = "A patch, or several to stack; their order does not matter.",
        AllowMultipleArgumentsPerToken = true,
        HelpName = "FILE",
    };
    readonly Option<bool?> _verify = new("--verify")
    {
        Description =
            "Ask the edited model about the images that the patches were made for, and write nothing where one is "
            + "wrong (exit code 1). By default those images are asked that are still where they were; --verify "
            + "needs all of them, --verify false asks none.",
        Arity = ArgumentArity.ZeroOrOne,
        HelpName = "BOOL",
    };
    readonly Option<string?> _images = new("--images")
    {
        Description = "A folder to look for these images in, whatever they are called there.",
        HelpName = "DIR",
    };
    readonly Option<bool> _force = new("--force")
    {
        Description = "Take patches that cancel each other, and write the result even if images are wrong under it.",
    };

    public PatchOptions(Command command, bool required)
    {
        _patches.Required = required;
        foreach (Option option in (Option[])[_patches, _verify, _images, _force])
            command.Add(option);
    }

    /// <summary>The name of the option that names patches.</summary>
    public string Name => _patches.Name;

    /// <summary>Whether patches that cancel each other are to be taken.</summary>
    public bool Forced(ParseResult parsed) => parsed.GetValue(_force);

    /// <summary>The patches that were named.</summary>
    public string[] Paths(ParseResult parsed) => parsed.GetValue(_patches) ?? [];

    /// <summary>
    /// Loads the patches of a model; those that cancel each other are refused unless --force is given.
    /// </summary>
    public PatchStack Load(ParseResult parsed, ModelFile file)
    {
        PatchStack stack = new(Paths(parsed), file.Model);
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

    /// <summary>Asks the edited model, as it will be stored, about the images that its patches were made for.</summary>
    /// <exception cref="BadInputException">--verify was given and an image cannot be asked.</exception>
    public PatchVerdict Verify(
        ParseResult parsed,
        PatchStack stack,
        VitModel edited,
        ModelFile file,
        LabelSet labels,
        CancellationToken cancellation
    )
    {
        bool? asked = parsed.GetValue(_verify);
        ImageFolder? folder = parsed.GetValue(_images) is string path ? ImageFolder.Open(path) : null;
        IReadOnlyList<PatchedImage> images =
            asked == false
                ? []
                : PatchedImages.Measure(
                    edited,
                    file.Preprocessing,
                    [.. stack.Paths.Zip(stack.Patches)],
                    folder,
                    cancellation
                );
        PatchedImage[] measured = [.. images.Where(i => i.Predicted is not null)];
        PatchedImage[] missing = [.. images.Where(i => i.Predicted is null)];
        if (asked == true && missing is [var first, ..])
            throw new BadInputException(
                $"--verify needs the images of all patches, but {first.Image.Name} of {stack.Paths[first.Patch]} "
                    + $"cannot be asked ({Why(first)}); name the folder that has it with --images."
            );

        int good = measured.Count(i => i.IsRight);
        bool right = good == measured.Length;
        bool write = right || parsed.GetValue(_force);
        int? mostlyWrong = measured
            .GroupBy(i => i.Patch)
            .FirstOrDefault(g => 2 * g.Count(i => i.IsWrong) > g.Count())
            ?.Key;
        string[] notes =
        [
            .. Overlaps.Notes(
                stack.Paths,
                stack.Patches,
                measured.Length == 0
                    ? "each was measured alone, and what they do together was not, so check the model with both"
                    : $"each was measured alone; measured together, {good} of {measured.Length} of the patches' "
                        + "images are right"
            ),
            .. LongList.Lines(
                missing,
                i =>
                    $"note: {i.Image.Name} of {stack.Paths[i.Patch]} was not asked ({Why(i)}); "
                    + "--images DIR looks for it.",
                more => $"note: {more} were not asked."
            ),
            .. stack
                .Paths.Zip(stack.Patches)
                .Where(p => p.Second.Provenance.Preprocessing is string line && line != file.Preprocessing.ToString())
                .Select(p =>
                    $"warning: {p.First} was made with other preprocessing: {p.Second.Provenance.Preprocessing}; here "
                    + $"it is: {file.Preprocessing}."
                ),
        ];
        string[] lines =
        [
            .. LongList.Lines(measured, Line, more => $"  {more} are right", many: i => i.IsRight),
            .. measured.Length == 0
                ? (string[])[]
                :
                [
                    $"  {good} of {measured.Length} of the patches' own images are "
                        + $"right{(stack.Paths.Length > 1 ? " with all patches together" : "")}",
                ],
            .. write ? (string[])[] : ["  nothing was written; leave patches out, or --force writes it all the same"],
            .. mostlyWrong is int patch ? (string[])[Otherwise(patch)] : [],
        ];
        return new PatchVerdict(right, write, notes, lines);

        string Line(PatchedImage i) =>
            $"  {(i.IsRight ? "right" : "WRONG")}  {i.Path}: {Name(i.Predicted!.Value)}, "
            + $"{100 * i.Probability:0.00} %{(i.IsRight ? "" : $", not {Name(i.Label)}")} ({stack.Paths[i.Patch]})";

        // What its fingerprint does not say of a model, such as how many heads it has, nobody else notices.
        string Otherwise(int p) =>
            $"  most images of {stack.Paths[p]} are wrong: the model may be opened otherwise than when it was made"
            + (stack.Patches[p].Provenance.Preprocessing is string then ? $" ({then})" : "")
            + "; give the same --heads, --norm-epsilon … as then";

        string Name(int index) =>
            labels.HasNames && index < labels.Count ? $"{labels[index].Name} ({index})" : $"class {index}";

        static string Why(PatchedImage image) => RemedyText.Of(image.Missing!).TrimEnd('.');
    }
}
