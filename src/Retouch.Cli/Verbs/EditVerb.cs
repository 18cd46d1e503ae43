using System.CommandLine;
using Retouch.Data;
using Retouch.Editing;
using Retouch.Formats;
using Retouch.Measurement;
using Retouch.UseCases;
using Retouch.Vit;

namespace Retouch.Cli.Verbs;

/// <summary><c>edit</c>: corrects a mistake and writes a patch.</summary>
sealed class EditVerb : Verb
{
    static readonly Method Masked = MaskedFineTuning.Definition;
    static readonly MaskedFineTuningSettings Defaults = new();

    readonly ModelOptions _model;
    readonly BlocksOption _blocks;
    readonly PrecisionOption _precision;
    readonly MemoryOption _memory;
    readonly Option<string[]> _images = new("--image")
    {
        Description = "The image that the model gets wrong, or several of the same class.",
        Required = true,
        AllowMultipleArgumentsPerToken = true,
        HelpName = "FILE",
    };
    readonly Option<string> _label = new("--label")
    {
        Description = "The class it should have: a WordNet id, a name or an index; index:7 where a class is called 7.",
        Required = true,
        HelpName = "CLASS",
    };
    readonly Option<string?> _method = new("--method")
    {
        Description = $"How to edit, {Masked.Name} by default; 'retouch methods' lists the methods and their settings.",
        HelpName = "NAME",
    };
    readonly Option<string[]> _set = new("--set")
    {
        Description = "Another value of a method's setting: NAME=VALUE.",
        AllowMultipleArgumentsPerToken = true,
        HelpName = "NAME=VALUE",
    };
    readonly Option<string[]> _prepared = new("--prepared")
    {
        Description = "What 'retouch prepare' made for the method; some comes with Retouch.",
        AllowMultipleArgumentsPerToken = true,
        HelpName = "FILE",
    };
    readonly Option<string?> _locator = new("--locator")
    {
        Description =
            $"What says where to edit: {string.Join(", ", Locators.Names)}; {Locators.Hypernetwork} by default, for "
            + $"other methods than {Masked.Name} their own.",
        HelpName = "NAME",
    };
    readonly Option<string?> _locatorFile = new("--locator-file")
    {
        Description =
            "A hypernetwork trained for this model; by default the one that comes with Retouch, if there is one.",
        HelpName = "FILE",
    };
    readonly Option<double> _keep = new("--keep")
    {
        Description = "The share of hidden units to edit, above 0 and at most 1 (1 for --locator all).",
        DefaultValueFactory = _ => Defaults.KeepRatio,
        HelpName = "RATIO",
    };
    readonly Option<string?> _locality = new("--locality")
    {
        Description =
            "A folder of other images, to measure what else changed; copies of the edited images in it do not count, "
            + "and folders that are called by their classes tell corrections from damage.",
        HelpName = "DIR",
    };
    readonly Option<string?> _base = new("--base")
    {
        Description =
            "The unedited model, where --model has been edited before: --locality and --guard measure against it; "
            + "against --model itself by default.",
        HelpName = "MODEL",
    };
    readonly Option<double?> _guard = new("--guard")
    {
        Description =
            "Find the most general edit that leaves at least this share of the --locality images as they are: "
            + $"--method {Kfac.Definition.Name}, or {Gate.Definition.Name} if that is given, with the most "
            + "general settings that do.",
        HelpName = "RATE",
    };
    readonly Option<double> _lr = new("--lr")
    {
        Description = "RMSprop's step size.",
        DefaultValueFactory = _ => Defaults.LearningRate,
        HelpName = "RATE",
    };
    readonly Option<int> _steps = new("--steps")
    {
        Description = "Steps at most.",
        DefaultValueFactory = _ => Defaults.MaxSteps,
        HelpName = "N",
    };
    readonly Option<int> _seed = new("--seed") { Description = "The seed of everything random.", HelpName = "N" };
    readonly Option<string> _out = new("--out")
    {
        Description = "The patch to write.",
        Required = true,
        HelpName = "FILE",
    };
    readonly Option<bool> _overwrite = new("--overwrite") { Description = "Replace an existing patch." };
    readonly Option<bool> _force = new("--force")
    {
        Description =
            "Edit even if the model already gives every image the label (else nothing is written, the exit code is 0, "
            + "and --json says \"alreadyRight\": true), and write the patch even if the edit fails.",
    };

