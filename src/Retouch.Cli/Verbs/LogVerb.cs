using System.CommandLine;
using Retouch.Patches;
using Retouch.Suffix;
using TorchSharp;

namespace Retouch.Cli.Verbs;

/// <summary><c>log</c>: what patches are and where they come from.</summary>
sealed class LogVerb : Verb
{
    // Of the images in the text: a repair has hundreds.
    const int MostImages = 10;

    readonly Argument<string[]> _patches = new("PATCH")
    {
        Description = "Patch files.",
        Arity = ArgumentArity.OneOrMore,
    };

    public LogVerb()
        : base("log", "Show a patch's provenance, settings and what it touches.", reports: true) => Add(_patches);

    protected override int Run(ParseResult parsed, Terminal terminal, CancellationToken cancellation)
    {
        string[] paths = parsed.GetRequiredValue(_patches);
        List<Patch> patches = [];
        try
        {
            foreach (string path in paths)
            {
                Patch patch = PatchFile.Load(path);
                patches.Add(patch);
                LogJson log = Describe(path, patch);
                terminal.Object(log, JsonOutput.Default.LogJson);
                Print(terminal, log);
            }
            Overlaps.Print(terminal, paths, patches);
            return App.Ok;
        }
        finally
        {
            patches.ForEach(p => p.Dispose());
        }
    }

    static LogJson Describe(string path, Patch patch)
    {
        PatchProvenance provenance = patch.Provenance;
        return new LogJson
        {
            Patch = path,
            Model = provenance.ModelFingerprint,
            Images = provenance.Images,
            Label = new ClassJson(provenance.Label, provenance.LabelName ?? $"class {provenance.Label}"),
            Method = provenance.Method,
            Chosen = provenance.Chosen,
            Statistics = provenance.Statistics,
            Settings = provenance.Settings,
            Seed = provenance.Seed,
            Preprocessing = provenance.Preprocessing,
            Measurements = provenance.Measurements,
            Units = patch.Change is WeightDelta { Units: var units } ? units.Count : 0,
            Parameters = patch.Change.Parameters,
            Bytes = new FileInfo(path).Length,
            Matrices = patch.Change is WeightDelta delta ? OfUnits(delta) : OfTensors((TensorDelta)patch.Change),
        };
    }

    static MatrixJson[] OfUnits(WeightDelta delta)
    {
        double[] norms = delta.Norms();
        return
        [
            .. Enumerable
                .Range(0, norms.Length)
                .Select(m => new MatrixJson(delta.Space.MatrixName(m), delta.Units[m].Length, norms[m])),
        ];
    }

    static MatrixJson[] OfTensors(TensorDelta delta)
    {
        using DisposeScope scope = torch.NewDisposeScope();
        return
        [
            .. delta.Changes.Select(c => new MatrixJson(
                c.Key,
                0,
                (
                    c.Value.Kind == TensorChangeKind.AddProduct
                        ? torch.mm(c.Value.Tensors[0], c.Value.Tensors[1])
                        : c.Value.Tensors[0]
                )
                    .norm()
                    .to(torch.float64)
                    .item<double>()
            )),
        ];
    }

    static void Print(Terminal terminal, LogJson log)
    {
        terminal.Line($"{log.Patch} ({log.Bytes / 1024.0:0} KiB)");
        terminal.Line($"  model          {log.Model}");
        foreach (PatchImage image in log.Images.Take(MostImages))
            terminal.Line($"  image          {image.Name} (SHA-256 {image.Sha256})");
        if (log.Images.Count > MostImages)
            terminal.Line($"                 and {log.Images.Count - MostImages} more, which --json names");
        int[] labels = [.. log.Images.Select(i => i.Label ?? log.Label.Index).Distinct()];
        terminal.Line(
            labels.Length > 1
                ? $"  labels         {labels.Length} classes, most often {log.Label.Name} ({log.Label.Index})"
                : $"  label          {log.Label.Name} ({log.Label.Index})"
        );
        terminal.Line(
            $"  method         {log.Method}: {string.Join(", ", log.Settings.Select(s => $"{s.Key} {s.Value}"))}, "
                + $"seed {log.Seed}"
        );
        if (log.Chosen is not null)
            terminal.Line($"  chosen         {log.Chosen}");
        if (log.Statistics is not null)
            terminal.Line($"  statistics     {log.Statistics}");
        if (log.Preprocessing is not null)
            terminal.Line($"  preprocessing  {log.Preprocessing}");
        if (log.Measurements is { } measured)
        {
            string locality = measured.LocalityRate is double rate
                ? $", {100 * rate:0.00} % of {measured.LocalityImages} other images kept their prediction"
                : "";
            terminal.Line(
                $"  measured       {(measured.Success ? "corrected" : "not corrected")} in {measured.Steps} "
                    + $"steps{locality}"
            );
        }
        terminal.Line($"  touches        {log.Units} units, {log.Parameters} parameters");
        foreach (MatrixJson matrix in log.Matrices)
            terminal.Line(
                $"    {matrix.Name}: {(matrix.Units > 0 || log.Units > 0 ? $"{matrix.Units} units, " : "")}norm "
                    + $"{matrix.Norm:0.0000}"
            );
    }
}
