using Retouch.Benchmarks;
using Retouch.Cli;
using Retouch.Tests.Formats;

namespace Retouch.Tests.Cli;

/// <summary>Which part a task of a scheduler's array is.</summary>
public sealed class ArrayTaskTests
{
    // NAME=value, with spaces between.
    static ArrayTask Of(string variables)
    {
        Dictionary<string, string> set = variables
            .Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .Select(v => v.Split('='))
            .ToDictionary(v => v[0], v => v[1]);
        return ArrayTask.Of(set.GetValueOrDefault);
    }

    static string Slurm(int id, int min, int max, int count, int step) =>
        $"SLURM_ARRAY_TASK_ID={id} SLURM_ARRAY_TASK_MIN={min} SLURM_ARRAY_TASK_MAX={max} "
        + $"SLURM_ARRAY_TASK_COUNT={count} SLURM_ARRAY_TASK_STEP={step}";

    // As slurm-wlm 22.05.8 sets them: the largest is the last task's, whatever the end that was asked for.
    [Theory]
    [InlineData(0, 0, 7, 8, 1, 0)]
    [InlineData(7, 0, 7, 8, 1, 7)]
    [InlineData(5, 5, 8, 4, 1, 0)] // --array=5-8
    [InlineData(8, 5, 8, 4, 1, 3)]
    [InlineData(0, 0, 9, 4, 3, 0)] // --array=0-10:3
    [InlineData(6, 0, 9, 4, 3, 2)]
    [InlineData(9, 0, 10, 4, 3, 3)] // if it said the end that was asked for
    public void Slurm_arrays_begin_anywhere_and_have_steps(int id, int min, int max, int count, int step, int index)
    {
        ArrayTask task = Of(Slurm(id, min, max, count, step));
        Assert.Equal(new Shard(index, count), task.Shard);
        Assert.Equal(("Slurm", "SLURM_ARRAY_TASK_ID"), (task.Scheduler, task.Variable));
    }

    [Fact]
    public void Slurm_tasks_that_do_not_follow_each_other_are_refused() =>
        Refuses(Slurm(3, 1, 7, 3, 1), "3 tasks from 1 to 7", "--array=0-2"); // --array=1,3,7

    // --array=3 of eight tasks.
    [Theory]
    [InlineData("mined.json", "mined-0-of-8.json")]
    [InlineData("answers.jsonl", "answers-7-of-8.jsonl")]
    [InlineData("run/rows.jsonl", "run/rows-2-of-8.jsonl")]
    [InlineData("bank/part.json", "bank/part-2-of-8.json")]
    public void A_task_that_is_submitted_again_alone_is_refused_beside_parts_of_the_whole_array(
        string whole,
        string part
    )
    {
        using TemporaryFolder folder = new();
        ArrayTask alone = Of(Slurm(3, 3, 3, 1, 1));
        alone.RequireAlone(folder.File(whole));
        Directory.CreateDirectory(Path.GetDirectoryName(folder.File(part))!);
        string other = folder.Write(part.Replace("-of-8", "-of-x", StringComparison.Ordinal), "");
        alone.RequireAlone(folder.File(whole));
        folder.Write(part, "");
        string message = Assert.Throws<BadInputException>(() => alone.RequireAlone(folder.File(whole))).Message;
        foreach (string said in (string[])["has 1 task,", folder.File(part), "--shard I/8", "take them away"])
            Assert.Contains(said, message, StringComparison.Ordinal);
        // Which is how the same parts are done again.
        Of(Slurm(3, 0, 7, 8, 1)).RequireAlone(folder.File(whole));
        Assert.True(File.Exists(other));
    }

    [Theory]
    [InlineData("RETOUCH_SHARDS=5", 3, 5)]
    [InlineData("RETOUCH_SHARDS=4", 0, 4)]
    public void Kubernetes_numbers_completions_and_the_manifest_counts_them(string count, int index, int parts) =>
        Assert.Equal(new Shard(index, parts), Of($"JOB_COMPLETION_INDEX={index} {count}").Shard);

    [Fact]
    public void Kubernetes_without_a_count_says_which_variable_to_set() =>
        Refuses("JOB_COMPLETION_INDEX=3", "RETOUCH_SHARDS", "pod template");

