using System.Globalization;
using System.Text;
using Retouch.Benchmarks;
using Retouch.Formats;
using Retouch.Measurement;
using Retouch.Plots;

namespace Retouch.Reports;

/// <summary>
/// A report as one page of HTML, which is XML, too: it loads nothing, and its figures and pictures lie within.
/// </summary>
sealed class ReportPage
{
    readonly BenchComparison _comparison;
    readonly ReportText _text;
    readonly ReportGallery _gallery;
    readonly ReportSubset[] _all;
    readonly List<(string Id, string Title, Html Body)> _sections = [];
    readonly List<ReportFigure> _figures = [];

    public ReportPage(BenchComparison comparison, LabelSet? labels, IReadOnlyList<GalleryEdit> gallery)
    {
        (_comparison, _text) = (comparison, new ReportText(labels));
        _gallery = new ReportGallery(_text, gallery);
        _all = [.. comparison.Subsets, .. comparison.Together is null ? (ReportSubset[])[] : [comparison.Together]];
        ReportFigures figures = new(comparison, _text);

        Section("numbers", "What the numbers mean", Numbers());
        Section("methods", "Methods at matched locality", Methods());
        Section("fronts", "Generalization against locality", Figures(_all.Select(figures.Front)));
        Section("near", "Generalization against near harm", Figures(_all.Select(ReportFigures.Near)));
        Section("effects", "Side effects", SideEffects());
        Section("groups", "Group by group", Figures(comparison.Subsets.Select(figures.Groups)));
        Section(
            "where",
            "Does it matter where?",
            Html.Join([Figures(comparison.Subsets.Select(ReportFigures.Keep)), AgainstRandom()])
        );
        Section("samples", "More editing images", Figures(comparison.Subsets.Select(figures.Samples)));
        Section("batches", "One edit for a whole group", Batches());
        Section("sequences", "Edit upon edit", Figures(comparison.Subsets.Select(figures.Sequence)));
        Section("masks", "Are masks specific?", Masks(figures));
        Section("gallery", "Edits to look at", _gallery.Section());
        Section("settings", "Every setting", Settings());
        Section("run", "What was run", Run());
    }

    /// <summary>The figures that are on the page, for their files.</summary>
    public IReadOnlyList<ReportFigure> AllFigures => _figures;

    public override string ToString() =>
        StaticPage.Of(
            $"{Headline()} — Retouch",
            "",
            Html.Of(
                $"""
                {Head()}
                <nav aria-label="Contents"><ul>{_sections.Select(s =>
                    Html.Of($"<li><a href=\"#{s.Id}\">{s.Title}</a></li>")
                )}</ul></nav>
                <main>
                {_sections.Select(s => Html.Of($"<section id=\"{s.Id}\"><h2>{s.Title}</h2>\n{s.Body}\n</section>\n"))}
                </main>
                <footer><p>Written by Retouch {StaticPage.Version}. This page loads nothing from anywhere; its numbers
                can be taken out as CSV below each figure.</p></footer>
                """
            )
        );

    void Section(string id, string title, Html body)
    {
        if (body.ToString().Length > 0)
            _sections.Add((id, title, body));
    }

    string Headline() =>
        _comparison.Methods.Count == 1
            ? $"How {_comparison.Methods[0].Name} edits a vision transformer"
            : $"{ReportText.Many(_comparison.Methods.Count, "way")} to edit a vision transformer, compared";

    Html Head()
    {
        int edits = _comparison.Subsets.Sum(s => s.Rows.Count);
        int groups = _comparison.Subsets.Sum(s => s.Groups.Count);
        int locality = _comparison.Runs.Max(r => r.Manifest.LocalityImages);
        int settings = _comparison
            .Subsets.SelectMany(s => s.Rows)
            .Select(r => BenchSetting.Describe(r.Method, r.Settings))
            .Distinct()
            .Count();
        (string Value, string Name)[] tiles =
        [
            (ReportText.Count(edits), "edits, each alone on the unedited model"),
            (ReportText.Count(_comparison.Methods.Count), $"methods under {ReportText.Many(settings, "setting")}"),
            (ReportText.Count(groups), $"groups of failures in {ReportText.Many(_comparison.Subsets.Count, "subset")}"),
            (ReportText.Count(locality), "images that edits should leave alone"),
        ];
        if (_comparison.Subsets.Any(s => s.Rows.Any(r => !ReportSubset.IsPublishedProtocol(r))))
            tiles[0] = (tiles[0].Value, "edits");
        return Html.Of(
            $"""
            <header>
            <p class="over">Retouch benchmark report · {string.Join(
                " · ",
                _comparison.Subsets.Select(s => s.Title)
            )}</p>
            <h1>{Headline()}</h1>
            {Findings().Select(f => Html.Of($"<p class=\"lead\">{f}</p>\n"))}
            <div class="tiles">{tiles.Select(t => Html.Of($"<div><b>{t.Value}</b><span>{t.Name}</span></div>"))}</div>
            </header>
            """
        );
    }

