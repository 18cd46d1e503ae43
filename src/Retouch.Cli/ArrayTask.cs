using System.Globalization;
using Retouch.Benchmarks;

namespace Retouch.Cli;

/// <summary>
/// A task of a scheduler's array: which part of the work it is to do, as the scheduler's variables say. Immutable.
/// </summary>
/// <param name="Shard">The part.</param>
/// <param name="Scheduler">Who says so.</param>
/// <param name="Variable">The variable that numbers the task.</param>
sealed record ArrayTask(Shard Shard, string Scheduler, string Variable)
{
    /// <summary>
    /// The variable that says how many tasks there are where the scheduler has none for it; where it has, the two must
    /// agree.
    /// </summary>
    public const string Parts = "RETOUCH_SHARDS";

    const string Slurm = "SLURM_ARRAY_TASK_ID";
    const string Kubernetes = "JOB_COMPLETION_INDEX";
    const string GridEngine = "SGE_TASK_ID";
    const string Lsf = "LSB_JOBINDEX";
    static readonly (string Variable, string Scheduler)[] Schedulers =
    [
        (Slurm, "Slurm"),
        (Kubernetes, "Kubernetes"),
        (GridEngine, "Grid Engine"),
        (Lsf, "LSF"),
    ];

    const string ByHand = "say the part yourself: --shard I/N";

    /// <summary>The task that this process is.</summary>
    /// <param name="variable">The value of an environment variable; null where it is not set.</param>
    /// <exception cref="BadInputException">
    /// It is none, it is one of two schedulers, or the array is none whose tasks can be counted.
    /// </exception>
    public static ArrayTask Of(Func<string, string?> variable)
    {
        (string Variable, string Scheduler)[] found = [.. Schedulers.Where(s => IsTask(s.Variable))];
        if (found.Length == 0)
            throw Refusal(
                "--shard auto takes its part from a scheduler's array, and this is a task of none: it looks for "
                    + $"{Slurm} (Slurm), {Kubernetes} (Kubernetes, with {Parts}), {GridEngine} other than 'undefined' "
                    + $"(Grid Engine) and {Lsf} other than 0 (LSF)"
            );
        if (found.Length > 1)
            throw Refusal(
                $"--shard auto finds the variables of {found[0].Scheduler} ({found[0].Variable}) and of "
                    + $"{found[1].Scheduler} ({found[1].Variable}), and cannot know whose array is meant"
            );
        (string name, string scheduler) = found[0];
        Shard shard = name switch
        {
            Slurm => OfSlurm(),
            Kubernetes => Numbered(name, 0, Number(name), 1, Given() ?? throw NoNumber()),
            GridEngine => Range(name, Number("SGE_TASK_FIRST"), Number("SGE_TASK_LAST"), Number("SGE_TASK_STEPSIZE")),
            // LSF does not say where an array begins; those of all documents begin at 1.
            _ => Range(name, 1, Number("LSB_JOBINDEX_END"), Step("LSB_JOBINDEX_STEP")),
        };
        if (Given() is int given && given != shard.Count)
            throw Refusal(
                $"{Parts} says that there are {given} parts, but the array of {scheduler} has {shard.Count} "
                    + $"{(shard.Count == 1 ? "task" : "tasks")}, as one has that is submitted again in part"
            );
        return new ArrayTask(shard, scheduler, name);

        Shard OfSlurm()
        {
            (long first, long last) = (Number("SLURM_ARRAY_TASK_MIN"), Number("SLURM_ARRAY_TASK_MAX"));
            long count = Number("SLURM_ARRAY_TASK_COUNT");
            long step = Step("SLURM_ARRAY_TASK_STEP");
            Shard shard = Range(Slurm, first, last, step);
            return shard.Count == count
                ? shard
                : throw Refusal(
                    $"The Slurm array has {count} tasks from {first} to {last}, which do not follow each other in "
                        + $"steps of {step}, so that --shard auto cannot count them; submit one such as "
                        + $"--array=0-{count - 1}"
                );
        }

        Shard Range(string number, long first, long last, long step) =>
            step < 1 || last < first
                ? throw Refusal(
                    $"The variables beside {number} say that tasks go from {first} to {last} in steps of {step}"
                )
                : Numbered(number, first, Number(number), step, (last - first) / step + 1);

        Shard Numbered(string number, long first, long task, long step, long count)
        {
            if (count > Shard.Most)
                throw Refusal($"The array has {count} tasks, and there are at most {Shard.Most} parts");
            return (task - first) % step == 0 && (task - first) / step is >= 0 and var index && index < count
                ? new Shard((int)index, (int)count)
                : throw Refusal(
                    $"{number} is {task}, which is none of the {count} tasks from {first} on in steps of {step}"
                );
        }

        // Grid Engine and LSF set theirs for jobs that are no arrays, too.
        bool IsTask(string number) =>
            Value(number) is string text
            && text
                != number switch
                {
                    GridEngine => "undefined",
                    Lsf => "0",
                    _ => null,
                };

        long Step(string name) => Value(name) is null ? 1 : Number(name);

        int? Given() => Value(Parts) is null ? null : (int)Math.Clamp(Number(Parts), 0, int.MaxValue);

        BadInputException NoNumber() =>
            Refusal(
                $"Kubernetes has no variable for the number of a job's completions: set {Parts} to it in the pod "
                    + "template, as deploy/kubernetes does"
            );

        long Number(string name) =>
            long.TryParse(Value(name), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number)
            && Math.Abs(number) <= int.MaxValue
                ? number
                : throw Refusal(
                    Value(name) is string text
                        ? $"{name} is {text}, which is no whole number"
                        : $"{name} is not set, though {found[0].Variable} is"
                );

        string? Value(string name) => variable(name) is { Length: > 0 } text ? text : null;
    }

    /// <summary>
    /// Refuses a task beside whose output lie parts of another number of parts: one that is submitted again alone is
    /// to its scheduler an array of its own.
    /// </summary>
    /// <param name="whole">What the parts are of: <c>mined.json</c> of <c>mined-3-of-8.json</c>.</param>
    /// <exception cref="BadInputException">There are such parts.</exception>
    public void RequireAlone(string whole)
    {
        string full = Path.GetFullPath(whole);
        string folder = Path.GetDirectoryName(full)!;
        if (!Directory.Exists(folder))
            return;
        (string File, Shard Shard)[] others =
        [
            .. Directory
                .EnumerateFiles(folder)
                .Select(f => (File: f, Shard: Shard.TryOfFile(f, out Shard s) ? s : Shard.Whole))
                .Where(f => f.Shard.Count > 1 && f.Shard.Count != Shard.Count && f.Shard.FileOf(full) == f.File)
                .OrderBy(f => f.File, StringComparer.Ordinal),
        ];
        if (others is not [(string file, { Count: int count }), ..])
            return;
        throw new BadInputException(
            $"The array of {Scheduler} has {Shard.Count} {(Shard.Count == 1 ? "task" : "tasks")}, but {file} is one of "
                + $"{count} parts. Where this task is one of these {count} and was submitted again, say which: --shard "
                + $"I/{count} (counted from 0). Where the parts are of an earlier run, take them away."
        );
    }

    static BadInputException Refusal(string what) => new($"{what}; {ByHand}.");
}
