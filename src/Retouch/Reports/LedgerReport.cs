using System.Globalization;
using System.Text;
using System.Text.Json;
using Retouch.Formats;
using Retouch.Patches;

namespace Retouch.Reports;

/// <summary>
/// A ledger for people who sign: one page of HTML, made to be printed, or a section of a model card. What was changed,
/// why, on what evidence, what else changed, against which criteria, and how it is taken back. Immutable.
/// </summary>
public sealed class LedgerReport
{
    const int MostRows = 40;
    const int MostListed = 6;
    const int DeepestRow = 4;
    const int LongestValue = 200;

    /// <summary>The ledger.</summary>
    public required Ledger Ledger { get; init; }

    /// <summary>The state that is reported.</summary>
    public required LedgerState State { get; init; }

    /// <summary>The patches that were added up to that state, in the order of the ledger.</summary>
    public required IReadOnlyList<LedgerReportEntry> Entries { get; init; }

    /// <summary>The names of the model's classes; null where they are unknown.</summary>
    public LabelSet? Labels { get; init; }

    /// <summary>The fingerprint of the state's model, or null where it was not built.</summary>
    public string? Fingerprint { get; init; }

    /// <summary>When the report is made.</summary>
    public required DateTimeOffset Time { get; init; }

    /// <summary>How the state's model is built and verified again, as commands, a line each.</summary>
    public IReadOnlyList<string> Build { get; init; } = [];

    IEnumerable<LedgerReportEntry> In => Entries.Where(e => e.TakenBack is null);

    /// <summary>The page.</summary>
    public string ToHtml() =>
        StaticPage.Of(
            Title(),
            LedgerReportStyle.Css,
            Html.Of(
                $"""
                {Head()}
                <main>
                <section id="overview"><h2>Overview</h2>{Overview()}</section>
                {Entries.Select(Section)}
                <section id="checking"><h2>How to check this</h2>{Checking()}</section>
                <section id="release"><h2>Release</h2>{Signatures()}</section>
                </main>
                <footer><p>Written by Retouch {StaticPage.Version} on {Date(Time)}. This page loads nothing from
                anywhere.</p></footer>
                """
            )
        );

    /// <summary>The section "Edits" of a model card, as Markdown.</summary>
    public string ToMarkdown()
    {
        StringBuilder text = new();
        int count = In.Count();
        text.Append("## Edits\n\n");
        text.Append(
            CultureInfo.InvariantCulture,
            $"This model is `{Ledger.Base}` with {ReportText.Many(count, "patch", "patches")}, as of entry "
                + $"{State.Number} of "
        );
        text.Append(CultureInfo.InvariantCulture, $"`{Cell(Name)}` ({Date(Ledger.Entries[State.Number].Time)}).");
        text.Append(CultureInfo.InvariantCulture, $" State `{State.Digest}`");
        text.Append(Fingerprint is null ? ".\n" : $", fingerprint `{Fingerprint}`.\n");
        if (Entries.Count > 0)
        {
            text.Append("\n| | When | Who | What changed | Why | Evidence | What else changed | Criteria |\n");
            text.Append("|---|---|---|---|---|---|---|---|\n");
            foreach (LedgerReportEntry e in Entries)
            {
                string[] cells =
                [
                    $"{e.Entry.Number}",
                    Date(e.Entry.Time),
                    e.Entry.Author,
                    (e.TakenBack is null ? "" : $"(taken back by entry {e.TakenBack.Number}) ") + What(e),
                    e.Entry.Reason,
                    Evidence(e),
                    Else(e),
                    e.Entry.Criteria is null ? "none given" : Short(e.Entry.Criteria),
                ];
                text.Append(CultureInfo.InvariantCulture, $"| {string.Join(" | ", cells.Select(Cell))} |\n");
            }
        }
        foreach (LedgerReportEntry e in Entries.Where(e => e.TakenBack is not null))
            text.Append(
                CultureInfo.InvariantCulture,
                $"\nEntry {e.Entry.Number} was taken back by {Cell(e.TakenBack!.Author)} on {Date(e.TakenBack.Time)}: "
                    + $"{Cell(e.TakenBack.Reason)}\n"
            );
        foreach (LedgerReportEntry e in In.Take(1).Where(e => e.Back.Count > 0))
        {
            text.Append("\nHow to take an edit back, such as the first:\n\n```sh\n");
            foreach (string line in e.Back)
                text.Append(line.Replace("```", "", StringComparison.Ordinal)).Append('\n');
            text.Append("```\n");
        }
        return text.ToString();
    }