    /// <summary>What the tables say, in sentences; where intervals overlap they say so.</summary>
    IEnumerable<Html> Findings()
    {
        foreach (ReportSubset subset in _all)
        {
            MethodScore[] scores =
            [
                .. _comparison.Scores.Where(s => s.Subset == subset.Name).OrderByDescending(s => s.Hypervolume.Mean),
            ];
            if (scores.Length == 0)
                continue;
            string where = subset.Name is null ? "Over all subsets together" : $"On {subset.Title}";
            Html harm = NearHarm(scores);
            bool harmed = harm.ToString().Length > 0;
            Html unsure = Unsure(subset, scores);
            if (scores.Length == 1)
            {
                if (harmed)
                    yield return Html.Of($"{where}, {harm}{unsure}");
                else if (unsure.ToString().Length > 0)
                    yield return Html.Of($"{where}:{unsure}");
                continue;
            }
            int middle = scores[0].Matches.Count / 2;
            (MethodScore Score, Estimate Value)[] matched =
            [
                .. scores
                    .Where(s => s.Matches[middle].Generalization is not null)
                    .Select(s => (s, s.Matches[middle].Generalization!.Value))
                    .OrderByDescending(s => s.Value.Mean),
            ];
            string level = ReportText.Level(scores[0].Matches[middle].Level);
            Html most =
                matched.Length == 0
                    ? Html.Of($"no method keeps {level} % of the other predictions")
                    : Html.Of(
                        $"among settings that keep {level} % of the other predictions, "
                            + $"<b>{matched[0].Score.Method}</b> corrects most of a group with one edit: "
                            + $"{ReportText.Percent(matched[0].Value.Mean)} %"
                    );
            string settled =
                matched.Length < 2 ? ""
                : matched[1].Value.High >= matched[0].Value.Low
                    ? $", against {ReportText.Percent(matched[1].Value.Mean)} % of {matched[1].Score.Method}; their "
                        + "intervals overlap"
                : $", against {ReportText.Percent(matched[1].Value.Mean)} % of {matched[1].Score.Method}";
            yield return Html.Of(
                $"{where}, {most}{settled}. The best trade-offs overall, by hypervolume, are those of "
                    + $"<b>{scores[0].Method}</b>.{(harmed ? Html.Of($" Near by, {harm}") : Html.Empty)}{unsure}"
            );
        }
    }

    /// <summary>
    /// What the methods leave alone among the sensitive images at the middle level of LR; empty where none were mined.
    /// </summary>
    static Html Unsure(ReportSubset subset, IReadOnlyList<MethodScore> scores)
    {
        (string Method, double Kept)[] measured =
        [
            .. scores
                .Select(s => (s.Method, s.Matches[s.Matches.Count / 2].MinedLocality))
                .Where(s => s.MinedLocality is not null)
                .Select(s => (s.Method, s.MinedLocality!.Value.Mean))
                .OrderByDescending(s => s.Mean),
        ];
        if (subset.MinedImages is not int images || measured.Length == 0)
            return Html.Empty;
        IEnumerable<Html> each = measured.Select(
            (m, i) => Html.Of($"{(i == 0 ? "" : ", ")}{ReportText.Percent(m.Kept)} % with <b>{m.Method}</b>")
        );
        return Html.Of(
            $" Of the {ReportText.Many(images, "image")} that the model is least sure of, on which alone the paper "
                + $"measures locality, an edit leaves {each}."
        );
    }

    /// <summary>What the methods break among near images at the middle level of LR; empty where none was.</summary>
    static Html NearHarm(IReadOnlyList<MethodScore> scores)
    {
        (string Method, LocalityMatch Match)[] counted =
        [
            .. scores
                .Select(s => (s.Method, Match: s.Matches[s.Matches.Count / 2]))
                .Where(s => s.Match.NegativeFlips is not null)
                .OrderBy(s => s.Match.NegativeFlips!.Value.Mean),
        ];
        if (counted.Length == 0)
            return Html.Empty;
        IEnumerable<Html> each = counted.Select(
            (c, i) =>
            {
                string share = ReportText.Percent(c.Match.NegativeFlips!.Value.Mean);
                return Html.Of($"{(i == 0 ? "" : ", ")}{share} % with <b>{c.Method}</b>");
            }
        );
        return Html.Of(
            $"of the labelled images of the same kind that were right, one edit makes wrong {each}, each at its "
                + $"setting for LR ≥ {ReportText.Level(counted[0].Match.Level)} %."
        );
    }

    Html Numbers()
    {
        string margin = MiningSettings.PublishedMargin.ToString(CultureInfo.InvariantCulture);
        return Html.Of(
            $"""
            <p>A classifier gets some images wrong. An <em>edit</em> shows it one of them with the right answer and
            changes a few of its weights; the benchmark then asks {Questions} questions. A <em>group</em> is a set of images
            of one class, from one source, that the model all gives the same wrong class: an edit on one of them ought
            to help the others.</p>
            <div class="terms">
            <div><h4><b>SR</b> · success rate</h4><p>Is the edited image right now? The share of edits for which it
            is.</p></div>
            <div><h4><b>GR</b> · generalization rate</h4><p>Did the edit learn the mistake rather than the picture? The
            share of the group's other images that become right with it. Higher is better.</p></div>
            <div><h4><b>LR</b> · locality rate</h4><p>What else changed? The share of unrelated images that keep the
            prediction they had, right or wrong. 100 % is a perfect surgeon. <em>Sensitive</em> LR looks only at images
            that are nearly undecided: their two best classes differ by less than {margin}, unless the benchmark says
            otherwise.</p></div>{(Mined is int n ? MinedLocality(n) : Html.Empty)}{(HasNear ? NegativeFlips() : Html.Empty)}{(HasSideEffects ? SideEffectTerm() : Html.Empty)}
            </div>
            <p>GR and LR pull against each other: who changes more, corrects more and breaks more. So a method is judged
            by its curve, and methods are compared at equal LR. Intervals hold 95 % of {ReportText.Count(
                _comparison.Options.Resamples
            )} bootstrap draws of whole groups, since edits of one group are alike.</p>
            {Legend(about: true)}
            """
        );
    }