    public EditVerb()
        : base(
            "edit",
            "Correct a mistake: find the units responsible, edit only those, and write a patch. The model's file "
                + "stays as it is: "
                + "an edit is taken back by using that, or by applying other patches alone to it.",
            reports: true
        )
    {
        _locator.CompletionSources.Add([.. Locators.Names]);
        _method.CompletionSources.Add([.. Methods.All.Select(m => m.Name)]);
        Require<string>(_locator, Locators.Names.Contains, $"one of {string.Join(", ", Locators.Names)}");
        Require<double>(_guard, guard => guard is > 0 and <= 1, "a number above 0 and at most 1");
        Require<double>(_keep, keep => keep is > 0 and <= 1, "a number above 0 and at most 1");
        Require<double>(_lr, lr => double.IsFinite(lr) && lr > 0, "a finite number above 0");
        Require<int>(_steps, steps => steps >= 1, "a whole number of at least 1");
        Require<int>(_seed, _ => true, "a whole number");
        _model = new ModelOptions(this);
        foreach (
            Option option in (Option[])
                [_images, _label, _out, _method, _set, _prepared, _locality, _guard, _base, _locator, _locatorFile]
        )
            Add(option);
        _blocks = new BlocksOption(this);
        _precision = new PrecisionOption(this, Precision.Checked);
        _memory = new MemoryOption(this);
        foreach (Option option in (Option[])[_keep, _lr, _steps, _seed, _overwrite, _force])
            Add(option);
    }

    protected override int Run(ParseResult parsed, Terminal terminal, CancellationToken cancellation)
    {
        string output = parsed.GetRequiredValue(_out);
        EditRequest.RequireOutput(output, parsed.GetValue(_overwrite));
        double? guard = parsed.GetValue(_guard);
        Method method = Methods.Find(parsed.GetValue(_method) ?? (guard is null ? Masked : Kfac.Definition).Name);
        EditRequest request = new()
        {
            Images = parsed.GetRequiredValue(_images),
            Label = parsed.GetRequiredValue(_label),
            LabelFile = _model.LabelFile(parsed),
            Method = method,
            Settings = Settings(parsed, method),
            Blocks = _blocks.Window(parsed),
            Precision = _precision.Asked(parsed),
            Files = new()
            {
                Prepared = parsed.GetValue(_prepared) ?? [],
                Locator = parsed.GetValue(_locatorFile),
                MadeFor = new() { Model = _model.Arguments(parsed), Blocks = _blocks.Text(parsed) },
            },
            Base = parsed.GetValue(_base),
            Guard = guard,
            Seed = parsed.GetValue(_seed),
            Output = output,
            Overwrite = parsed.GetValue(_overwrite),
            Force = parsed.GetValue(_force),
            Memory = _memory.Bytes(parsed),
        };
        // A contradiction in the settings is told before a folder that is missing.
        request.AllSettings();
        if (parsed.GetValue(_locality) is string folder)
            request = request with { Locality = ImageFolder.Open(folder) };
        request.Validate();
        if (guard is not null && parsed.GetValue(_method) is null)
        {
            string with = parsed.GetValue(_locator) is string where ? $" with --locator {where}" : "";
            terminal.Note(
                $"guard: edits by --method {method.Name}{with}, since "
                    + $"{Masked.Name} has no settings that lead from general edits to local ones; "
                    + $"--method {Gate.Definition.Name} is the other that has"
            );
        }

        using ModelFile file = _model.Load(parsed, terminal);
        EditUseCase edit = new(file) { Open = path => _model.Load(path, parsed, terminal) };
        using EditReport report = edit.Run(request, terminal, cancellation);
        EditJson json = EditJson.Of(report);
        terminal.Object(json, JsonOutput.Default.EditJson);
        Print(terminal, report, json);
        return report.Success ? App.Ok : App.Failed;
    }

