using System.CommandLine;
using System.Runtime.ExceptionServices;
using System.Text.Json;
using Retouch.Data;
using Retouch.Formats;
using Retouch.Images;

namespace Retouch.Cli.Verbs;

/// <summary><c>shift</c>: makes a subpopulation of a folder's images.</summary>
sealed class ShiftVerb : Verb
{
    const int LargeImage = 4_000_000; // pixels from which one image takes so much memory that it is alone
    const int UsualQuality = 95;
    static readonly string[] Formats = ["png", "jpeg"];
    static readonly string[] Kinds = [.. ImageShift.All.Select(s => s.Name)];

    readonly Option<string> _kind = new("--kind")
    {
        Description =
            "How they shall look: "
            + string.Join("; ", ImageShift.All.Select(s => $"{s.Name} ({s.Description})"))
            + ".",
        Required = true,
        HelpName = "KIND",
    };
    readonly Option<string> _images = new("--images")
    {
        Description = "The folder of images.",
        Required = true,
        HelpName = "DIR",
    };
    readonly Option<string> _out = new("--out")
    {
        Description = "The folder to write to, under the same relative paths.",
        Required = true,
        HelpName = "DIR",
    };
    readonly Option<double> _strength = new("--strength")
    {
        Description = "How far, from 0 to 1.",
        DefaultValueFactory = _ => ImageShift.UsualStrength,
        HelpName = "S",
    };
    readonly Option<int> _seed = new("--seed") { Description = "The seed of everything random.", HelpName = "N" };
    readonly Option<string> _format = new("--format")
    {
        Description = "The files' format.",
        DefaultValueFactory = _ => "png",
        HelpName = string.Join('|', Formats),
    };
    readonly Option<int> _quality = new("--quality")
    {
        Description = "JPEG's quality, from 1 to 100.",
        DefaultValueFactory = _ => UsualQuality,
        HelpName = "N",
    };
    readonly OrientationOption _orientation;
    readonly Option<bool> _overwrite = new("--overwrite")
    {
        Description = "Make all anew; without it, images that an earlier run wrote are kept.",
    };

    public ShiftVerb()
        : base(
            "shift",
            "Make a subpopulation of images by image processing: oil paintings, a dark stage, snow and others.",
            reports: true
        )
    {
        _kind.CompletionSources.Add(Kinds);
        _format.CompletionSources.Add(Formats);
        Require<string>(_kind, Kinds.Contains, $"one of {string.Join(", ", Kinds)}");
        Require<double>(_strength, strength => strength is >= 0 and <= 1, "a number from 0 to 1");
        Require<int>(_seed, _ => true, "a whole number");
        Require<string>(_format, Formats.Contains, $"one of {string.Join(", ", Formats)}");
        Require<int>(_quality, quality => quality is >= 1 and <= 100, "a whole number from 1 to 100");
        foreach (Option option in (Option[])[_kind, _images, _out, _strength, _seed, _format, _quality, _overwrite])
            Add(option);
        _orientation = new OrientationOption(this);
    }

    protected override bool NeedsTorch => false;

    protected override int Run(ParseResult parsed, Terminal terminal, CancellationToken cancellation)
    {
        string format = parsed.GetRequiredValue(_format);
        if (format != "jpeg" && parsed.GetResult(_quality) is { Implicit: false })
            throw new BadInputException("--quality is for --format jpeg only; PNG loses nothing.");
        int? quality = format == "jpeg" ? parsed.GetValue(_quality) : null;
        ShiftRecord record = new(
            parsed.GetRequiredValue(_kind),
            parsed.GetValue(_strength),
            parsed.GetValue(_seed),
            format,
            quality
        )
        {
            Turned = _orientation.Given(parsed) == ImageOrientation.Exif ? true : null,
        };
        ImageFolder folder = ImageFolder.Open(parsed.GetRequiredValue(_images));
        string output = parsed.GetRequiredValue(_out);
        RequireApart(folder, output);
        terminal.Warnings(folder.LeftOut);
        (string File, string Target)[] work = Targets(folder, format == "jpeg" ? ".jpg" : ".png");
        bool overwrite = parsed.GetValue(_overwrite);
        using WriterLock writer = Prepare(output, record, work, overwrite);

        Job job = new(folder, output, record, overwrite);
        ParallelOptions options = new()
        {
            MaxDegreeOfParallelism = parsed.GetValue(Threads) ?? Environment.ProcessorCount,
            CancellationToken = cancellation,
        };
        Problem?[] why = new Problem?[work.Length];
        bool[] done = new bool[work.Length];
        bool[] fresh = new bool[work.Length];
        bool interrupted = false;
        try
        {
            terminal.Progress(
                record.Kind,
                work.Length,
                report =>
                {
                    int count = 0;
                    Parallel.For(
                        0,
                        work.Length,
                        options,
                        i =>
                        {
                            why[i] = job.Make(work[i].File, work[i].Target, out fresh[i]);
                            done[i] = true;
                            report(Interlocked.Increment(ref count), null);
                        }
                    );
                    return count;
                }
            );
        }
        catch (AggregateException e)
        {
            ExceptionDispatchInfo.Throw(e.InnerExceptions[0]);
        }
        catch (OperationCanceledException)
        {
            interrupted = true;
        }

        foreach (int i in Enumerable.Range(0, work.Length).Where(i => done[i]))
        {
            terminal.Object(
                new ShiftedJson
                {
                    Image = work[i].File,
                    Output = why[i] is null ? work[i].Target : null,
                    Status =
                        why[i] is not null ? "skipped"
                        : fresh[i] ? "written"
                        : "kept",
                    Why = why[i] is { } problem ? RemedyText.Of(problem) : null,
                    Kind = why[i] is { } bad ? JsonNamingPolicy.CamelCase.ConvertName(bad.Kind.ToString()) : null,
                    Subject = why[i]?.Subject,
                    Remedy = why[i] is { } unsolved ? RemedyText.Clause(unsolved) : null,
                },
                JsonOutput.Default.ShiftedJson
            );
            if (why[i] is not null)
                terminal.Note($"warning: skipped, {RemedyText.Of(why[i]!)}");
        }
        int written = fresh.Count(f => f);
        int skipped = why.Count(w => w is not null);
        int kept = done.Count(d => d) - written - skipped;
        if (interrupted)
        {
            terminal.Error(
                $"interrupted; {written} of {work.Length} images were written, each complete. The same "
                    + $"command{(overwrite ? " without --overwrite" : "")} makes the others."
            );
            return App.Interrupted;
        }
        if (skipped == work.Length)
            throw new BadInputException(
                $"None of the {work.Length} images in {folder.Root} can be decoded; the first: {RemedyText.Of(why[0]!)}"
            );
        terminal.Line(
            $"{output}: {record}; {written} images "
                + $"written{(kept > 0 ? $", {kept} kept" : "")}{(skipped > 0 ? $", {skipped} skipped" : "")}"
        );
        return App.Ok;
    }

