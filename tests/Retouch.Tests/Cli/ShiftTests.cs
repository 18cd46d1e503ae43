using System.Diagnostics;
using System.Text.Json;
using Retouch.Images;

namespace Retouch.Tests.Cli;

public sealed class ShiftTests : IDisposable
{
    readonly Workbench _bench = new();

    public ShiftTests()
    {
        Directory.CreateDirectory(_bench.Path("photos/sub"));
        for (int i = 0; i < 3; i++)
            _bench.WriteImage($"photos/{i}.png", i);
        File.Move(_bench.WriteImage("photos/x.png", 9), _bench.Path("photos/sub/y.GIF"));
    }

    public void Dispose() => _bench.Dispose();

    string[] Shift(string output, params string[] more) =>
        ["shift", "--kind", "oil-painting", "--images", _bench.Path("photos"), "--out", _bench.Path(output), .. more];

    static string[] Files(string folder) =>
        [
            .. Directory
                .EnumerateFiles(folder, "*", SearchOption.AllDirectories)
                .Select(f => Path.GetRelativePath(folder, f).Replace('\\', '/'))
                .Order(StringComparer.Ordinal),
        ];

    byte[] Bytes(string name) => File.ReadAllBytes(_bench.Path(name));

    [Fact]
    public void Each_image_is_written_under_its_relative_path_as_the_library_makes_it()
    {
        Ran ran = Ran.Retouch(Shift("out", "--seed", "5", "--strength", "0.4", "--json")).Good();
        Assert.Equal(["0.png", "1.png", "2.png", "shift.json", "sub/y.png"], Files(_bench.Path("out")));
        Assert.Equal(
            ["0.png", "1.png", "2.png", "sub/y.GIF"],
            ran.Objects.Select(o => o.GetProperty("image").GetString())
        );
        Assert.All(ran.Objects, o => Assert.Equal("written", o.GetProperty("status").GetString()));
        RgbImage expected = ImageShift
            .Find("oil-painting")
            .Apply(ImageDecoder.Load(_bench.Path("photos/sub/y.GIF")), 0.4, ImageShift.RandomFor(5, "sub/y.GIF"));
        Assert.Equal(expected.Pixels.ToArray(), ImageDecoder.Load(_bench.Path("out/sub/y.png")).Pixels.ToArray());
    }

    [Fact]
    public void The_same_seed_gives_the_same_files_with_any_threads_and_in_any_company()
    {
        Ran.Retouch(Shift("a", "--threads", "1")).Good();
        File.Delete(_bench.Path("photos/0.png"));
        Ran.Retouch(Shift("b", "--threads", "2")).Good();
        Ran.Retouch(Shift("c", "--seed", "1")).Good();
        Assert.Equal(Bytes("a/2.png"), Bytes("b/2.png"));
        Assert.NotEqual(Bytes("a/2.png"), Bytes("c/2.png"));
    }

    [Fact]
    public void A_second_run_makes_only_what_is_missing_unless_told_to_overwrite()
    {
        Ran.Retouch(Shift("out")).Good();
        byte[] first = Bytes("out/0.png");
        File.Delete(_bench.Path("out/0.png"));
        _bench.Write("out/1.png", "kept");
        Ran again = Ran.Retouch(Shift("out", "--json")).Good();
        Assert.Equal(
            ["written", "kept", "kept", "kept"],
            again.Objects.Select(o => o.GetProperty("status").GetString())
        );
        Assert.Equal(first, Bytes("out/0.png"));
        Assert.Equal("kept", File.ReadAllText(_bench.Path("out/1.png")));
        Assert.Contains(
            "4 images written",
            Ran.Retouch(Shift("out", "--overwrite")).Good().Out,
            StringComparison.Ordinal
        );
        Assert.NotEqual("kept", File.ReadAllText(_bench.Path("out/1.png")));
    }

    [Fact]
    public void Two_shifts_do_not_mix_in_one_folder()
    {
        Ran.Retouch(Shift("out")).Good();
        _bench.Refuses(Shift("out", "--seed", "1"), "another shift", "seed 0", "--overwrite");
        Ran.Retouch(Shift("out", "--seed", "1", "--overwrite")).Good();
        Ran.Retouch(Shift("out", "--seed", "1")).Good();
        File.Delete(_bench.Path("out/shift.json"));
        _bench.Refuses(Shift("out", "--seed", "1"), "0.png exists", "--overwrite");
        _bench.Write("out/shift.json", "[");
        _bench.Refuses(Shift("out", "--seed", "1"), "shift.json", "--out");
    }