    // What --set and the options say of the method's settings.
    Dictionary<string, string> Settings(ParseResult parsed, Method method)
    {
        Dictionary<string, string> given = [];
        foreach (string text in parsed.GetValue(_set) ?? [])
        {
            if (text.Split('=', 2) is not [{ Length: > 0 } name, { Length: > 0 } value])
                throw new BadInputException(
                    $"--set is {text}, but must be a setting's name and its value such as damping=0.1."
                );
            Take("--set", name, value);
        }
        foreach (Option option in (Option[])[_locator, _keep, _lr, _steps])
        {
            if (Given(parsed, option))
                Take(option.Name, option.Name[2..], parsed.GetResult(option)!.Tokens[0].Value);
        }
        return given;

        void Take(string option, string name, string value)
        {
            if (!method.Settings.Any(s => s.Name == name))
                throw new BadInputException(
                    $"{option} gives {name}, which {method.Name} does not have; its settings are "
                        + $"{string.Join(", ", method.Settings.Select(s => s.Name))}."
                );
            if (!given.TryAdd(name, value))
                throw new BadInputException($"The setting {name} is given twice.");
        }
    }

    static bool Given(ParseResult parsed, Option option) => parsed.GetResult(option) is { Implicit: false };

    static void Print(Terminal terminal, EditReport report, EditJson json)
    {
        switch (report.NotWritten)
        {
            case NotWritten.AlreadyRight:
                terminal.Line(
                    $"Nothing to correct: the model already says {report.Labels[report.Label].Name} ({report.Label}). "
                        + "No patch was written; --force edits all the same."
                );
                break;
            case NotWritten.GuardNotKept:
                PrintCurve(terminal, report);
                PrintLeftOut(terminal, report);
                terminal.Line(
                    $"No edit leaves {100 * report.Guard!.Value:0.##} % of these images as they are and corrects the "
                        + "mistake; no patch was written. Take a lower --guard."
                );
                break;
            default:
                PrintEdit(terminal, report, json);
                break;
        }
    }

    static void PrintEdit(Terminal terminal, EditReport report, EditJson json)
    {
        PrintAnswers(terminal, report);
        terminal.Line();
        string are = json.Images.Count == 1 ? "image is" : "images are";
        terminal.Line(
            report.Success
                ? "corrected"
                : $"NOT corrected: {json.StillWrong.Count} of {json.Images.Count} {are} still wrong"
        );
        terminal.Line($"  steps      {report.Steps} in {json.Seconds:0.0} s");
        if (json.Method != Masked.Name)
            terminal.Line(
                $"  method     {json.Method}: {string.Join(", ", json.Settings.Select(s => $"{s.Key} {s.Value}"))}"
            );
        string units = json.Units > 0 ? $"{json.Units} units, " : "";
        string where = json.Locator is null ? "" : $"{json.Locator}, keep {json.Keep:0.###}, ";
        terminal.Line($"  touched    {units}{json.Parameters} parameters ({where}blocks {json.Blocks})");
        PrintCurve(terminal, report);
        PrintLocality(terminal, report);
        string other =
            json.Method == Masked.Name ? "more --steps, a larger --lr or --keep" : "other settings with --set";
        terminal.Line(
            report.Patch is string patch
                ? $"  patch      {patch} ({new FileInfo(patch).Length / 1024.0:0} KiB)"
                : $"  patch      none was written, since the edit failed; try {other}, or "
                    + "--force to write it all the same"
        );
    }

