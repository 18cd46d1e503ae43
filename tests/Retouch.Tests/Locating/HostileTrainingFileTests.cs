using Retouch.Formats;
using Retouch.Locating;
using Retouch.Pretraining;
using TorchSharp;
using static TorchSharp.torch;

namespace Retouch.Tests.Locating;

/// <summary>Banks, checkpoints and locators whose numbers are none: refused where they are read.</summary>
public sealed class HostileTrainingFileTests : IDisposable
{
    static readonly LocatorTrainingSettings Quick = new()
    {
        Batch = 4,
        Blocks = 1,
        Heads = 3,
        StepsPerBatch = 1,
    };

    readonly MetaWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Theory]
    [InlineData("features", double.NaN)]
    [InlineData("originals", double.PositiveInfinity)]
    [InlineData("targets", double.NaN)]
    [InlineData("targets", 1.5)]
    [InlineData("targets", -0.5)]
    [InlineData("gradients", -1)]
    [InlineData("measures", double.NegativeInfinity)]
    public void A_banks_numbers_are_checked_when_its_files_are_read(string tensor, double value)
    {
        using TargetBankFiller filler = _world.Filler();
        TargetBank bank = _world.Bank("bank", filler);
        filler.Fill(bank, 3);
        bank.ReadFirst(3).Dispose();
        Spoil(Path.Combine(bank.Folder, "targets-0000000.safetensors"), tensor, value);
        string message = Assert.Throws<BadInputException>(() => bank.ReadFirst(3)).Message;
        Assert.Contains("targets-0000000.safetensors", message, StringComparison.Ordinal);
        Assert.Contains(tensor, message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("square.cls_token", double.NaN)]
    [InlineData("square.cls_token", -1)]
    [InlineData("now.cls_token", double.PositiveInfinity)]
    public void A_checkpoints_tensors_are_checked(string tensor, double value)
    {
        string path = Checkpoint();
        Spoil(path, tensor, value);
        Assert.Contains("cls_token", Refused(path), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("lossSum", "NaN")]
    [InlineData("lossSum", "1e999")]
    [InlineData("lossCount", "-1")]
    [InlineData("batches", "-1")]
    [InlineData("batches", "99999999999")]
    [InlineData("heads", "x")]
    [InlineData("bestLoss", "Infinity")]
    [InlineData("curve", "[{\"batches\": 1e999}]")]
    [InlineData("curve", "[")]
    public void A_checkpoints_texts_are_checked(string key, string value)
    {
        string path = Checkpoint();
        Spoil(path, null, 0, (key, value));
        Assert.Contains(key, Refused(path), StringComparison.Ordinal);
    }

    [Fact]
    public void A_locators_provenance_that_cannot_be_is_refused()
    {
        using Hypernetwork network = Hypernetwork.Create(_world.Split.Space, 1, 3, null, 0);
        using TargetBankFiller filler = _world.Filler();
        LocatorProvenance provenance = new()
        {
            Targets = filler.Manifest,
            Count = 1,
            Training = [],
            Batches = 1,
            HeldOutLoss = 0.5,
        };
        string path = _world.Folder("locator");
        HypernetworkFile.Save(network, provenance, path, half: false, overwrite: true);
        Assert.Equal(0.5, HypernetworkFile.Provenance(path)!.HeldOutLoss);
        string text;
        using (SafeTensorsFile file = SafeTensorsFile.Open(path))
            text = file.Metadata["provenance"];
        Spoil(
            path,
            null,
            0,
            ("provenance", text.Replace("\"heldOutLoss\":0.5", "\"heldOutLoss\":1e999", StringComparison.Ordinal))
        );
        Assert.Contains(
            "\"$.heldOutLoss\" is a number beyond",
            Assert.Throws<BadInputException>(() => HypernetworkFile.Provenance(path)).Message,
            StringComparison.Ordinal
        );
    }

    [Fact]
    public void A_pretrainings_moments_are_checked()
    {
        PretrainingSettings settings = new()
        {
            ImageSize = 8,
            Depth = 1,
            Width = 8,
            Heads = 2,
            MlpWidth = 8,
        };
        string path = _world.Folder("pretraining");
        using (PretrainingRun run = new(settings, 3))
            PretrainingCheckpoint.Save(run, "data", path);
        PretrainingCheckpoint.Load(path, "data", settings, 3).Dispose();
        foreach (
            (string tensor, double value) in ((string, double)[])
                [("weights", double.NaN), ("first", double.PositiveInfinity), ("second", -1)]
        )
        {
            using (PretrainingRun run = new(settings, 3))
                PretrainingCheckpoint.Save(run, "data", path);
            Spoil(path, tensor, value);
            Assert.Contains(
                tensor,
                Assert.Throws<BadInputException>(() => PretrainingCheckpoint.Load(path, "data", settings, 3)).Message,
                StringComparison.Ordinal
            );
        }
    }

    string Checkpoint()
    {
        string path = _world.Folder("checkpoint");
        using LocatorTraining training = LocatorTraining.Start(_world.Split.Space, Quick);
        LocatorCheckpoint.Save(training, "data", path);
        LocatorCheckpoint.Load(path, "data", Quick).Dispose();
        return path;
    }

    static string Refused(string path)
    {
        string message = Assert.Throws<BadInputException>(() => LocatorCheckpoint.Load(path, "data", Quick)).Message;
        Assert.Contains(path, message, StringComparison.Ordinal);
        return message;
    }

    /// <summary>Writes a file again with another first number in a tensor, or another text.</summary>
    static void Spoil(string path, string? tensor, double value, params (string Key, string Value)[] texts)
    {
        using DisposeScope scope = NewDisposeScope();
        Dictionary<string, Tensor> tensors;
        Dictionary<string, string> metadata;
        using (SafeTensorsFile file = SafeTensorsFile.Open(path))
        {
            tensors = file.Tensors.Keys.ToDictionary(n => n, file.Read);
            metadata = file.Metadata.ToDictionary(m => m.Key, m => m.Value);
        }
        if (tensor is not null)
            tensors[tensor].view(-1)[0] = value;
        foreach ((string key, string text) in texts)
            metadata[key] = text;
        SafeTensorsWriter.Write(path, tensors.Select(t => (t.Key, t.Value)), metadata, overwrite: true);
    }
}