    string Name => Path.GetFileName(Ledger.Path);

    string Title() => $"Edits of a model: {Name}, entry {State.Number}";

    Html Head()
    {
        int promised = In.Sum(e => e.Entry.Images.Count);
        int right = In.Sum(e => e.Promises.Count(p => p.Image.IsRight));
        bool asked = In.Any(e => e.Promises.Count > 0);
        (string, string)[] tiles =
        [
            ($"{In.Count()}", In.Count() == 1 ? "patch in the model" : "patches in the model"),
            ($"{Entries.Count(e => e.TakenBack is not null)}", "taken back"),
            ($"{promised}", promised == 1 ? "image that must stay right" : "images that must stay right"),
            .. asked ? ((string, string)[])[($"{right} of {promised}", "right when asked for this page")] : [],
        ];
        return Html.Of(
            $"""
            <header>
            <p class="over">Retouch ledger report · {Name} · {Date(Time)}</p>
            <h1>What was changed in this model, and why</h1>
            <p class="lead">{Ledger.Entries[0].Reason}</p>
            <div class="tiles">{tiles.Select(t => Html.Of($"<div><b>{t.Item1}</b><span>{t.Item2}</span></div>"))}</div>
            <dl>
            <dt>Unedited model</dt><dd><code>{Ledger.Base}</code></dd>
            <dt>State after entry {State.Number}</dt><dd><code>{State.Digest}</code></dd>
            {(
                Fingerprint is null
                    ? Html.Empty
                    : Html.Of($"<dt>Model of this state</dt><dd><code>{Fingerprint}</code></dd>")
            )}
            <dt>History</dt><dd><code>{Ledger.History}</code></dd>
            <dt>Begun</dt><dd>{Date(Ledger.Entries[0].Time)} by {Ledger.Entries[0].Author}</dd>
            </dl>
            </header>
            """
        );
    }

    Html Overview() =>
        Ledger.Entries.Count == 1
            ? Html.Of($"<p>Nothing was changed yet.</p>")
            : Html.Of(
                $"""
                <div class="scroll"><table class="entries">
                <thead><tr><th>Entry</th><th class="l">When (UTC)</th><th class="l">Who</th><th class="l">What</th>
                <th class="l">Why</th></tr></thead>
                <tbody>{Ledger.Entries.Skip(1).Take(State.Number).Select(e =>
                    Html.Of(
                        $"""
                        <tr><td>{e.Number}</td><td class="l">{Date(e.Time)}</td><td class="l wrap">{e.Author}</td>
                        <td class="l wrap">{Row(e)}</td><td class="l wrap">{e.Reason}</td></tr>
                        """
                    )
                )}</tbody></table></div>
                """
            );

    Html Row(LedgerEntry entry)
    {
        if (entry.Kind == LedgerEntryKind.Add)
            return Entries.First(e => e.Entry.Id == entry.Id).TakenBack is { } by
                ? Html.Of($"<s>{entry.Patch!.File}</s> added; taken back by entry {by.Number}")
                : Html.Of($"<a href=\"#entry-{entry.Number}\">{entry.Patch!.File}</a> added");
        string names = string.Join(
            ", ",
            Ledger.Entries.Where(e => entry.Reverts.Contains(e.Id)).Select(e => $"{e.Patch!.File} (entry {e.Number})")
        );
        return Html.Of($"{names} taken back");
    }