    /// <summary>
    /// Images within the output would be shifted again by the next run, and an original is never touched.
    /// </summary>
    static void RequireApart(ImageFolder images, string output)
    {
        if (images.Covers(output))
            throw new BadInputException(
                $"{output} lies in the folder of the images, {images.Root}; give a folder outside of it for --out."
            );
    }

    static (string File, string Target)[] Targets(ImageFolder folder, string extension)
    {
        (string File, string Target)[] work = [.. folder.Files.Select(f => (f, Path.ChangeExtension(f, extension)))];
        if (work.GroupBy(w => w.Target).FirstOrDefault(g => g.Count() > 1) is { } clash)
            throw new BadInputException(
                $"{string.Join(" and ", clash.Take(2).Select(w => w.File))} in {folder.Root} would both become "
                    + $"{clash.Key}; rename one of them."
            );
        return work;
    }

    /// <summary>Makes the folder this process's, and one that says what is in it.</summary>
    static WriterLock Prepare(string output, ShiftRecord record, (string File, string Target)[] work, bool overwrite)
    {
        if (File.Exists(output))
            throw new BadInputException(
                $"{output} is a file, where a folder to write to is needed: give another --out."
            );
        try
        {
            Directory.CreateDirectory(output);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unwritable(output, e);
        }
        WriterLock writer = WriterLock.Take(output, "shift");
        try
        {
            Record(output, record, work, overwrite);
            return writer;
        }
        catch
        {
            writer.Dispose();
            throw;
        }
    }

    static BadInputException Unwritable(string output, Exception e) =>
        new($"{output} cannot be written to ({SystemMessage.Of(e)}); give another --out or change its permissions.", e);

    static void Record(string output, ShiftRecord record, (string File, string Target)[] work, bool overwrite)
    {
        ShiftRecord? before = ShiftRecord.Read(output);
        string[] present =
            before == record ? [] : [.. work.Select(w => Path.Combine(output, w.Target)).Where(File.Exists)];
        if (present.Length > 0 && !overwrite)
            throw new BadInputException(
                before is null
                    ? $"{present[0]} exists, and nothing in {output} says that this command made it; give another "
                        + "--out, or pass --overwrite to replace it."
                    : $"{output} holds images made by another shift, {before}; give another --out, or pass "
                        + "--overwrite to replace them."
            );
        try
        {
            // Else an interrupt would leave old ones that look as if they were new.
            foreach (string path in present)
                File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unwritable(output, e);
        }
        record.Write(output);
    }

    /// <summary>The work on one image; safe to call from several threads.</summary>
    sealed class Job(ImageFolder folder, string output, ShiftRecord record, bool overwrite)
    {
        readonly ImageShift _shift = ImageShift.Find(record.Kind);
        readonly Lock _large = new();

        /// <summary>Makes an image unless it is there; gives the reason why it cannot be made.</summary>
        public Problem? Make(string file, string target, out bool written)
        {
            written = false;
            string path = Path.Combine(output, target);
            if (!overwrite && File.Exists(path))
                return null;
            RgbImage image;
            try
            {
                image = ImageDecoder.Load(folder.FullPath(file), record.Orientation);
            }
            catch (BadInputException e)
            {
                return e.Problem;
            }
            byte[] bytes;
            if (image.Width * image.Height < LargeImage)
            {
                bytes = Render(image, file);
            }
            else
            {
                lock (_large)
                    bytes = Render(image, file);
            }
            string parent = Path.GetDirectoryName(path)!;
            try
            {
                Directory.CreateDirectory(parent);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw new BadInputException($"The folder {parent} cannot be made ({SystemMessage.Of(e)}).", e);
            }
            AtomicFile.Write(path, overwrite, stream => stream.Write(bytes));
            written = true;
            return null;
        }

        byte[] Render(RgbImage image, string file)
        {
            RgbImage shifted = _shift.Apply(image, record.Strength, ImageShift.RandomFor(record.Seed, file));
            return record.Quality is int quality ? ImageEncoder.Jpeg(shifted, quality) : ImageEncoder.Png(shifted);
        }
    }
}