    string Questions =>
        (3 + (HasNear ? 1 : 0) + (Mined is null ? 0 : 1) + (HasSideEffects ? 1 : 0)) switch
        {
            3 => "three",
            4 => "four",
            5 => "five",
            _ => "six",
        };

    bool HasNear => _all.Any(s => s.HasNear);

    int? Mined => _all.Max(s => s.MinedImages);

    Html MinedLocality(int images)
    {
        BenchManifest[] mined = [.. _comparison.Runs.Select(r => r.Manifest).Where(m => m.SensitiveCandidates > 0)];
        string margin = string.Join(
            " or ",
            mined.Select(m => m.SensitiveMargin?.ToString(CultureInfo.InvariantCulture)).OfType<string>().Distinct()
        );
        return Html.Of(
            $"""

            <div><h4><b>LR of sensitive images</b></h4><p>And where the model is hardly sure? The paper measures
            locality on such images alone: of the images searched for this, the {ReportText.Count(images)} whose two
            best classes differ by less than {margin}, without those of the edited group. Nearly any change of the
            weights tips some of them over, so this is less than LR.</p></div>
            """
        );
    }

    bool HasSideEffects => _comparison.Runs.Any(r => r.SideEffects?.IsWhole == true);

    static Html SideEffectTerm() =>
        Html.Of(
            $"""

            <div><h4><b>Side effects</b></h4><p>Is the model still as good at everything else? How many more or fewer
            labelled images it gets right after an edit, in points of accuracy, also where they are noisy, blurred,
            compressed or too bright, and in the class that suffers most.</p></div>
            """
        );

    static Html NegativeFlips() =>
        Html.Of(
            $"""

            <div><h4><b>Negative flips</b></h4><p>Who paid for it? Take pictures of the same kind as the edited one,
            whose right names are known, such as other paintings, and of those the ones that the model got right before
            the edit. Negative flips are the share of these that it gets wrong after it; the edited group itself does not
            count. 0 % is best. LR asks about any photos; this asks about the edited image's neighbours, where harm
            falls first.</p></div>
            """
        );

    Html Legend(bool about = false) =>
        about
            ? Html.Of(
                $"""<details><summary>The methods in this report</summary><div class="scroll"><table><tbody>{_comparison.Methods.Select(m => Html.Of($"<tr><td>{Who(m)}</td><td class=\"l wrap\">{m.About}</td></tr>"))}</tbody></table></div></details>"""
            )
            : Html.Of(
                $"""<ul class="legend">{_comparison.Methods.Select(m => Html.Of($"<li>{Swatch(m)}{m.Name}</li>"))}</ul>"""
            );

    static Html Swatch(ReportMethod method) =>
        Html.Of(
            $"""<svg viewBox="-7 -7 14 14" xmlns="http://www.w3.org/2000/svg" class="{"rp-c" + method.Color % SvgPlot.Colors}" aria-hidden="true"><path d="{PlotTheme.Marker(method.Color)}" fill="currentColor"/></svg>"""
        );

    static Html Who(ReportMethod method) =>
        Html.Of($"""<span class="who">{Swatch(method)}<span>{method.Name}</span></span>""");

    ReportMethod Method(string name) => _comparison.Methods.First(m => m.Name == name);

    Html Methods()
    {
        if (_comparison.Scores.Count == 0)
            return Html.Of(
                $"""
                <p>LR was not measured in these runs, so methods cannot be compared at equal LR. Name a folder of other
                images with <code>--locality</code> when mining and when running.</p>
                """
            );
        double reference = _comparison.Options.ReferenceLocality;
        return Html.Of(
            $"""
            <p>For each level of LR, the most GR that a method reaches among its settings whose mean LR is at least
            that. The best of each column is blue; small numbers are 95 % intervals. The setting is chosen on the same
            edits, which favours methods with many settings a little. The <em>hypervolume</em> is the area under a
            method's best trade-offs above the point of GR 0 and LR {ReportText.Level(
                reference
            )} %, as a share of what a perfect method would have; it needs no level to be chosen, but a method of which
            few settings were tried has less of it than it could. Rows are in its order.</p>
            {_all.Select(MatchedTable)}
            """
        );
    }