    Html Section(LedgerReportEntry e) =>
        Html.Of(
            $"""
            <section id="entry-{e.Entry.Number}" class="entry">
            <p class="over">Entry {e.Entry.Number} · {Date(e.Entry.Time)} · {e.Entry.Author}</p>
            <h2>{(
                e.TakenBack is null
                    ? Html.Of($"{e.Entry.Patch!.File}")
                    : Html.Of($"<s>{e.Entry.Patch!.File}</s>")
            )}</h2>
            {(
                e.TakenBack is null
                    ? Html.Empty
                    : Html.Of(
                        $"""
                        <p class="back">Taken back by {e.TakenBack.Author} on {Date(e.TakenBack.Time)}
                        (entry {e.TakenBack.Number}):
                        {e.TakenBack.Reason}</p>
                        """
                    )
            )}
            <dl>
            <dt>Why</dt><dd>{e.Entry.Reason}</dd>
            <dt>What changed</dt><dd>{What(e)}</dd>
            <dt>On what evidence</dt><dd>{Evidence(e)}{Images(e)}</dd>
            <dt>What else changed</dt><dd>{Else(e)}{Rows(e.Entry.Check)}</dd>
            <dt>Against which criteria</dt><dd>{(
                e.Entry.Criteria is null ? Html.Of($"None were given.") : Rows(e.Entry.Criteria)
            )}</dd>
            <dt>How to take it back</dt><dd>{(
                e.TakenBack is null ? Commands(e.Back) : Html.Of($"It is taken back.")
            )}</dd>
            <dt>What names it</dt><dd>Entry <code>{e.Entry.Id}</code><br/>File <code>{e.Entry.Patch!.Sha256}</code><br/>
            Change <code>{e.Entry.Patch.Change}</code></dd>
            </dl>
            </section>

            """
        );

    static string What(LedgerReportEntry e)
    {
        string file = $"by {e.Entry.Patch!.Method}";
        if (e.Patch is not { } patch)
            return $"A patch {file}; its file is not there, so no more is known.";
        string settings = string.Join(", ", patch.Settings.Select(s => $"{s.Key} {s.Value}"));
        string tensors =
            $"{string.Join(", ", e.Tensors.Take(MostListed))}"
            + (e.Tensors.Count > MostListed ? $" and {e.Tensors.Count - MostListed} more" : "");
        return $"{ReportText.Count(e.Parameters)} numbers in {tensors}, {file} ({settings}; seed {patch.Seed}).";
    }

    static string Evidence(LedgerReportEntry e)
    {
        string[] classes =
        [
            .. e.Entry.Images.Select(i => i.LabelName ?? $"class {i.Label}").Distinct(StringComparer.Ordinal),
        ];
        if (e.Entry.Images.Count == 0)
            return "No image is named.";
        string label = classes.Length == 1 ? classes[0] : $"{classes.Length} classes";
        string made = e.Patch?.Measurements is { } m
            ? m.Success
                ? " Right under the patch when it was made."
                : " Not all were right under the patch when it was made."
            : "";
        int asked = e.Promises.Count(p => p.Image.Predicted is not null);
        string now =
            asked == 0
                ? ""
                : $" Asked for this report: {e.Promises.Count(p => p.Image.IsRight)} of {e.Entry.Images.Count} right"
                    + (asked < e.Entry.Images.Count ? $", {e.Entry.Images.Count - asked} not found." : ".");
        return $"{ReportText.Many(e.Entry.Images.Count, "image")} that should be {label}.{made}{now}";
    }

    static string Else(LedgerReportEntry e) =>
        e.Patch?.Measurements is { LocalityRate: double rate, LocalityImages: int images }
            ? $"{ReportText.Percent(rate, 2)} % of {ReportText.Count(images)} other images kept their prediction "
                + "under this "
                + "patch alone."
        : e.Entry.Check is not null ? ""
        : "It was not measured.";

    Html Images(LedgerReportEntry e)
    {
        if (e.Pictures.Count == 0 && e.Promises.Count == 0)
            return Html.Empty;
        return Html.Of(
            $"""
            <ul class="thumbs wide">{e.Entry.Images.Where(i =>
                e.Pictures.ContainsKey(i.Sha256) || e.Promises.Any(p => p.Image.Image.Sha256 == i.Sha256)
            )
                .Take(LedgerReportPictures.Most)
                .Select(i => Html.Of($"<li>{Picture(e, i)}{Said(e, i)}</li>"))}{(
                e.Entry.Images.Count > LedgerReportPictures.Most
                    ? Html.Of(
                        $"<li class=\"more\">and {e.Entry.Images.Count - LedgerReportPictures.Most} more</li>"
                    )
                    : Html.Empty
            )}</ul>
            """
        );
    }

    static Html Picture(LedgerReportEntry e, LedgerImage image) =>
        e.Pictures.TryGetValue(image.Sha256, out ReadOnlyMemory<byte> jpeg)
            ? Html.Of(
                $"""
                <img src="data:image/jpeg;base64,{Convert.ToBase64String(jpeg.Span)}" alt="{image.Name}"
                title="{image.Name}"/>
                """
            )
            : Html.Of($"{image.Name}: ");

