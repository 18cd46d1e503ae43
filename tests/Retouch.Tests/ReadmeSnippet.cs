using Retouch.Editing;
using Retouch.Formats;
using Retouch.Images;
using Retouch.Locating;
using Retouch.Patches;
using Retouch.Suffix;

// Outside the namespace of the library, whose names a reader's program does not see by itself either.
namespace Readme;

/// <summary>The README's lines of C#, which are the same here, so that they compile.</summary>
static class Snippet
{
    public static void Run()
    {
        using ModelFile file = ModelFile.Load("model.safetensors");
        SplitVit split = new(file.Model);
        using PrefixState image = split.Prefix(ImageLoader.LoadBatch(["painting.jpg"], file.Preprocessing));
        MaskedFineTuning editor = new(new GradientLocator());
        using EditResult result = editor.Edit(split, [new Failure(image, Label: 386)])[0];
        PatchFile.Save(result.Patch, "elephant.patch", overwrite: false);
        file.WriteWith("edited.safetensors", PatchLedger.Edited(file.Model, [result.Patch]), overwrite: false);
    }
}
