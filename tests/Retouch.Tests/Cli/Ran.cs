using System.Text.Json;

namespace Retouch.Tests.Cli;

/// <summary>What a command answered.</summary>
sealed record Ran(int Code, string Out, string Err)
{
    /// <summary>The output's lines, each a JSON object.</summary>
    public JsonElement[] Objects => [.. Lines(Out).Select(line => JsonElement.Parse(line))];

    /// <summary>Runs a command in this process.</summary>
    public static Ran Retouch(params string[] args)
    {
        using StringWriter output = new();
        using StringWriter error = new();
        int code = global::Retouch.Cli.App.Run(args, output, error);
        return new Ran(code, output.ToString(), error.ToString());
    }

    /// <summary>The same answer, which must be a success.</summary>
    public Ran Good()
    {
        Assert.True(Code == 0, Err);
        return this;
    }

    public static string[] Lines(string text) => text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
}