    Html Said(LedgerReportEntry e, LedgerImage image)
    {
        if (
            e.Promises.FirstOrDefault(p => p.Image.Image.Sha256 == image.Sha256)
            is not { Image.Predicted: int now } promise
        )
            return Html.Of($"{image.LabelName ?? $"class {image.Label}"}");
        string right = promise.Image.IsRight ? "" : $", not {Class(promise.Image.Label)}";
        string percent = ReportText.Percent(promise.Image.Probability, 0);
        return promise.Before is { Predicted: int before }
            ? Html.Of($"{Class(before)} → <em>{Class(now)}</em> {percent} %{right}")
            : Html.Of($"<em>{Class(now)}</em> {percent} %{right}");
    }

    Html Checking() =>
        Html.Of(
            $"""
            <p>Each entry names those before it by their SHA-256, and the model names the patches in it. Whoever has the
            unedited model, the ledger and its patches can build this state again, to the bit, and ask again for every
            image that must stay right:</p>
            {Commands(Build)}
            """
        );

    static Html Signatures() =>
        Html.Of(
            $"""
            <div class="sign"><p>Approved by</p><p>Role</p><p>Date</p></div>
            <div class="sign"><p>Approved by</p><p>Role</p><p>Date</p></div>
            """
        );

    static Html Commands(IReadOnlyList<string> lines) =>
        lines.Count == 0
            ? Html.Empty
            : Html.Of($"<div class=\"commands\">{lines.Select(l => Html.Of($"<code>{l}</code>"))}</div>");

    static Html Rows(string? json)
    {
        if (json is null)
            return Html.Empty;
        List<(string Name, string Value)> rows = [];
        Collect(JsonElement.Parse(json), "", 0);
        return Html.Of(
            $"""
            <table class="facts"><tbody>{rows.Take(MostRows).Select(r =>
                Html.Of($"<tr><td>{r.Name}</td><td>{r.Value}</td></tr>")
            )}</tbody></table>
            """
        );

        void Collect(JsonElement value, string name, int depth)
        {
            if (rows.Count > MostRows)
                return;
            switch (value.ValueKind)
            {
                case JsonValueKind.Object when depth < DeepestRow:
                    foreach (JsonProperty property in value.EnumerateObject())
                        Collect(
                            property.Value,
                            name.Length == 0 ? property.Name : $"{name} · {property.Name}",
                            depth + 1
                        );
                    break;
                case JsonValueKind.Array when value.GetArrayLength() > MostListed || depth == DeepestRow:
                    rows.Add((name, $"{value.GetArrayLength()} entries"));
                    break;
                case JsonValueKind.Array when value.EnumerateArray().All(i => i.ValueKind != JsonValueKind.Object):
                    rows.Add((name, Short(string.Join(", ", value.EnumerateArray().Select(i => i.ToString())))));
                    break;
                case JsonValueKind.Array:
                    foreach ((int index, JsonElement item) in value.EnumerateArray().Index())
                        Collect(item, $"{name} {index + 1}", depth + 1);
                    break;
                case JsonValueKind.Object:
                    rows.Add((name, "…"));
                    break;
                default:
                    rows.Add((name, Short(Value(value))));
                    break;
            }
        }
    }

    string Class(int index) =>
        Labels is { HasNames: true } labels && index < labels.Count ? labels[index].Name : $"class {index}";

    // Sixteen digits say no more than four do to whoever signs.
    static string Value(JsonElement value) =>
        value.ValueKind == JsonValueKind.String ? value.ToString()
        : value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out double number) && number % 1 != 0
            ? number.ToString("0.####", CultureInfo.InvariantCulture)
        : value.GetRawText();

    static string Short(string text) => text.Length > LongestValue ? text[..LongestValue] + "…" : text;

    static string Date(DateTimeOffset time) =>
        time.UtcDateTime.ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture);

    // Text that is text in Markdown and in a table's cell, whatever it holds.
    static string Cell(string text)
    {
        StringBuilder cell = new(text.Length);
        foreach (char c in text)
        {
            if (char.IsControl(c))
                cell.Append(' ');
            else if (c is '<')
                cell.Append("&lt;");
            else if (c is '|' or '`' or '*' or '_' or '[' or ']' or '\\')
                cell.Append('\\').Append(c);
            else
                cell.Append(c);
        }
        return cell.ToString();
    }
}