    Html MatchedTable(ReportSubset subset)
    {
        MethodScore[] scores =
        [
            .. _comparison.Scores.Where(s => s.Subset == subset.Name).OrderByDescending(s => s.Hypervolume.Mean),
        ];
        if (scores.Length == 0)
            return Html.Empty;
        string middle = ReportText.Level(scores[0].Matches[scores[0].Matches.Count / 2].Level);
        string about =
            $"{ReportText.Many(subset.Groups.Count, "group")}, "
            + ReportText.Count(scores.Min(s => s.Edits))
            + (
                scores.Min(s => s.Edits) < scores.Max(s => s.Edits)
                    ? $" to {ReportText.Count(scores.Max(s => s.Edits))}"
                    : ""
            )
            + " edits a setting";
        double?[] best =
        [
            .. Enumerable
                .Range(0, scores[0].Matches.Count)
                .Select(i => scores.Max(s => s.Matches[i].Generalization?.Mean)),
        ];
        double volume = scores.Max(s => s.Hypervolume.Mean);
        double? kept = scores.Max(s => s.Matches[s.Matches.Count / 2].MinedLocality?.Mean);
        double? least = scores.Min(s => s.Matches[s.Matches.Count / 2].NegativeFlips?.Mean);
        return Html.Of(
            $"""
            <h3>{ReportText.Capital(subset.Title)}</h3>
            <p class="note">{about}. Cost is that of the setting at LR ≥ {middle} %, or of the most local one of a
            method that does not reach it; seconds are those of the machine that ran it.{(subset.MinedImages is int n ? $" Sensitive LR is over {ReportText.Many(n, "mined image")}." : "")}</p>
            <div class="scroll"><table class="matched">
            <thead><tr><th>method</th>{scores[0].Matches.Select(m =>
                Html.Of($"<th>GR at LR ≥ {ReportText.Level(m.Level)} %</th>")
            )}{(kept is null ? Html.Empty : Html.Of($"<th title=\"over mined images\">sensitive LR at LR ≥ {middle} %</th>"))}{(least is null ? Html.Empty : Html.Of($"<th>negative flips at LR ≥ {middle} %</th>"))}<th>hyper­volume, %</th><th>settings</th><th>median steps</th><th>median s / edit</th><th>median
            units</th></tr></thead>
            <tbody>{scores.Select(s =>
                Html.Of(
                    $"<tr><td>{Who(Method(s.Method))}</td>{s.Matches.Select((m, i) => Match(m, s.Method, m.Generalization?.Mean == best[i]))}{Kept(s)}{Near(s)}{Value(s.Hypervolume, s.Method, null, s.Hypervolume.Mean == volume)}<td>{s.Settings}</td><td title=\"{s.CostSetting}\">{ReportText.Count(s.Steps)}</td><td>{ReportText.Short(s.Seconds)}</td><td>{Units(s.Units, s.Parameters)}</td></tr>\n"
                )
            )}</tbody>
            </table></div>
            """
        );

        Html Kept(MethodScore score)
        {
            LocalityMatch match = score.Matches[score.Matches.Count / 2];
            return kept is null ? Html.Empty
                : match.MinedLocality is { } value
                    ? Html.Of(
                        $"""<td{(value.Mean == kept ? Html.Of($" class=\"best\"") : Html.Empty)} title="{match.Setting}"><b>{ReportText.Percent(value.Mean)}</b><small>{ReportText.Interval(value)}</small></td>"""
                    )
                : Html.Of($"<td class=\"dim\" title=\"not measured, or none of its settings has this LR\">–</td>");
        }

        Html Near(MethodScore score)
        {
            LocalityMatch match = score.Matches[score.Matches.Count / 2];
            return least is null ? Html.Empty
                : match.NegativeFlips is { } value
                    ? Html.Of(
                        $"""<td{(value.Mean == least ? Html.Of($" class=\"best\"") : Html.Empty)} title="{match.Setting}"><b>{ReportText.Percent(value.Mean, 2)}</b><small>{ReportText.Interval(value, 2)}</small></td>"""
                    )
                : Html.Of($"<td class=\"dim\" title=\"not counted, or none of its settings has this LR\">–</td>");
        }

        Html Match(LocalityMatch match, string method, bool isBest) =>
            match.Generalization is { } value
                ? Value(value, method, match.Setting, isBest)
                : Html.Of($"<td class=\"dim\" title=\"none of its settings has this LR\">–</td>");

        Html Value(Estimate e, string method, string? setting, bool isBest) =>
            Html.Of(
                $"""<td{(isBest ? Html.Of($" class=\"best\"") : Html.Empty)}{(setting is null ? Html.Empty : Html.Of($" title=\"{setting}\""))}><b>{ReportText.Percent(e.Mean)}</b><small>{ReportText.Interval(e)}</small>{Whisker(e, Method(method))}</td>"""
            );
    }

    static Html Units(double units, double parameters) =>
        units > 0
            ? Html.Of($"{ReportText.Count(units)}")
            : Html.Of(
                $"<span class=\"dim\" title=\"it changes whole tensors\">{ReportText.Count(parameters)} numbers</span>"
            );

    /// <summary>An estimate on a scale from 0 to 100 %.</summary>
    static Html Whisker(Estimate e, ReportMethod method)
    {
        string low = SvgText.Number(100 * Math.Clamp(e.Low, 0, 1));
        string high = SvgText.Number(100 * Math.Clamp(e.High, 0, 1));
        string mean = SvgText.Number(100 * Math.Clamp(e.Mean, 0, 1));
        return Html.Of(
            $"""<svg class="whisker {"rp-c" + method.Color % SvgPlot.Colors}" viewBox="-4 0 108 12" preserveAspectRatio="none" xmlns="http://www.w3.org/2000/svg" aria-hidden="true"><path d="M0 6H100" class="rp-axis" stroke-opacity=".3" stroke-width="1" fill="none"/><path d="M{low} 6H{high}" stroke="currentColor" stroke-width="4" stroke-opacity=".6"/><ellipse cx="{mean}" cy="6" rx="5" ry="4.6" fill="currentColor" class="rp-halo" stroke-width="1.5"/></svg>"""
        );
    }