    [Fact]
    public void An_image_that_cannot_be_decoded_is_named_and_the_others_are_made()
    {
        _bench.Write("photos/1.png", "no image");
        Ran ran = Ran.Retouch(Shift("out", "--json"));
        Assert.Equal(0, ran.Code);
        Assert.Equal(
            ["written", "skipped", "written", "written"],
            ran.Objects.Select(o => o.GetProperty("status").GetString())
        );
        Assert.Contains("1.png is not an image", Assert.Single(Ran.Lines(ran.Err)), StringComparison.Ordinal);
        Assert.Equal("mismatch", ran.Objects[1].GetProperty("kind").GetString());
        Assert.Equal(_bench.Path("photos/1.png"), ran.Objects[1].GetProperty("subject").GetString());
        Assert.Equal(JsonValueKind.Null, ran.Objects[0].GetProperty("kind").ValueKind);
        Assert.Equal(["0.png", "2.png", "shift.json", "sub/y.png"], Files(_bench.Path("out")));
    }

    [Fact]
    public void Jpeg_has_a_quality()
    {
        Ran.Retouch(Shift("best", "--format", "jpeg", "--quality", "98")).Good();
        Ran.Retouch(Shift("worst", "--format", "jpeg", "--quality", "5")).Good();
        Assert.True(Bytes("best/0.jpg").Length > 1.5 * Bytes("worst/0.jpg").Length);
        Assert.Equal(
            (20, 16),
            (ImageDecoder.Load(_bench.Path("best/0.jpg")).Width, ImageDecoder.Load(_bench.Path("best/0.jpg")).Height)
        );
        _bench.Refuses(Shift("png", "--quality", "90"), "--quality", "--format jpeg");
    }

    [Fact]
    public void Folders_that_do_not_fit_are_refused()
    {
        _bench.Refuses(Shift("photos"), "lies in the folder of the images");
        _bench.Refuses(Shift("photos/shifted"), "lies in the folder of the images");
        _bench.Refuses(Shift("labels.txt"), "is a file");
        _bench.Refuses(Workbench.With(Shift("out"), "--images", _bench.Path("missing")), "no folder");
        Ran.Retouch(Shift("photos-shifted")).Good();
        File.Copy(_bench.Path("photos/0.png"), _bench.Path("photos/0.bmp"));
        _bench.Refuses(Shift("out"), "0.bmp and 0.png", "both become 0.png");
    }

    [Theory]
    [InlineData("--kind", "oil", "oil-painting, stage-light, sketch, night, snow, motion-blur, jpeg")]
    [InlineData("--strength", "1.1", "from 0 to 1")]
    [InlineData("--strength", "NaN", "from 0 to 1")]
    [InlineData("--seed", "x", "whole number")]
    [InlineData("--format", "webp", "png, jpeg")]
    [InlineData("--quality", "0", "from 1 to 100")]
    public void A_value_out_of_range_is_named_with_its_range(string option, string value, string range) =>
        _bench.Refuses(
            option == "--kind" ? Workbench.With(Shift("out"), option, value) : Shift("out", option, value),
            option,
            value,
            range
        );

    [Fact]
    public void An_interrupt_leaves_whole_images_and_a_second_run_goes_on()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no signal to send to one process alone");
        byte[] large = ImageEncoder.Png(Retouch.Tests.Images.TestImage.Noise(500, 400));
        for (int i = 0; i < 200; i++)
            _bench.Write($"photos/large-{i:000}.png", large);
        string program = Path.Combine(AppContext.BaseDirectory, "Retouch.Cli.dll");
        ProcessStartInfo start = new(
            Environment.ProcessPath is { } host && Path.GetFileNameWithoutExtension(host) == "dotnet" ? host : "dotnet",
            ["exec", program, .. Shift("out")]
        )
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        };
        using Process process = Process.Start(start)!;
        try
        {
            while (
                !process.HasExited
                && !(
                    Directory.Exists(_bench.Path("out"))
                    && Files(_bench.Path("out")).Any(f => f.Contains("large", StringComparison.Ordinal))
                )
            )
                Thread.Sleep(20);
            Assert.False(process.HasExited);
            Assert.Equal(0, Shell.Run("kill", "-INT", process.Id.ToString()));
            Assert.True(process.WaitForExit(60_000), "the process goes on after an interrupt");
            string error = process.StandardError.ReadToEnd();
            Assert.True(process.ExitCode == 130, error);
            Assert.StartsWith("error: interrupted; ", error, StringComparison.Ordinal);
        }
        finally
        {
            if (!process.HasExited)
                process.Kill();
        }
        string[] files = Files(_bench.Path("out"));
        Assert.InRange(files.Length, 2, 200);
        Assert.All(files.Where(f => f != "shift.json"), f => ImageDecoder.Load(_bench.Path("out/" + f)));
        File.Delete(_bench.Path("photos/0.png")); // missing images do not hinder the rest
        foreach (
            string rest in Directory
                .EnumerateFiles(_bench.Path("photos"), "large-*")
                .Order(StringComparer.Ordinal)
                .Skip(5)
        )
            File.Delete(rest);
        Assert.Equal(0, Ran.Retouch(Shift("out")).Code);
        Assert.Contains("large-004.png", Files(_bench.Path("out")));
    }
}
