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
        Description =
            $"How to edit; by default the first of {string.Join(", ", BestMethod.Names)} that the model, the other "
            + "options and what is at hand allow. 'retouch methods' lists all methods and their settings.",
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
        Description =
            "What 'retouch prepare' made for the method; some comes with Retouch, and what is missing is learned from "
            + "--locality, if that is given.",
        AllowMultipleArgumentsPerToken = true,
        HelpName = "FILE",
    };
    readonly Option<string?> _locator = new("--locator")
    {
        Description =
            $"What says where to edit: {string.Join(", ", Locators.Names)}; {Locators.Hypernetwork} by default, for "
            + $"other methods than {Masked.Name} their own. Without --method this option, --locator-file, --keep, --lr "
            + $"and --steps mean {Masked.Name}.",
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
            + "and folders that are called by their classes tell corrections from damage. Where the method lacks "
            + "statistics of ordinary images, it learns them from half of these, and the others are measured.",
        HelpName = "DIR",
    };
    readonly Option<string?> _base = new("--base")
    {
        Description =
            "The unedited model, where --model has been edited before: --locality, --near and the guards measure "
            + "against it; against --model itself by default.",
        HelpName = "MODEL",
    };
    readonly Option<string[]> _on = new("--on")
    {
        Description =
            "Patches of the same model that are in use: the edit is made on top of them, to be applied together with "
            + "them, keeps right what they corrected, and is measured against the unedited model.",
        AllowMultipleArgumentsPerToken = true,
        HelpName = "PATCH",
    };
    readonly GuardOptions _guards = new(
        "edit",
        "the --near images that the model reads right",
        $"; --method is {Gate.Definition.Name} or {Kfac.Definition.Name} then"
    );
    readonly Option<string[]> _near = new("--near")
    {
        Description =
            "Folders of labelled images of the same shift as --image, in folders that are called by their class, as "
            + "for 'mine': how many the edit makes right, and of those that are right, how many it makes wrong "
            + "(negative flips). Copies of the edited images in them do not count.",
        AllowMultipleArgumentsPerToken = true,
        HelpName = "DIR",
    };
    readonly Option<string?> _accept = new("--accept")
    {
        Description = "What other folder names of --near mean, as for 'mine'.",
        HelpName = "FILE",
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
        Require<double>(_keep, keep => keep is > 0 and <= 1, "a number above 0 and at most 1");
        Require<double>(_lr, lr => double.IsFinite(lr) && lr > 0, "a finite number above 0");
        Require<int>(_steps, steps => steps >= 1, "a whole number of at least 1");
        Require<int>(_seed, _ => true, "a whole number");
        _model = new ModelOptions(this);
        foreach (
            Option option in (Option[])
                [
                    _images,
                    _label,
                    _out,
                    _method,
                    _set,
                    _prepared,
                    _locality,
                    _guards.OfLocality,
                    _near,
                    _accept,
                    _guards.OfNear,
                    _base,
                    _on,
                    _locator,
                    _locatorFile,
                ]
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
        Method? method = parsed.GetValue(_method) is string name ? Methods.Find(name) : null;
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
                Cache = PreparationCache.OfUser(),
                MadeFor = new() { Model = _model.Arguments(parsed), Blocks = _blocks.Text(parsed) },
            },
            Base = parsed.GetValue(_base),
            On = parsed.GetValue(_on) ?? [],
            Guard = _guards.Guard(parsed),
            Near = parsed.GetValue(_near) ?? [],
            Accepted = parsed.GetValue(_accept),
            GuardNear = _guards.GuardNear(parsed),
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

        using ModelFile file = _model.Load(parsed, terminal);
        EditUseCase edit = new(file) { Open = path => _model.Load(path, parsed, terminal) };
        using EditReport report = edit.Run(request, terminal, cancellation);
        EditJson json = EditJson.Of(report);
        terminal.Object(json, JsonOutput.Default.EditJson);
        Print(terminal, report, json);
        return report.Success ? App.Ok : App.Failed;
    }

    // What --set and the options say of the method's settings.
    Dictionary<string, string> Settings(ParseResult parsed, Method? method)
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
            if (method?.Settings.Any(s => s.Name == name) == false)
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
                terminal.Line(NotKept(report));
                break;
            default:
                PrintEdit(terminal, report, json);
                break;
        }
    }

    static string NotKept(EditReport report)
    {
        (string Says, string Option)[] bounds =
        [
            .. new (double? Bound, string Of, string Option)[]
            {
                (report.Guard, "of these images as they are", "--guard"),
                (report.GuardNear, "of the right near images right", "--guard-near"),
            }
                .Where(b => b.Bound is not null)
                .Select(b => ($"{100 * b.Bound!.Value:0.##} % {b.Of}", b.Option)),
        ];
        return $"No edit leaves {string.Join(" and ", bounds.Select(b => b.Says))} and corrects the mistake; no patch "
            + $"was written. Take a lower {string.Join(" or ", bounds.Select(b => b.Option))}.";
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
        PrintStatistics(terminal, report);
        string units = json.Units > 0 ? $"{json.Units} units, " : "";
        string where = json.Locator is null ? "" : $"{json.Locator}, keep {json.Keep:0.###}, ";
        string blocks = json.Blocks == "head" ? "the head" : $"blocks {json.Blocks}";
        terminal.Line($"  touched    {units}{json.Parameters} parameters ({where}{blocks})");
        PrintCurve(terminal, report);
        PrintLocality(terminal, report);
        PrintNear(terminal, report);
        PrintRemembered(terminal, report);
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

    static void PrintStatistics(Terminal terminal, EditReport report)
    {
        if (report.Statistics is not { } statistics)
            return;
        string how = statistics.WereKept ? "kept since an earlier edit" : "learned just now";
        terminal.Line(
            statistics.AreApart
                ? $"  statistics of {statistics.Images} of the {statistics.Of} locality images, {how}; locality is "
                    + "measured on others"
                : $"  statistics of the {statistics.Images} locality images, {how}; locality is measured on the same, "
                    + $"which flatters it (from {EditStatistics.Fewest} images on, half of them are kept for it)"
        );
    }

    static void PrintNear(Terminal terminal, EditReport report)
    {
        if (report.Near is not { } near)
            return;
        terminal.Line($"  near       {FlipsText.Of(near.Flips)}");
        foreach ((string folder, Flips flips) in near.ByFolder.Where(f => f.Value.Broken > 0))
            terminal.Line($"    {folder}: {flips.Broken} broken of {flips.RightBefore} that were right");
        if (near.LeftOut > 0)
            terminal.Line($"    left out by content: {near.LeftOut}, edited images or such as the statistics are of");
    }

    static void PrintRemembered(Terminal terminal, EditReport report)
    {
        if (report.Remembered.Count == 0)
            return;
        int right = report.Remembered.Count(i => i.RightAfter);
        string narrowed = report.NarrowedForEarlier ? ", by an edit that is more local than usual" : "";
        terminal.Line(
            $"  earlier    {right} of {report.Remembered.Count} images that the patches in use corrected are "
                + $"right{narrowed}"
        );
        foreach (string line in LostImages.Lines(report.Remembered, report.Labels))
            terminal.Line($"    {line}");
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
        if (report.Guard is null && report.GuardNear is null)
            return;
        string other = report.Reference!.IsBase
            ? ""
            : " (--base names the unedited model where this one was edited before)";
        string[] bounds =
        [
            .. report.Guard is double guard
                ? (string[])[$"{100 * guard:0.##} % of {report.GuardedImages} images keep their prediction"]
                : [],
            .. report.GuardNear is double near
                ? (string[])
                    [
                        $"{100 * near:0.##} % of the {report.Curve[0].Near!.Value.RightBefore} right near images stay "
                            + "right",
                    ]
                : [],
        ];
        terminal.Line(
            $"  guard      {string.Join(" and ", bounds)} by {report.Reference.Path}{other}; tried, the most general "
                + "first:"
        );
        foreach (GuardPoint p in report.Curve)
        {
            string corrected = p.Success ? "" : ", not corrected";
            string chosen = p.Setting == report.GuardedSetting ? "  ← chosen" : "";
            terminal.Line($"    {report.Place(p.Setting)}  {EditReport.Kept(p)}{corrected}{chosen}");
        }
    }
}