    Html Figures(IEnumerable<ReportFigure?> figures) => Html.Join(figures.OfType<ReportFigure>().Select(Figure));

    Html Figure(ReportFigure figure)
    {
        _figures.Add(figure);
        string layout =
            figure.Small ? "plots small"
            : figure.Plots.Count == 1 ? "plots one"
            : "plots";
        return Html.Of(
            $"""
            <figure id="{figure.Id}"><h3>{figure.Heading ?? figure.Title}</h3>
            {(figure.OfMethods ? Legend() : Html.Empty)}
            <div class="{layout}">{figure.Plots.Select(
                (p, i) =>
                    Html.Of(
                        $"<div>{(i < figure.PlotTitles.Count ? Html.Of($"<h4>{figure.PlotTitles[i]}</h4>") : Html.Empty)}{Html.Trusted((p with { Legend = !figure.OfMethods }).ToSvg(styled: false))}</div>\n"
                    )
            )}</div>
            <figcaption>{figure.Caption}
            <a class="csv" download="{figure.Id}.csv" href="data:text/csv;charset=utf-8;base64,{Convert.ToBase64String(
                Encoding.UTF8.GetBytes(figure.Csv)
            )}">Numbers as CSV</a></figcaption>
            </figure>

            """
        );
    }

    Html AgainstRandom()
    {
        if (_comparison.AgainstRandom.Count == 0)
            return Html.Empty;
        return Html.Of(
            $"""
            <h3>Masks against random masks of the same size</h3>
            <p>The same edits with a locator's mask and with a random one of as many units, all else equal: mean
            differences in points. An interval that leaves out 0 is blue.</p>
            <div class="scroll"><table>
            <thead><tr><th>mask</th><th class="l">subset</th><th>keep, %</th><th>GR, points</th><th>LR,
            points</th><th>edits</th><th class="l">other settings</th></tr></thead>
            <tbody>{_comparison.AgainstRandom.Select(d =>
                Html.Of(
                    $"<tr><td>{Who(Method(d.Method))}</td><td class=\"l\">{d.Subset}</td><td>{Keep(d.Keep)}</td>{Difference(d.Generalization, 1)}{Difference(d.Locality, 2)}<td>{ReportText.Count(d.Pairs)}</td><td class=\"l dim\">{d.Others}</td></tr>\n"
                )
            )}</tbody>
            </table></div>
            """
        );

        static string Keep(string text) =>
            double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double keep)
                ? ReportText.Level(keep)
                : text;
    }

    static Html Difference(Estimate? difference, int digits) =>
        difference is not { } d
            ? Html.Of($"<td class=\"dim\">–</td>")
            : Html.Of(
                $"""
                <td{(d.Low > 0 || d.High < 0 ? Html.Of($" class=\"best\"") : Html.Empty)}><b>{ReportText.Points(
                    d.Mean,
                    digits
                )}</b><small>{ReportText.Points(d.Low, digits)} to {ReportText.Points(d.High, digits)}</small></td>
                """
            );

    Html Batches()
    {
        var batches = _comparison
            .Subsets.SelectMany(s =>
                s.Rows.Where(r => r.Mode == BenchMode.Batch)
                    .GroupBy(r => BenchSetting.Describe(r.Method, r.Settings))
                    .Select(b => (Subset: s, Setting: b.Key, Rows: b.ToArray()))
            )
            .ToArray();
        if (batches.Length == 0)
            return Html.Empty;
        bool mined = batches.Any(b => b.Rows.Any(r => r.Sensitive is not null));
        bool near = batches.Any(b => b.Rows.Any(r => r.Near is not null));
        return Html.Of(
            $"""
            <p>One edit sees all images of a group, or some. SR is the share of the images seen that are right; GR is
            over the images of the group that they did not see, where there are any.</p>
            <div class="scroll"><table>
            <thead><tr><th>method</th><th class="l">subset</th><th>edits</th><th>SR, %</th><th>GR, %</th><th>LR,
            %</th>{(mined ? Html.Of($"<th>mined sensitive LR, %</th>") : Html.Empty)}{(near ? Html.Of($"<th>negative flips, %</th><th>net gain</th>") : Html.Empty)}<th class="l">setting</th></tr></thead>
            <tbody>{batches.Select(b =>
                Html.Of(
                    $"<tr><td>{Who(_comparison.Methods.First(m => m.Key == ReportMethod.KeyOf(b.Rows[0])))}</td><td class=\"l\">{b.Subset.Title}</td><td>{ReportText.Count(b.Rows.Length)}</td><td>{ReportText.Percent(b.Rows.Average(r => r.SuccessRate))}</td><td>{Mean(b.Rows, r => r.Generalization, 1)}</td><td>{Mean(b.Rows, r => r.Locality, 2)}</td>{(mined ? Html.Of($"<td>{Mean(b.Rows, r => r.Sensitive?.Rate, 1)}</td>") : Html.Empty)}{(near ? Html.Of($"<td>{Mean(b.Rows, r => r.NearFlips?.NegativeFlipRate, 2)}</td>{Gain(b.Rows.Average(r => r.NearFlips?.NetGain))}") : Html.Empty)}<td class=\"l dim\">{b.Setting}</td></tr>\n"
                )
            )}</tbody>
            </table></div>
            """
        );

        static string Mean(BenchRow[] rows, Func<BenchRow, double?> value, int digits) =>
            rows.Average(value) is double mean ? ReportText.Percent(mean, digits) : "–";
    }

    Html SideEffects()
    {
        (ReportRun Run, IReadOnlyList<SideEffectSummary> Summary)[] measured =
        [
            .. _comparison
                .Runs.Where(r => r.SideEffects is not null)
                .Select(r =>
                    (r, SideEffectSummary.Of(r.SideEffects!, _comparison.Options.Resamples, _comparison.Options.Seed))
                )
                .Where(r => r.Item2.Count > 0),
        ];
        if (measured.Length == 0)
            return Html.Empty;
        return Html.Of(
            $"""
            <p>What does one edit do to everything else that the model can do? Some edits by each method’s default, each
            alone on the unedited model, and labelled images that are no part of the edited group: as they are, and
            spoilt in four ways, each at the strengths {string.Join(
                ", ",
                Corruption.Strengths.Select(s => s.ToString(CultureInfo.InvariantCulture))
            )}, of which the table has the mean. Changes of accuracy are in points; an interval that leaves out 0 is blue.
            <em>Negative flips</em> are the share of the images that were right which an edit makes wrong. The <em>worst
            class</em> is the one whose accuracy an edit costs most, found for each edit by itself: a mean over all
            classes can hide it.</p>
            {measured.Select(m => Table(m.Run, m.Summary))}
            """
        );

        Html Table(ReportRun run, IReadOnlyList<SideEffectSummary> summary)
        {
            string about =
                $"{ReportText.Many(run.SideEffects!.Count, "image")} in "
                + $"{ReportText.Many(run.SideEffects.Measured[0].Unedited.Count, "class", "classes")}; "
                + $"{ReportText.Many(summary.Max(s => s.Edits), "edit")} a method, spread over the groups.";
            return Html.Of(
                $"""
                {(measured.Length > 1 ? Html.Of($"<h3>{run.Name}</h3>") : Html.Empty)}
                <p class="note">{about}</p>
                <div class="scroll"><table class="matched">
                <thead><tr><th>method</th>{summary[0].Lines.Select(l =>
                    Html.Of($"<th>{(l.Shift is null ? "clean" : Shown(l.Shift))}</th>")
                )}<th>negative flips, clean, %</th><th>… corrupted, %</th><th>worst class, clean</th><th>…
                corrupted</th></tr></thead>
                <tbody><tr><td class="dim">unedited, %</td>{summary[0].Lines.Select(l =>
                    Html.Of($"<td class=\"dim\">{ReportText.Percent(l.Unedited)}</td>")
                )}<td></td><td></td><td></td><td></td></tr>
                {summary.Select(s =>
                    Html.Of(
                        $"<tr><td title=\"{BenchSetting.Describe(s.Method, s.Settings)}\">{Named(s)}</td>{s.Lines.Select(l => Difference(l.Change, 1))}{Cell(s.Lines[0].NegativeFlips, 2)}{Cell(s.CorruptedFlips, 2)}{Worst(s.Worst)}{Worst(s.WorstCorrupted)}</tr>\n"
                    )
                )}</tbody>
                </table></div>
                """
            );
        }

        static string Shown(string shift) => shift == "jpeg" ? "JPEG" : shift.Replace('-', ' ');

        Html Named(SideEffectSummary s)
        {
            string key = ReportMethod.KeyOf(s.Method, s.Settings);
            return _comparison.Methods.FirstOrDefault(m => m.Key == key) is { } known
                ? Who(known)
                : Html.Of($"{s.Method}");
        }

        static Html Worst(WorstClass? worst) =>
            worst is not { Change: var c }
                ? Html.Of($"<td class=\"dim\">–</td>")
                : Html.Of(
                    $"""
                    <td{(c.High < 0 ? Html.Of($" class=\"best\"") : Html.Empty)}><b>{ReportText.Points(
                        c.Mean
                    )}</b><small>{ReportText.Points(c.Low)} to {ReportText.Points(c.High)}</small>{worst.Edits.Select(e =>
                        Html.Of($"<small>{e.Key.Split('/')[^1].Replace('_', ' ')}, {ReportText.Many(e.Value, "edit")}</small>")
                    )}</td>
                    """
                );
    }

    Html Masks(ReportFigures figures)
    {
        MaskComparison[] masks =
        [
            .. _comparison
                .Runs.SelectMany(r => r.Masks)
                .DistinctBy(m => (m.Locator, m.LocatorFile, m.Keep, m.Seed, string.Join('\n', m.Specificity.Groups))),
        ];
        if (masks.Length == 0)
            return Html.Empty;
        return Html.Of(
            $"""
            <p>If a mask says something about a failure, masks of one group are more alike than masks of different
            groups. Likeness is intersection over union: 1 for the same units, and about {ReportText.Short(
                masks[0].Keep / (2 - masks[0].Keep)
            )} for independent masks of {ReportText.Level(masks[0].Keep)} % of the units.</p>
            <div class="scroll"><table>
            <thead><tr><th>locator</th><th>keep, %</th><th>IoU within groups</th><th>across
            groups</th><th>ratio</th><th>groups</th></tr></thead>
            <tbody>{masks.Select(m =>
                Html.Of(
                    $"<tr><td>{m.Locator}{(m.LocatorFile is null ? "" : " " + m.LocatorFile[..Math.Min(6, m.LocatorFile.Length)])}</td><td>{ReportText.Level(m.Keep)}</td><td><b>{Iou(m.Specificity.Within)}</b></td><td>{(m.Specificity.Across is double a ? Iou(a) : "–")}</td><td>{(m.Specificity.Across is > 0 and double b ? ReportText.Short(m.Specificity.Within / b) : "–")}</td><td>{m.Specificity.Groups.Count}</td></tr>\n"
                )
            )}</tbody>
            </table></div>
            {Figure(figures.Masks(masks))}
            """
        );

        static string Iou(double value) => value.ToString("0.000", CultureInfo.InvariantCulture);
    }

    Html Settings() =>
        Html.Of(
            $"""
            <p>Means over all edits; a dot marks settings that no other of the table beats in both GR and LR.</p>
            {_all.Select(Table)}
            """
        );

    static Html Table(ReportSubset subset) =>
        Html.Of(
            $"""
            <details><summary>{ReportText.Capital(subset.Title)}: {ReportText.Many(
                subset.Settings.Count,
                "setting"
            )}</summary>
            <div class="scroll"><table>
            <thead><tr><th>method</th><th class="l">setting</th><th>edits</th><th>SR, %</th><th>GR, %</th><th>LR,
            %</th><th>sensitive LR, %</th>{(subset.MinedImages is null ? Html.Empty : Html.Of($"<th>mined sensitive LR, %</th>"))}{(subset.HasNear ? Html.Of($"<th>negative flips, %</th><th>net gain</th>") : Html.Empty)}<th>mean steps</th><th>mean s / edit</th><th>mean units</th></tr></thead>
            <tbody>{subset.Settings.Select(s =>
                Html.Of(
                    $"<tr><td>{Who(s.Method)}</td><td class=\"l\"><code>{s.Name}</code></td><td>{ReportText.Count(s.Summary.Edits)}</td><td>{ReportText.Percent(s.Summary.Success.Mean)}</td>{Cell(s.Summary.Generalization, 1, s.Summary.OnFront)}{Cell(s.Summary.Locality, 2)}{Cell(s.Summary.SensitiveLocality, 1)}{(subset.MinedImages is null ? Html.Empty : Cell(s.Summary.MinedLocality, 1))}{(subset.HasNear ? Html.Join([Cell(s.Summary.NegativeFlips, 2), Gain(s.Summary.NetGain)]) : Html.Empty)}<td>{ReportText.Count(Math.Round(s.Summary.Steps, 1))}</td><td>{ReportText.Short(s.Summary.Seconds)}</td><td>{ReportText.Count(Math.Round(s.Summary.Units))}</td></tr>\n"
                )
            )}</tbody>
            </table></div></details>

            """
        );

    static Html Gain(double? images) =>
        images is double gain ? Html.Of($"<td>{ReportText.Signed(gain)}</td>") : Html.Of($"<td class=\"dim\">–</td>");

    static Html Cell(Estimate? estimate, int digits, bool marked = false) =>
        estimate is { } e
            ? Html.Of(
                $"""
                <td>{(marked ? "• " : "")}<b>{ReportText.Percent(e.Mean, digits)}</b><small>{ReportText.Interval(
                    e,
                    digits
                )}</small></td>
                """
            )
            : Html.Of($"<td class=\"dim\">–</td>");

    Html Run()
    {
        BenchManifest first = _comparison.Runs[0].Manifest;
        (string Name, string Value)[] facts =
        [
            ("model", first.Model),
            (
                "subsets",
                string.Join(
                    "; ",
                    _comparison.Subsets.Select(s => $"{s.Title}: {ReportText.Many(s.Groups.Count, "group")}")
                )
            ),
            ("methods", string.Join(", ", _comparison.Methods.Select(m => m.Name))),
            (
                "edits a group",
                Distinct(m =>
                    m.MaxEditsPerGroup is int most ? $"{most} at most, spread evenly over its images" : "one an image"
                )
            ),
            (
                "locality set",
                Distinct(m => $"{ReportText.Many(m.LocalityImages, "image")}, {m.SensitiveImages} of them sensitive")
            ),
            .. HasNear
                ? [("near images", Distinct(m => m.NearImages is int n ? ReportText.Many(n, "image") : "none"))]
                : Array.Empty<(string, string)>(),
            .. Mined is null ? Array.Empty<(string, string)>() : [("sensitive images", Distinct(Candidates))],
            ("edits at once", Distinct(m => ReportText.Count(m.Batch))),
            ("seed", Distinct(m => m.Seed.ToString(CultureInfo.InvariantCulture))),
            (
                "intervals",
                $"percentile bootstrap over groups, {ReportText.Count(_comparison.Options.Resamples)} draws, 95 %, "
                    + $"seed {_comparison.Options.Seed}"
            ),
            (
                "hypervolume",
                $"above GR 0 and LR {ReportText.Level(_comparison.Options.ReferenceLocality)} %, as a share of the "
                    + "rectangle up to GR and LR 100 %"
            ),
            ("Retouch", StaticPage.Version),
        ];
        string[] notes = [.. Notes()];
        return Html.Of(
            $"""
            <dl>{facts.Select(f => Html.Of($"<dt>{f.Name}</dt><dd>{f.Value}</dd>\n"))}</dl>
            {(
                notes.Length == 0
                    ? Html.Empty
                    : Html.Of(
                        $"<h3>To bear in mind</h3><ul class=\"plain\">{notes.Select(n => Html.Of($"<li>{n}</li>"))}</ul>"
                    )
            )}
            <details><summary>{ReportText.Capital(
                ReportText.Many(_comparison.Runs.Count, "run")
            )}</summary><div class="scroll"><table>
            <thead><tr><th>folder</th><th class="l">run</th><th>rows</th><th>of</th><th class="l">settings</th></tr></thead>
            <tbody>{_comparison.Runs.Select(r =>
                Html.Of(
                    $"<tr><td>{r.Name}</td><td class=\"l\"><code>{r.Manifest.Run}</code></td><td>{ReportText.Count(r.Rows.Count)}</td><td>{ReportText.Count(r.Manifest.Edits)}</td><td class=\"l\">{r.Manifest.Settings.Select(s => Html.Of($"<code>{s}</code><br/>"))}</td></tr>\n"
                )
            )}</tbody>
            </table></div></details>
            """
        );

        static string Candidates(BenchManifest m)
        {
            string? margin = m.SensitiveMargin?.ToString(CultureInfo.InvariantCulture);
            return m.SensitiveCandidates is int count
                ? $"mined among {ReportText.Many(count, "image")}, margin below {margin}"
                : "those of the locality set";
        }

        string Distinct(Func<BenchManifest, string> value) =>
            string.Join("; ", _comparison.Runs.Select(r => value(r.Manifest)).Distinct());
    }

    /// <summary>What makes the comparison less than perfect.</summary>
    IEnumerable<string> Notes()
    {
        foreach (ReportRun run in _comparison.Runs.Where(r => r.Rows.Count < r.Manifest.Edits))
            yield return $"The run {run.Name} is not finished: {ReportText.Count(run.Rows.Count)} of "
                + $"{ReportText.Count(run.Manifest.Edits)} rows are there.";
        foreach (ReportRun run in _comparison.Runs.Where(r => r.SideEffects?.Measured.Count < Corruption.All.Count))
            yield return $"The side effects of the run {run.Name} are not finished and left out.";
        foreach (ReportSubset subset in _all.Where(s => s.Partial.Count > 0))
            yield return subset.Name is null
                ? $"{ReportText.Many(subset.Partial.Count, "setting")} lack a subset and are left out where all are "
                    + $"taken together: {string.Join("; ", subset.Partial.Select(p => p.Name))}."
                : $"Left out of the comparison on {subset.Title}, since some of its groups are missing: "
                    + string.Join(
                        "; ",
                        subset.Partial.Select(p =>
                            $"{p.Name} ({ReportText.Many(p.Summary.Groups, "group")} of {subset.Groups.Count})"
                        )
                    )
                    + ".";
        foreach (
            ReportSubset subset in _comparison.Subsets.Where(s =>
                s.Settings.Select(x => x.Summary.Edits).Distinct().Count() > 1
            )
        )
            yield return $"On {subset.Title} the settings were not all measured on equally many edits "
                + $"({subset.Settings.Min(s => s.Summary.Edits)} to {subset.Settings.Max(s => s.Summary.Edits)}).";
        if (_comparison.Runs.Select(r => r.Manifest.LocalityImages).Distinct().Count() > 1)
            yield return "The runs measured LR on different numbers of images; compare it between runs with care.";
        if (_comparison.Runs.Select(r => r.Manifest.NearImages).OfType<int>().Distinct().Count() > 1)
            yield return "The runs counted negative flips on different numbers of near images; compare them between "
                + "runs with care.";
        if (
            _comparison
                .Runs.Select(r => (r.Manifest.SensitiveCandidates, r.Manifest.SensitiveMargin))
                .Distinct()
                .Count(m => m.SensitiveCandidates is not null) > 1
        )
            yield return "The runs mined their sensitive images among different ones; compare LR over them between "
                + "runs with care.";
        if (Mined is not null && _comparison.Subsets.Any(s => s.Settings.Any(x => x.Summary.MinedLocality is null)))
            yield return "Some settings have no LR over mined sensitive images: their runs mined none.";
        if (HasNear && _comparison.Subsets.Any(s => s.Settings.Any(x => x.Summary.NegativeFlips is null)))
            yield return "Some settings have no negative flips: their runs had no near images, or none was right.";
        if (_comparison.Subsets.Any(s => s.Settings.Any(x => x.Summary.Locality is null)))
            yield return "Some settings have no LR and so no place in the comparison.";
        if (_comparison.Duplicates > 0)
            yield return $"{ReportText.Many(_comparison.Duplicates, "row")} came twice, in another run with the same "
                + "edit; the first was taken.";
    }
}