    static void PrintAnswers(Terminal terminal, EditReport report)
    {
        EditedImage first = report.Images[0];
        string label = report.Labels[report.Label].Name;
        string more = report.Images.Count > 1 ? $" and {report.Images.Count - 1} more" : "";
        terminal.Line($"{first.Path}{more} → {label} ({report.Label})");
        string[] before = [.. first.Before.Likeliest.Select(Text)];
        string[] after = [.. first.After.Likeliest.Select(Text)];
        int width = before.Max(text => text.Length);
        terminal.Line($"  {"before".PadRight(width)}    after");
        for (int i = 0; i < before.Length; i++)
            terminal.Line($"  {before[i].PadRight(width)}    {after[i]}");
        if (report.Images.Count == 1 && report.Success)
            return;
        terminal.Line($"  {label}, image by image");
        foreach (EditedImage image in report.Images)
        {
            (double was, double now) = (100 * image.Before.Probability, 100 * image.After.Probability);
            terminal.Line($"    {image.Path}: {was:0.00} → {now:0.00} %{Verdict(image)}");
        }

        string Text(ClassProbability p) => Predictions.Text(p, report.Labels);

        string Verdict(EditedImage image) =>
            image.After.Right
                ? image.Before.Right
                    ? ", was right already"
                    : ""
                : $", {(image.Before.Right ? "was right and is wrong now" : "still wrong")}: "
                    + Text(image.After.Likeliest[0]).Trim();
    }

    static void PrintLocality(Terminal terminal, EditReport report)
    {
        if (report.Locality is not { } locality)
            return;
        string by = report.Reference!.IsBase ? $" by {report.Reference.Path}" : "";
        terminal.Line(
            $"  locality   {100 * locality.Rate:0.00} % of {locality.Images} images keep their prediction{by}; "
                + $"{locality.Changed.Count} changed{Kinds(locality.Changed)}"
        );
        foreach (ChangedImage c in locality.Changed)
        {
            string kind = c.Kind is null ? "" : $", {EditJson.Word(c.Kind)}";
            terminal.Line($"    {c.File}: {Class(c.Before)} → {Class(c.After)}{kind}");
        }
        if (locality.Flips is { } flips)
            terminal.Line($"  flips      {FlipsText.Of(flips)}");
        PrintLeftOut(terminal, report);

        string Class(int index) => $"{report.Labels[index].Name} ({index})";
    }

    // Where folders say what their images are.
    static string Kinds(IReadOnlyList<ChangedImage> changed)
    {
        if (changed.All(c => c.Kind is null))
            return "";
        IEnumerable<string> kinds = changed
            .GroupBy(c => EditJson.Word(c.Kind) ?? "of unknown class")
            .OrderBy(g => g.Key, StringComparer.Ordinal)
            .Select(g => $"{g.Count()} {g.Key}");
        return $": {string.Join(", ", kinds)}, by the classes that their folders name";
    }

    static void PrintLeftOut(Terminal terminal, EditReport report)
    {
        if (report.LeftOut.Count == 0)
            return;
        string what = report.LeftOut.Count == 1 ? "it is an edited image" : "they are edited images";
        terminal.Line($"    left out, since {what} by content: {string.Join(", ", report.LeftOut)}");
    }

    static void PrintCurve(Terminal terminal, EditReport report)
    {
        if (report.Guard is not double guard)
            return;
        string other = report.Reference!.IsBase
            ? ""
            : " (--base names the unedited model where this one was edited before)";
        terminal.Line(
            $"  guard      {100 * guard:0.##} % of {report.GuardedImages} images keep their prediction "
                + $"by {report.Reference.Path}{other}; tried, the most general first:"
        );
        foreach (GuardPoint p in report.Curve)
        {
            string corrected = p.Success ? "" : ", not corrected";
            string chosen = p.Setting == report.GuardedSetting ? "  ← chosen" : "";
            terminal.Line($"    {report.Place(p.Setting)}  {100 * p.Locality, 6:0.00} % kept{corrected}{chosen}");
        }
    }
}
