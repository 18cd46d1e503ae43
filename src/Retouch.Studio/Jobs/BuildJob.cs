using System.Globalization;
using Retouch.Formats;
using Retouch.Patches;
using Retouch.Studio.World;
using Retouch.UseCases;

namespace Retouch.Studio.Jobs;

/// <summary>Builds the model of a state of the ledger, to be downloaded.</summary>
/// <param name="world">The model.</param>
sealed class BuildJob(StudioWorld world) : IJobKind
{
    /// <summary>Its name.</summary>
    public const string Kind = "build";

    /// <summary>A format: safetensors under the model's own names.</summary>
    public const string Safetensors = "safetensors";

    /// <summary>A format: ONNX.</summary>
    public const string Onnx = "onnx";

    public string Name => Kind;

    /// <summary>What a job is asked for.</summary>
    /// <param name="entry">The last entry of the ledger that counts.</param>
    /// <param name="format">The format.</param>
    public static Dictionary<string, string> Request(int entry, string format) =>
        new() { ["entry"] = entry.ToString(CultureInfo.InvariantCulture), ["format"] = format };

    public (string Result, string? Output) Run(
        IReadOnlyDictionary<string, string> request,
        string folder,
        IUseCaseEvents events,
        CancellationToken cancellation
    )
    {
        Ledger ledger = world.RequireLedger();
        LedgerState state = ledger.At(int.Parse(request["entry"], CultureInfo.InvariantCulture));
        string stem = $"{Path.GetFileNameWithoutExtension(world.Options.Model.Path)}-{state.Number}";
        ModelFile file = world.Options.Model;
        IReadOnlyList<LoadedPatch> patches = ledger.Load(state);
        try
        {
            return events.Progress(
                "building the model",
                1,
                report =>
                {
                    report(0, null);
                    using BuiltModel built = LedgerUseCase.Build(ledger, state, file, patches, force: false);
                    string output = Path.Combine(folder, $"{stem}.{request["format"]}");
                    cancellation.ThrowIfCancellationRequested();
                    if (request["format"] == Onnx)
                        OnnxExport.Write(
                            built.Model,
                            file.Preprocessing,
                            world.Labels,
                            new Dictionary<string, string?>
                            {
                                [AppliedPatches.Key] = AppliedPatches.OnnxText(built.Applied),
                            },
                            output,
                            overwrite: true
                        );
                    else
                        built.Write(output, overwrite: true);
                    report(1, null);
                    return ($"the model with {patches.Count} patches, as of entry {state.Number}", (string?)output);
                }
            );
        }
        finally
        {
            foreach (LoadedPatch patch in patches)
                patch.Dispose();
        }
    }
}
