using Retouch.Data;
using Retouch.Tests.Images;

namespace Retouch.Tests.Data;

public class ImageFolderTests
{
    [Fact]
    public void images_are_listed_recursively_in_ordinal_order_and_nothing_else_is()
    {
        using TempFolder folder = new();
        string[] images = ["B.JPG", "a/z.png", "a.gif", "a-b/c.WebP", "a/b/c/d.jpeg", "é.bmp"];
        foreach (string name in (string[])[.. images, "readme.txt", "a/png", "x.jpg.bak", ".hidden.png", "data.tiff"])
        {
            folder.Write(name, [1]);
        }

        ImageFolder opened = ImageFolder.Open(folder.Path);

        Assert.Equal(folder.Path, opened.Root);
        Assert.Equal(["B.JPG", "a-b/c.WebP", "a.gif", "a/b/c/d.jpeg", "a/z.png", "é.bmp"], opened.Files);
        Assert.All(opened.Files, file => Assert.True(File.Exists(opened.FullPath(file))));
    }

    [Fact]
    public void a_link_in_a_circle_is_named_and_one_to_a_file_is_listed()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "links need a privilege on Windows");
        using TempFolder folder = new();
        folder.Write("a/x.png", [1]);
        Link(folder, "a/loop", folder.Path);
        File.CreateSymbolicLink(Path.Combine(folder.Path, "link.png"), Path.Combine(folder.Path, "a", "x.png"));
        ImageFolder opened = ImageFolder.Open(folder.Path);
        Assert.Equal(["a/x.png", "link.png"], opened.Files);
        string reason = Assert.Single(opened.LeftOut);
        Assert.Contains(Path.Combine("a", "loop"), reason, StringComparison.Ordinal);
        Assert.Contains("circle", reason, StringComparison.Ordinal);
    }

    [Fact]
    public void a_class_folder_that_is_a_link_is_followed_under_its_own_name()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "links need a privilege on Windows");
        using TempFolder folder = new();
        using TempFolder elsewhere = new();
        folder.Write("cat/1.png", [1]);
        elsewhere.Write("store/dogs/2.png", [2]);
        elsewhere.Write("store/dogs/deep/3.png", [3]);
        Link(folder, "dog", Path.Combine(elsewhere.Path, "store", "dogs"));
        // A link to a link, relative.
        Link(elsewhere, "more", "store");
        elsewhere.Write("store/owls/4.png", [4]);
        Link(folder, "owl", Path.Combine(elsewhere.Path, "more", "owls"));
        ImageFolder opened = ImageFolder.Open(folder.Path);
        Assert.Equal(["cat/1.png", "dog/2.png", "dog/deep/3.png", "owl/4.png"], opened.Files);
        Assert.All(opened.Files, file => Assert.True(File.Exists(opened.FullPath(file))));
        Assert.Empty(opened.LeftOut);
        // The root itself, too, may be one.
        using TempFolder third = new();
        Link(third, "all", folder.Path);
        Assert.Equal(opened.Files, ImageFolder.Open(Path.Combine(third.Path, "all")).Files);
    }

    [Fact]
    public void a_folder_is_listed_once_under_its_own_path_before_a_links_and_the_doubles_are_named()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "links need a privilege on Windows");
        using TempFolder folder = new();
        using TempFolder elsewhere = new();
        folder.Write("z/1.png", [1]);
        Link(folder, "a", Path.Combine(folder.Path, "z"));
        elsewhere.Write("x/y/2.png", [2]);
        elsewhere.Write("x/3.png", [3]);
        Link(folder, "b", Path.Combine(elsewhere.Path, "x", "y"));
        Link(folder, "c", Path.Combine(elsewhere.Path, "x"));
        Link(elsewhere, "x/back", folder.Path);
        ImageFolder opened = ImageFolder.Open(folder.Path);
        Assert.Equal(["b/2.png", "c/3.png", "z/1.png"], opened.Files);
        string Named(string path) =>
            Assert.Single(
                opened.LeftOut,
                reason => reason.StartsWith(Path.Combine(folder.Path, path) + " is left out", StringComparison.Ordinal)
            );
        Assert.Equal(3, opened.LeftOut.Count);
        Assert.Contains(Path.Combine(folder.Path, "z"), Named("a"), StringComparison.Ordinal);
        Assert.Contains(Path.Combine(folder.Path, "b"), Named("c/y"), StringComparison.Ordinal);
        Assert.Contains(folder.Path, Named("c/back"), StringComparison.Ordinal);
        // Two folders given together are looked through as one.
        string reason = Assert
            .Throws<BadInputException>(() => ImageFolders.Open([folder.Path, Path.Combine(elsewhere.Path, "x", "y")]))
            .Message;
        Assert.Contains("two of the given folders", reason, StringComparison.Ordinal);
        Assert.Equal(opened.LeftOut, ImageFolders.Open([folder.Path]).LeftOut);
    }

    [Fact]
    public void links_to_nothing_and_formats_that_are_not_read_are_named()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "links need a privilege on Windows");
        using TempFolder folder = new();
        folder.Write("a/x.png", [1]);
        folder.Write("a/y.TIFF", [1]);
        folder.Write("b/z.tiff", [1]);
        Link(folder, "gone", Path.Combine(folder.Path, "absent"));
        File.CreateSymbolicLink(Path.Combine(folder.Path, "gone.png"), "absent.png");
        Link(folder, "self", Path.Combine(folder.Path, "self"));
        ImageFolder opened = ImageFolder.Open(folder.Path);
        Assert.Equal(["a/x.png"], opened.Files);
        Assert.Equal(3, opened.LeftOut.Count(reason => reason.Contains("leads nowhere", StringComparison.Ordinal)));
        Assert.Contains(
            opened.LeftOut,
            reason => reason.StartsWith("2 .tiff files are left out", StringComparison.Ordinal)
        );
    }

    [Fact]
    public void what_programs_leave_in_folders_is_passed_over()
    {
        using TempFolder folder = new();
        foreach (
            string name in (string[])
                [
                    "a/x.png",
                    "a/.ipynb_checkpoints/x-checkpoint.png",
                    "__MACOSX/a/x.png",
                    "a/@eaDir/x.png/thumbnail.jpg",
                    "a/._x.png",
                ]
        )
        {
            folder.Write(name, [1]);
        }
        Assert.Equal(["a/x.png"], ImageFolder.Open(folder.Path).Files);
    }

    static void Link(TempFolder folder, string name, string target) =>
        Directory.CreateSymbolicLink(Path.Combine(folder.Path, name), target);

    [Fact]
    public void a_folder_named_like_an_image_is_no_image()
    {
        using TempFolder folder = new();
        folder.Write("sub.png/x.gif", [1]);
        Assert.Equal(["sub.png/x.gif"], ImageFolder.Open(folder.Path).Files);
    }

    [Fact]
    public void a_trailing_separator_changes_nothing()
    {
        using TempFolder folder = new();
        folder.Write("a/x.png", [1]);
        Assert.Equal(["a/x.png"], ImageFolder.Open(folder.Path + Path.DirectorySeparatorChar).Files);
    }

    [Fact]
    public void what_is_no_folder_of_images_is_refused_with_the_reason()
    {
        using TempFolder folder = new();
        Assert.StartsWith($"{folder.Path} holds no image", Refusal(folder.Path), StringComparison.Ordinal);
        string file = folder.Write("x.png", [1]);
        Assert.StartsWith($"{file} is a file", Refusal(file), StringComparison.Ordinal);
        Assert.StartsWith($"There is no folder {file}s", Refusal(file + "s"), StringComparison.Ordinal);
    }

    static string Refusal(string path) => Assert.Throws<BadInputException>(() => ImageFolder.Open(path)).Message;
}
