namespace Retouch.Reports;

/// <summary>A report as a page of HTML, which is XML, too: it runs no script and loads nothing.</summary>
static class StaticPage
{
    /// <summary>What wrote it.</summary>
    public static string Version => typeof(StaticPage).Assembly.GetName().Version?.ToString(3) ?? "";

    /// <summary>The whole page, its lines as on every system.</summary>
    /// <param name="title">Its title.</param>
    /// <param name="css">What it adds to the style sheet of reports.</param>
    /// <param name="body">What is on it.</param>
    public static string Of(string title, string css, Html body)
    {
        Html style = Html.Trusted(ReportStyle.Css + css);
        return Html.Of(
                $"""
                <!DOCTYPE html>
                <html lang="en" xmlns="http://www.w3.org/1999/xhtml">
                <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1"/>
                <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:"/>
                <title>{title}</title>
                <style>{style}</style>
                </head>
                <body>
                {body}
                </body>
                </html>

                """
            )
            .ToString()
            .ReplaceLineEndings("\n");
    }
}
