using System.Net;
using Retouch.Data;
using Retouch.Formats;
using Retouch.UseCases;

namespace Retouch.Studio;

/// <summary>What a studio opens, and where. Immutable.</summary>
public sealed record StudioOptions
{
    /// <summary>The model; not owned.</summary>
    public required ModelFile Model { get; init; }

    /// <summary>The names of its classes.</summary>
    public required LabelSet Labels { get; init; }

    /// <summary>The file of their names; null for what the model's own say.</summary>
    public string? LabelFile { get; init; }

    /// <summary>What folders' names mean beside that, as a file; null for none.</summary>
    public string? Accepted { get; init; }

    /// <summary>Folders of images, in folders that are called by their class where the class is known.</summary>
    public required IReadOnlyList<string> Images { get; init; }

    /// <summary>Ordinary images, on which is measured what else an edit changes; null for none.</summary>
    public ImageFolder? Locality { get; init; }

    /// <summary>What folders' names mean beside the classes' names.</summary>
    public required ClassFolders Classes { get; init; }

    /// <summary>Another model of the same classes to compare with; null for none. Not owned.</summary>
    public ModelFile? Against { get; init; }

    /// <summary>The ledger that edits are accepted into; null for none.</summary>
    public string? Ledger { get; init; }

    /// <summary>What was prepared for the model.</summary>
    public TrainedFiles Files { get; init; } = new();

    /// <summary>The folder of what is kept between runs: what was read of the images, and jobs.</summary>
    public required string WorkFolder { get; init; }

    /// <summary>Who accepts edits, as the ledger says.</summary>
    public string Author { get; init; } = Environment.UserName;

    /// <summary>The address to listen on; the loopback unless somebody says so.</summary>
    public IPAddress Address { get; init; } = IPAddress.Loopback;

    /// <summary>The port; 0 for any that is free.</summary>
    public int Port { get; init; }
}