    [Theory]
    [InlineData("SGE_TASK_ID=1 SGE_TASK_FIRST=1 SGE_TASK_LAST=8 SGE_TASK_STEPSIZE=1", 0, 8)]
    [InlineData("SGE_TASK_ID=8 SGE_TASK_FIRST=1 SGE_TASK_LAST=8 SGE_TASK_STEPSIZE=1", 7, 8)]
    [InlineData("SGE_TASK_ID=7 SGE_TASK_FIRST=2 SGE_TASK_LAST=10 SGE_TASK_STEPSIZE=5", 1, 2)] // -t 2-10:5
    [InlineData("LSB_JOBINDEX=1 LSB_JOBINDEX_END=8 LSB_JOBINDEX_STEP=1", 0, 8)]
    [InlineData("LSB_JOBINDEX=8 LSB_JOBINDEX_END=8", 7, 8)]
    [InlineData("LSB_JOBINDEX=7 LSB_JOBINDEX_END=10 LSB_JOBINDEX_STEP=3", 2, 4)]
    public void Grid_Engine_and_LSF_count_from_one(string variables, int index, int parts) =>
        Assert.Equal(new Shard(index, parts), Of(variables).Shard);

    [Theory]
    [InlineData("")]
    [InlineData("SLURM_JOB_ID=12 SLURM_ARRAY_TASK_ID=")]
    [InlineData("SGE_TASK_ID=undefined SGE_TASK_FIRST=undefined")]
    [InlineData("LSB_JOBINDEX=0 LSB_JOBINDEX_END=0")]
    public void Outside_of_an_array_what_is_looked_for_is_named(string variables) =>
        Refuses(variables, "SLURM_ARRAY_TASK_ID", "JOB_COMPLETION_INDEX", "SGE_TASK_ID", "LSB_JOBINDEX", "--shard I/N");

    [Fact]
    public void Two_schedulers_at_once_are_named() =>
        Refuses(
            Slurm(0, 0, 7, 8, 1) + " JOB_COMPLETION_INDEX=1 RETOUCH_SHARDS=2",
            "Slurm (SLURM_ARRAY_TASK_ID)",
            "Kubernetes (JOB_COMPLETION_INDEX)"
        );

    [Fact]
    public void Variables_of_jobs_that_are_no_arrays_are_no_second_scheduler() =>
        Assert.Equal(new Shard(1, 8), Of(Slurm(1, 0, 7, 8, 1) + " SGE_TASK_ID=undefined LSB_JOBINDEX=0").Shard);

    [Fact]
    public void A_part_of_an_array_that_is_submitted_again_is_not_taken_for_the_whole()
    {
        string alone = Slurm(3, 3, 3, 1, 1);
        Assert.Equal(Shard.Whole, Of(alone).Shard);
        Refuses(alone + " RETOUCH_SHARDS=8", "RETOUCH_SHARDS", "8 parts", "1 task,", "--shard I/N");
        Assert.Equal(new Shard(3, 8), Of(Slurm(3, 0, 7, 8, 1) + " RETOUCH_SHARDS=8").Shard);
    }

    [Theory]
    [InlineData("SLURM_ARRAY_TASK_ID=x SLURM_ARRAY_TASK_MIN=0 SLURM_ARRAY_TASK_MAX=1 SLURM_ARRAY_TASK_COUNT=2", "is x")]
    [InlineData("SLURM_ARRAY_TASK_ID=1", "SLURM_ARRAY_TASK_MIN is not set")]
    [InlineData("SGE_TASK_ID=4 SGE_TASK_FIRST=1 SGE_TASK_LAST=9 SGE_TASK_STEPSIZE=2", "none of the 5 tasks")]
    [InlineData("SGE_TASK_ID=4 SGE_TASK_FIRST=1 SGE_TASK_LAST=9 SGE_TASK_STEPSIZE=0", "steps of 0")]
    [InlineData("LSB_JOBINDEX=9 LSB_JOBINDEX_END=8", "none of the 8 tasks")]
    [InlineData("JOB_COMPLETION_INDEX=4 RETOUCH_SHARDS=4", "none of the 4 tasks")]
    [InlineData("JOB_COMPLETION_INDEX=4 RETOUCH_SHARDS=0", "none of the 0 tasks")]
    [InlineData("JOB_COMPLETION_INDEX=4 RETOUCH_SHARDS=-3", "none of the 0 tasks")]
    [InlineData("JOB_COMPLETION_INDEX=4 RETOUCH_SHARDS=2000000", "at most 10000 parts")]
    [InlineData("JOB_COMPLETION_INDEX=4 RETOUCH_SHARDS=99999999999999", "no whole number")]
    public void Values_that_cannot_be_are_refused(string variables, string words) =>
        Refuses(variables, words, "--shard I/N");

    static void Refuses(string variables, params string[] words)
    {
        string message = Assert.Throws<BadInputException>(() => Of(variables)).Message;
        Assert.All(words, w => Assert.Contains(w, message, StringComparison.Ordinal));
    }
}
