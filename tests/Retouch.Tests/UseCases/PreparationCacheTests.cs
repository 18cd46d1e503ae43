using Retouch.Data;
using Retouch.Editing;
using Retouch.Formats;
using Retouch.Locating;
using Retouch.Suffix;
using Retouch.Tests.Editing;
using Retouch.Tests.Formats;
using Retouch.UseCases;

namespace Retouch.Tests.UseCases;

/// <summary>Preparations that are kept: the same is not made twice, and what is not whole is never trusted.</summary>
public sealed class PreparationCacheTests : IDisposable
{
    readonly MethodBed _bed = new(images: 40);
    readonly TemporaryFolder _folder = new();
    readonly PreparationCache _cache;
    readonly string _direct;
    int _made;
    int _notKept;

    public PreparationCacheTests()
    {
        _cache = new PreparationCache(_folder.File("cache"));
        _direct = _folder.File("direct.safetensors");
        using Preparation direct = _bed.Prepare(Inputs()).From(_bed.Images);
        direct.Save(_direct, overwrite: false);
    }

    public void Dispose()
    {
        _bed.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void What_was_made_is_there_the_next_time_as_the_very_file_that_prepare_writes()
    {
        Assert.False(Get());
        Assert.True(Get());
        Assert.Equal(1, _made);
        Assert.Equal(File.ReadAllBytes(_direct), File.ReadAllBytes(Assert.Single(Files())));
        if (!OperatingSystem.IsWindows())
            Assert.Equal(
                UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute,
                File.GetUnixFileMode(_cache.Folder)
            );
    }

    [Fact]
    public void Other_images_another_model_other_blocks_and_another_preparation_are_others()
    {
        Get();
        string images = Directory.CreateDirectory(_folder.File("more")).FullName;
        foreach (string path in _bed.Images.Folders.Paths.Skip(1))
            File.Copy(path, Path.Combine(images, Path.GetFileName(path)));
        PreparationImages others = _bed.Images with { Folders = ImageFolders.Open([images]) };
        using Retouch.Vit.VitModel model = TinyVit.Create(seed: 1, depth: 5);
        Assert.False(Get(images: others));
        Assert.False(Get(new SplitVit(model, _bed.Split.Space)));
        Assert.False(Get(new SplitVit(_bed.Model, new EditSpace(_bed.Model.Config, 2, 2))));
        Assert.False(Get(preparation: Rome.Definition.NewPreparation!()));
        Assert.False(
            Get(images: _bed.Images with { Preprocessing = _bed.Images.Preprocessing with { Squash = true } })
        );
        Assert.Equal((6, 6), (_made, Files().Length));
        Assert.True(Get());
        Assert.True(Get(images: others));
    }

    [Theory]
    [InlineData("empty")]
    [InlineData("cut")]
    [InlineData("flipped")]
    [InlineData("longer")]
    [InlineData("text")]
    [InlineData("renamed")]
    [InlineData("link")]
    [InlineData("folder")]
    public void What_is_damaged_or_not_what_it_says_is_made_again(string damage)
    {
        Get();
        string entry = Assert.Single(Files());
        byte[] whole = File.ReadAllBytes(entry);
        switch (damage)
        {
            case "empty":
                File.WriteAllBytes(entry, []);
                break;
            case "cut":
                File.WriteAllBytes(entry, whole[..(whole.Length / 2)]);
                break;
            case "flipped":
                whole[^5] ^= 1;
                File.WriteAllBytes(entry, whole);
                break;
            case "longer":
                File.WriteAllBytes(entry, [.. whole, 0]);
                break;
            case "text":
                File.WriteAllText(entry, "not a safetensors file");
                break;
            case "renamed":
                // Another entry, whole, under this one's name.
                Get(new SplitVit(_bed.Model, new EditSpace(_bed.Model.Config, 2, 2)));
                string other = Files().Single(f => f != entry);
                string check = Path.GetFileName(other).Split('-')[1];
                File.Delete(entry);
                File.Copy(other, Path.Combine(_cache.Folder, $"{Path.GetFileName(entry).Split('-')[0]}-{check}"));
                break;
            case "link":
                string elsewhere = _folder.File("elsewhere");
                File.Move(entry, elsewhere);
                File.CreateSymbolicLink(entry, elsewhere);
                break;
            case "folder":
                File.Delete(entry);
                Directory.CreateDirectory(entry);
                break;
        }
        int before = _made;
        Assert.False(Get());
        Assert.Equal(before + 1, _made);
        // A folder of the entry's name is in the way of keeping it, and of nothing else.
        Assert.Equal(damage != "folder", Get());
    }

    [Fact]
    public void A_whole_file_that_is_no_such_preparation_is_made_again()
    {
        Get();
        string entry = Assert.Single(Files());
        string key = Path.GetFileName(entry).Split('-')[0];
        File.Delete(entry);
        // As an enemy would name it who knows how names are made.
        string forged = _folder.File("forged");
        using (Preparation other = _bed.Prepare(Rome.Definition.NewPreparation!()))
            other.Save(forged, overwrite: false);
        byte[] hash = System.Security.Cryptography.SHA256.HashData([
            .. System.Text.Encoding.UTF8.GetBytes(key),
            .. File.ReadAllBytes(forged),
        ]);
        File.Copy(forged, Path.Combine(_cache.Folder, $"{key}-{Convert.ToHexStringLower(hash)[..32]}.safetensors"));
        Assert.False(Get());
        Assert.True(Get());
        Assert.Equal(File.ReadAllBytes(_direct), File.ReadAllBytes(Assert.Single(Files())));
    }

    [Fact]
    public void A_kill_at_any_step_leaves_nothing_that_is_trusted()
    {
        for (int steps = 1; ; steps++)
        {
            int left = steps;
            AtomicFile.BeforeStep.Value = _ =>
            {
                if (--left == 0)
                    throw new Killed();
            };
            bool killed = false;
            try
            {
                Get();
            }
            catch (Killed)
            {
                killed = true;
            }
            AtomicFile.BeforeStep.Value = null;
            Assert.All(Files(), f => Assert.Equal(File.ReadAllBytes(_direct), File.ReadAllBytes(f)));
            if (!killed)
            {
                Assert.True(steps > 1);
                break;
            }
            Assert.Empty(Files());
        }
        Assert.True(Get());
    }

    [Fact]
    public void What_an_interrupt_left_is_gone_on_with_to_the_same_bytes()
    {
        using CancellationTokenSource source = new();
        int first = 0;
        OperationCanceledException e = Assert.ThrowsAny<OperationCanceledException>(() =>
            Get(
                progress: _ =>
                {
                    first++;
                    source.Cancel();
                },
                cancellation: source.Token
            )
        );
        Assert.Contains("the same command goes on from there", e.Message, StringComparison.Ordinal);
        Assert.Equal(1, first);
        Assert.Empty(Files());
        string begun = Assert.Single(Directory.GetFiles(_cache.Folder, "*.partial"));

        List<int> done = [];
        Assert.False(Get(progress: p => done.Add(p.Done)));
        Assert.True(done[0] > 16, "it began anew");
        Assert.Equal(File.ReadAllBytes(_direct), File.ReadAllBytes(Assert.Single(Files())));
        Assert.False(File.Exists(begun));
        Assert.Single(Directory.GetFileSystemEntries(_cache.Folder));
    }

    [Fact]
    public void A_damaged_beginning_is_not_gone_on_with()
    {
        using CancellationTokenSource source = new();
        Assert.ThrowsAny<OperationCanceledException>(() =>
            Get(progress: _ => source.Cancel(), cancellation: source.Token)
        );
        string begun = Assert.Single(Directory.GetFiles(_cache.Folder, "*.partial"));
        byte[] bytes = File.ReadAllBytes(begun);
        bytes[^3] ^= 4;
        File.WriteAllBytes(begun, bytes);
        // And one that a kill left under the name that is written to.
        File.WriteAllBytes(begun[..^(".partial".Length + 33)] + ".partial", bytes);
        List<int> done = [];
        Assert.False(Get(progress: p => done.Add(p.Done)));
        Assert.Equal(16, done[0]);
        Assert.Equal(File.ReadAllBytes(_direct), File.ReadAllBytes(Assert.Single(Files())));
        Assert.Single(Directory.GetFileSystemEntries(_cache.Folder));
    }

    [Fact]
    public void While_another_makes_it_it_is_made_without_waiting()
    {
        bool inner = true;
        bool there = Get(progress: _ =>
        {
            if (!inner)
                return;
            inner = false;
            // As another process would, which finds the first at work.
            Assert.False(Get());
            Assert.Empty(Files());
        });
        Assert.False(there);
        Assert.Equal(2, _made);
        Assert.True(Get());
        Assert.Equal(File.ReadAllBytes(_direct), File.ReadAllBytes(Assert.Single(Files())));
    }

    [Fact]
    public async Task Many_at_once_all_get_the_same()
    {
        Task<bool>[] all = [.. Enumerable.Range(0, 4).Select(_ => Task.Run(() => Get()))];
        await Task.WhenAll(all);
        Assert.True(Get());
        Assert.Equal(File.ReadAllBytes(_direct), File.ReadAllBytes(Assert.Single(Files())));
    }

    [Fact]
    public void Beyond_its_bound_what_was_used_longest_ago_goes()
    {
        long size = new FileInfo(_direct).Length;
        PreparationCache small = new(_folder.File("small"), most: 2 * size + size / 2);
        SplitVit[] splits =
        [
            .. Enumerable.Range(0, 3).Select(i => new SplitVit(_bed.Model, new EditSpace(_bed.Model.Config, i, 2))),
        ];
        DateTime then = DateTime.UtcNow.AddDays(-1);
        Get(splits[0], cache: small);
        string first = Assert.Single(Directory.GetFiles(small.Folder));
        File.SetLastWriteTimeUtc(first, then);
        Get(splits[1], cache: small);
        File.SetLastWriteTimeUtc(Directory.GetFiles(small.Folder).Single(f => f != first), then.AddHours(1));
        Assert.True(Get(splits[0], cache: small)); // used now
        Get(splits[2], cache: small);
        Assert.Equal(2, Directory.GetFiles(small.Folder).Length);
        Assert.True(Get(splits[0], cache: small));
        Assert.False(Get(splits[1], cache: small));

        // What is larger than all is of use and not kept.
        PreparationCache none = new(_folder.File("none"), most: size / 2);
        Assert.False(Get(cache: none));
        Assert.False(Get(cache: none));
        Assert.Empty(Directory.GetFileSystemEntries(none.Folder));
    }

    [Fact]
    public void Where_nothing_can_be_kept_it_is_made_each_time()
    {
        string file = _folder.File("file");
        File.WriteAllText(file, "");
        PreparationCache nowhere = new(Path.Combine(file, "cache"));
        Assert.False(Get(cache: nowhere));
        Assert.False(Get(cache: nowhere));
        Assert.Equal(2, _made);
        Assert.Equal(2, _notKept);
    }

    [Fact]
    public void It_lies_where_the_environment_says()
    {
        Assert.Equal(
            Path.Combine(Path.GetFullPath("/own"), "statistics"),
            Of(("RETOUCH_CACHE", "/own"), ("XDG_CACHE_HOME", "/xdg"))
        );
        Assert.Equal(
            Path.Combine(Path.GetFullPath("/xdg"), "retouch", "statistics"),
            Of(("RETOUCH_CACHE", ""), ("XDG_CACHE_HOME", "/xdg"))
        );
        if (OperatingSystem.IsLinux())
            Assert.EndsWith(Path.Combine(".cache", "retouch", "statistics"), Of(), StringComparison.Ordinal);

        static string? Of(params (string Name, string Value)[] variables) =>
            PreparationCache.OfUser(name => variables.FirstOrDefault(v => v.Name == name).Value)?.Folder;
    }

    bool Get(
        SplitVit? split = null,
        PreparationImages? images = null,
        IPreparation? preparation = null,
        PreparationCache? cache = null,
        Action<PreparationProgress>? progress = null,
        CancellationToken cancellation = default
    )
    {
        split ??= _bed.Split;
        images ??= _bed.Images;
        preparation ??= Inputs();
        (Preparation got, bool wasThere) = (cache ?? _cache).Get(
            preparation,
            split,
            images,
            checkpoint =>
            {
                Interlocked.Increment(ref _made);
                return preparation.Prepare(
                    split,
                    images,
                    checkpoint,
                    progress is null ? null : new Told<PreparationProgress>(progress),
                    cancellation
                );
            },
            () => _notKept++
        );
        using (got)
            Assert.True(got.Fits(split) && got.Kind == preparation.Name);
        return wasThere;
    }

    string[] Files() => Directory.Exists(_cache.Folder) ? Directory.GetFiles(_cache.Folder, "*.safetensors") : [];

    static IPreparation Inputs() => Kfac.Definition.NewPreparation!();

    sealed class Killed : Exception;
}
