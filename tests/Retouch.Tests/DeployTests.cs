using System.CommandLine;
using System.Runtime.CompilerServices;
using k8s;
using k8s.Models;
using Retouch.Cli;
using YamlDotNet.Core;

namespace Retouch.Tests;

/// <summary>
/// The manifests of <c>deploy/kubernetes</c>, read by types that are made of Kubernetes' published schema: what is in
/// none of them, or of another type, is refused.
/// </summary>
public sealed class DeployTests
{
    static readonly string s_folder = Path.GetFullPath(
        Path.Combine(Path.GetDirectoryName(Here())!, "../../deploy/kubernetes")
    );

    static readonly V1Job s_array = Read<V1Job>("array.yaml");
    static readonly V1Job s_merge = Read<V1Job>("merge.yaml");
    static readonly V1PersistentVolumeClaim s_volume = Read<V1PersistentVolumeClaim>("volume.yaml");

    [Fact]
    public void All_manifests_are_of_the_schema_and_looked_at_here() =>
        Assert.Equal(
            ["array.yaml", "merge.yaml", "volume.yaml"],
            Directory.EnumerateFiles(s_folder).Select(Path.GetFileName).Order()
        );

    [Theory]
    [InlineData("backoffLimitPerIndex: 3", "backoffLimitPerIndexes: 3")]
    [InlineData("completions: 8", "completions: eight")]
    [InlineData("      restartPolicy: Never", "    restartPolicy: Never")]
    public void What_is_not_in_the_schema_is_refused(string good, string bad)
    {
        string text = File.ReadAllText(Path.Combine(s_folder, "array.yaml"));
        Assert.Contains(good, text, StringComparison.Ordinal);
        Assert.ThrowsAny<YamlException>(() =>
            KubernetesYaml.LoadAllFromString(text.Replace(good, bad, StringComparison.Ordinal), strict: true)
        );
    }

    [Fact]
    public void The_array_is_indexed_counted_and_tried_again_by_the_task()
    {
        V1JobSpec spec = s_array.Spec;
        Assert.Equal("Indexed", spec.CompletionMode);
        Assert.Equal(8, spec.Completions);
        Assert.Equal($"{spec.Completions}", Container(s_array).Env.Single(e => e.Name == ArrayTask.Parts).Value);
        Assert.Equal(3, spec.BackoffLimitPerIndex);
        // FailIndex needs it, and a policy of failures a pod that is not started again in place.
        Assert.Null(spec.BackoffLimit);
        Assert.Equal("Failed", spec.PodReplacementPolicy);
        Assert.All((V1Job[])[s_array, s_merge], j => Assert.Equal("Never", j.Spec.Template.Spec.RestartPolicy));
        V1PodFailurePolicyRule bad = spec.PodFailurePolicy.Rules.Single(r => r.Action == "FailIndex");
        Assert.Equal([App.BadInput], bad.OnExitCodes.Values);
        Assert.Equal(Container(s_array).Name, bad.OnExitCodes.ContainerName);
        // Which the schema requires, as the types here do not.
        V1PodFailurePolicyRule lost = spec.PodFailurePolicy.Rules.Single(r => r.Action == "Ignore");
        Assert.Equal(["DisruptionTarget True"], lost.OnPodConditions.Select(c => $"{c.Type} {c.Status}"));
    }

    [Fact]
    public void Both_jobs_run_commands_that_there_are_and_the_merge_makes_what_the_tasks_were_told_to_write()
    {
        foreach (V1Job job in (V1Job[])[s_array, s_merge])
            Assert.Empty(App.Commands().Parse([.. Container(job).Args]).Errors);
        Assert.Contains("auto", Container(s_array).Args);
        Assert.Equal(Output(s_array), Output(s_merge));
        Assert.Equal("merge", Container(s_merge).Args[0]);
        Assert.Equal(Container(s_array).Image, Container(s_merge).Image);

        static string Output(V1Job job) => Container(job).Args[Container(job).Args.IndexOf("--out") + 1];
    }

    [Fact]
    public void Both_jobs_share_the_volume_and_have_no_rights()
    {
        Assert.Contains("ReadWriteMany", s_volume.Spec.AccessModes);
        foreach (V1Job job in (V1Job[])[s_array, s_merge])
        {
            V1PodSpec pod = job.Spec.Template.Spec;
            V1Volume data = pod.Volumes.Single(v => v.PersistentVolumeClaim is not null);
            Assert.Equal(s_volume.Metadata.Name, data.PersistentVolumeClaim.ClaimName);
            V1Container container = Container(job);
            string mount = container.VolumeMounts.Single(m => m.Name == data.Name).MountPath;
            Assert.All(
                container.Args.Where(a => a.StartsWith('/')),
                a => Assert.StartsWith($"{mount}/", a, StringComparison.Ordinal)
            );
            Assert.True(pod.SecurityContext.RunAsNonRoot);
            Assert.False(container.SecurityContext.AllowPrivilegeEscalation);
            Assert.True(container.SecurityContext.ReadOnlyRootFilesystem);
            Assert.Equal(["ALL"], container.SecurityContext.Capabilities.Drop);
            Assert.False(pod.AutomountServiceAccountToken);
            // What is written beside the data goes where it may.
            Assert.Contains(container.VolumeMounts, m => m.MountPath == "/tmp");
        }
    }

    static V1Container Container(V1Job job) => Assert.Single(job.Spec.Template.Spec.Containers);

    static T Read<T>(string name) =>
        (T)
            Assert.Single(
                KubernetesYaml.LoadAllFromString(File.ReadAllText(Path.Combine(s_folder, name)), strict: true)
            );

    static string Here([CallerFilePath] string path = "") => path;
}
