using System.Runtime.CompilerServices;
using System.Text;
using Retouch.Plots;

namespace Retouch.Reports;

/// <summary>
/// Markup made of what the program's text says literally and of escaped values: whatever is put into a hole of
/// an interpolated text becomes text of the page, unless it is markup itself.
/// </summary>
sealed class Html
{
    readonly string _markup;

    Html(string markup) => _markup = markup;

    public static Html Empty { get; } = new("");

    /// <summary>Markup with holes: <c>Html.Of($"&lt;td&gt;{name}&lt;/td&gt;")</c>.</summary>
    public static Html Of(Markup markup) => new(markup.Text);

    /// <summary>Pieces one after the other.</summary>
    public static Html Join(IEnumerable<Html> pieces) => new(string.Concat(pieces.Select(p => p._markup)));

    /// <summary>What is markup already and escapes on its own: figures and the style sheet, never a value.</summary>
    public static Html Trusted(string markup) => new(markup);

    public override string ToString() => _markup;

    /// <summary>
    /// Takes an interpolated text apart. Numbers have no hole of their own: each says how it is written.
    /// </summary>
    [InterpolatedStringHandler]
    public readonly ref struct Markup(int literalLength, int formattedCount)
    {
        readonly StringBuilder _text = new(literalLength + 16 * formattedCount);

        public string Text => _text.ToString();

        public void AppendLiteral(string literal) => _text.Append(literal);

        public void AppendFormatted(string? text) => _text.Append(SvgText.Escape(text ?? ""));

        public void AppendFormatted(int number) => _text.Append(number);

        public void AppendFormatted(Html? markup) => _text.Append(markup?._markup);

        public void AppendFormatted(IEnumerable<Html> markup) => _text.Append(Join(markup)._markup);
    }
}
