using Retouch.Images;

namespace Retouch.Tests.Images;

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
    public void a_link_to_a_folder_is_not_followed_but_one_to_a_file_is_listed()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "links need a privilege on Windows");
        using TempFolder folder = new();
        folder.Write("a/x.png", [1]);
        Directory.CreateSymbolicLink(Path.Combine(folder.Path, "a", "loop"), folder.Path);
        File.CreateSymbolicLink(Path.Combine(folder.Path, "link.png"), Path.Combine(folder.Path, "a", "x.png"));
        Assert.Equal(["a/x.png", "link.png"], ImageFolder.Open(folder.Path).Files);
    }

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
