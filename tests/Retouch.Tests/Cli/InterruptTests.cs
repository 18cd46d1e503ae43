using System.Diagnostics;

namespace Retouch.Tests.Cli;

/// <summary>Ctrl-C, sent to a process of its own.</summary>
public sealed class InterruptTests : IDisposable
{
    readonly Workbench _bench = new();

    public void Dispose() => _bench.Dispose();

    [Theory]
    [InlineData("INT")]
    [InlineData("TERM")]
    [InlineData("HUP")]
    [InlineData("QUIT")]
    public void An_interrupt_while_editing_leaves_no_file(string signal) =>
        Interrupt(
            Workbench.With(_bench.Edit(_bench.Path("p"), "--steps", "2000000000"), "--lr", "1e-12"),
            after: "preprocessing: ",
            wait: 300,
            signal
        );

    [Fact]
    public void An_interrupt_while_editing_the_real_model_leaves_no_file() =>
        Interrupt([.. RealEdit(), "--steps", "100000", "--lr", "1e-12"], after: "preprocessing: ", wait: 1000);

    [Fact]
    public void An_interrupt_while_measuring_locality_leaves_no_file() =>
        Interrupt(
            [
                .. RealEdit(),
                "--steps",
                "1",
                "--force",
                "--locality",
                SharedData.Require("real", "imagenet-sample", "locality"),
                "--verbose",
            ],
            after: "edited: ",
            wait: 300
        );

    string[] RealEdit() =>
        [
            "edit",
            "--model",
            SharedData.Require("real", "vit_tiny_patch16_224.augreg_in21k_ft_in1k.safetensors"),
            "--image",
            SharedData.Require("real", "pacs", "art_painting", "elephant", "pic_001.jpg"),
            "--label",
            "339",
            "--locator",
            "gradient",
            "--out",
            _bench.Path("p"),
        ];

    // Waits for a line of the error stream, then a little, so that the command is in the midst of its work.
    void Interrupt(string[] args, string after, int wait, string signal = "INT")
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no signal to send to one process alone");
        string[] before = _bench.Contents();
        using Process process = Child.Start(args);
        try
        {
            string? line;
            do line = process.StandardError.ReadLine();
            while (line is not null && !line.StartsWith(after, StringComparison.Ordinal));
            Assert.NotNull(line);
            Thread.Sleep(wait);
            Assert.False(process.HasExited);

            Stopwatch clock = Stopwatch.StartNew();
            Assert.Equal(0, Shell.Run("kill", "-" + signal, process.Id.ToString()));
            Assert.True(process.WaitForExit(20_000), "the process goes on after an interrupt");
            string rest = process.StandardError.ReadToEnd();
            Assert.True(process.ExitCode == 130, $"exit code {process.ExitCode}: {rest}");
            Assert.StartsWith("error: interrupted; nothing was written.", rest, StringComparison.Ordinal);
            Assert.Equal("", process.StandardOutput.ReadToEnd());
            Assert.InRange(clock.ElapsedMilliseconds, 0, 5000);
            Assert.Equal(before, _bench.Contents());
        }
        finally
        {
            if (!process.HasExited)
                process.Kill();
        }
    }
}
