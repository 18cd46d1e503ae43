using Retouch.Benchmarks;
using Retouch.Measurement;
using Retouch.Plots;

namespace Retouch.Reports;

/// <summary>The figures of a report.</summary>
sealed class ReportFigures(BenchComparison comparison, ReportText text)
{
    const double Wide = 600;
    const double Narrow = 260;

    static PlotAxis Axis(string label, double? min = null, double? max = null) =>
        new(label)
        {
            Percent = true,
            Min = min,
            Max = max,
        };

    /// <summary>
    /// GR against LR of every setting, all of it and the part of high LR, with the front of all methods.
    /// </summary>
    public ReportFigure? Front(ReportSubset subset)
    {
        ReportSetting[] measured = [.. subset.Settings.Where(s => s.Summary.Point() is not null)];
        if (measured.Length == 0)
            return null;
        double zoom = comparison.Options.ZoomLocality;
        ReportSetting[] shown = [.. measured.Where(s => Point(s).Locality >= zoom)];
        PlotSeries front = new(
            "Pareto front",
            [.. ParetoFront.Of([.. measured.Select(Point)]).Select(i => Place(measured[i], measured))]
        )
        {
            Line = LineShape.StepVerticalFirst,
            Muted = true,
            Width = 1.6,
        };
        IReadOnlyList<PlotSeries> series =
        [
            front with
            {
                Points = [.. front.Points.DistinctBy(p => (p.X, p.Y))],
            },
            .. Curves(measured, s => Place(s, measured)),
        ];
        List<SvgPlot> plots =
        [
            Plot(new XyPanel("", Axis("generalization, GR", 0, 1), Axis("locality, LR", 0, 1), series)),
        ];
        List<string> titles = ["all of the scale"];
        if (shown.Length > 0)
        {
            // Only what is in the picture names itself.
            plots.Add(
                Plot(
                    new XyPanel(
                        "",
                        Axis("generalization, GR", 0),
                        Axis("locality, LR", zoom, 1),
                        Named([
                            .. series.Select(s => s with { Points = [.. s.Points.Where(p => p.Y >= zoom || s.Muted)] }),
                        ])
                    )
                )
            );
            titles.Add($"LR of {ReportText.Level(zoom)} % and more");
        }
        CsvText csv = new([
            "subset",
            "method",
            "setting",
            "edits",
            "groups",
            "sr",
            "gr",
            "gr_low",
            "gr_high",
            "lr",
            "lr_low",
            "lr_high",
            "sensitive_lr",
            "mean_steps",
            "mean_seconds",
            "mean_units",
            "on_front",
            .. subset.MinedImages is null ? (string[])[] : ["mined_sensitive_lr"],
        ]);
        foreach (ReportSetting s in measured)
        {
            Estimate generalization = s.Summary.Generalization!.Value;
            Estimate locality = s.Summary.Locality!.Value;
            csv.Add([
                subset.Title,
                s.Method.Name,
                s.Name,
                s.Summary.Edits,
                s.Summary.Groups,
                s.Summary.Success.Mean,
                generalization.Mean,
                generalization.Low,
                generalization.High,
                locality.Mean,
                locality.Low,
                locality.High,
                s.Summary.SensitiveLocality?.Mean,
                s.Summary.Steps,
                s.Summary.Seconds,
                s.Summary.Units,
                s.Summary.OnFront ? "yes" : "no",
                .. subset.MinedImages is null ? (object?[])[] : [s.Summary.MinedLocality?.Mean],
            ]);
        }
        return new ReportFigure(
            $"front-{ReportText.FileName(subset.Title)}",
            $"Generalization against locality: {subset.Title}",
            "A point is a method under one setting, the mean over all edits; lines join settings that differ in one "
                + "number. Up and to the right is better; the dashed stairs bound what the best settings of all "
                + "dominate. Point at a marker for its setting and intervals.",
            plots,
            csv.ToString()
        )
        {
            PlotTitles = titles,
            Heading = Heading(subset),
        };
    }

    /// <summary>
    /// GR against negative flips of every setting, with the front of all methods, or null where there are none.
    /// </summary>
    public static ReportFigure? Near(ReportSubset subset)
    {
        ReportSetting[] measured =
        [
            .. subset.Settings.Where(s => s.Summary is { Generalization: not null, NegativeFlips: not null }),
        ];
        if (measured.Length == 0)
            return null;
        // Fewer flips are better: what keeps more of the right images dominates.
        OperatingPoint[] points =
        [
            .. measured.Select(s => new OperatingPoint(
                s.Summary.Generalization!.Value.Mean,
                1 - s.Summary.NegativeFlips!.Value.Mean
            )),
        ];
        int[] best = [.. ParetoFront.Of(points)];
        PlotSeries front = new("Pareto front", [.. best.Select(i => Place(measured[i])).DistinctBy(p => (p.X, p.Y))])
        {
            Line = LineShape.StepVerticalFirst,
            Muted = true,
            Width = 1.6,
        };
        CsvText csv = new(
            "subset",
            "method",
            "setting",
            "edits",
            "groups",
            "gr",
            "gr_low",
            "gr_high",
            "negative_flips",
            "negative_flips_low",
            "negative_flips_high",
            "net_gain",
            "lr",
            "on_front"
        );
        foreach ((int i, ReportSetting s) in measured.Index())
        {
            (Estimate gr, Estimate flips) = (s.Summary.Generalization!.Value, s.Summary.NegativeFlips!.Value);
            csv.Add(
                subset.Title,
                s.Method.Name,
                s.Name,
                s.Summary.Edits,
                s.Summary.Groups,
                gr.Mean,
                gr.Low,
                gr.High,
                flips.Mean,
                flips.Low,
                flips.High,
                s.Summary.NetGain,
                s.Summary.Locality?.Mean,
                best.Contains(i) ? "yes" : "no"
            );
        }
        return new ReportFigure(
            $"near-{ReportText.FileName(subset.Title)}",
            $"Generalization against near harm: {subset.Title}",
            "A point is a method under one setting, the mean over all edits; lines join settings that differ in one "
                + "number. Down and to the right is better: more of the group becomes right, and fewer of the near "
                + "images that were right become wrong. The dashed stairs bound what the best settings of all "
                + "dominate.",
            [
                Plot(
                    new XyPanel(
                        "",
                        Axis("generalization, GR", 0, 1),
                        Axis("negative flips", 0),
                        [front, .. Curves(measured, Place)]
                    )
                ),
            ],
            csv.ToString()
        )
        {
            Heading = Heading(subset),
        };

        PlotPoint Place(ReportSetting s)
        {
            (Estimate gr, Estimate flips) = (s.Summary.Generalization!.Value, s.Summary.NegativeFlips!.Value);
            return new PlotPoint(gr.Mean, flips.Mean)
            {
                Tip =
                    $"{Label(s, measured)}: GR {ReportText.Percent(gr.Mean)} % ({ReportText.Interval(gr)}), negative "
                    + $"flips {ReportText.Percent(flips.Mean, 2)} % ({ReportText.Interval(flips, 2)})",
            };
        }
    }

    /// <summary>The same for each group by itself.</summary>
    public ReportFigure? Groups(ReportSubset subset)
    {
        ReportSetting[] measured = [.. subset.Settings.Where(s => s.Summary.Point() is not null)];
        if (measured.Length == 0)
            return null;
        CsvText csv = new("subset", "group", "method", "setting", "edits", "gr", "lr");
        Dictionary<(string, string), OperatingPoint> points = [];
        foreach (string group in subset.Groups)
        {
            foreach (ReportSetting setting in measured)
            {
                BenchRow[] rows =
                [
                    .. setting.Rows.Where(r =>
                        r.Group == group && r.Generalization is not null && r.Locality is not null
                    ),
                ];
                if (rows.Length == 0)
                    continue;
                OperatingPoint point = new(
                    rows.Average(r => r.Generalization)!.Value,
                    rows.Average(r => r.Locality)!.Value
                );
                points[(group, setting.Name)] = point;
                csv.Add(
                    subset.Title,
                    group,
                    setting.Method.Name,
                    setting.Name,
                    rows.Length,
                    point.Generalization,
                    point.Locality
                );
            }
        }
        // One scale for all, without what would squeeze the rest of it.
        double least = Math.Max(
            comparison.Options.ReferenceLocality,
            points.Values.Select(p => p.Locality).DefaultIfEmpty(comparison.Options.ReferenceLocality).Min()
        );
        double bottom = Math.Floor(least * 100 - 1e-9) / 100;
        SvgPlot[] plots =
        [
            .. subset.Groups.Select(group =>
                Plot(
                    new XyPanel(
                        "",
                        Axis("", 0, 1),
                        Axis("", Math.Min(bottom, 0.99), 1),
                        [
                            .. Curves(
                                [.. measured.Where(s => points.ContainsKey((group, s.Name)))],
                                s =>
                                {
                                    OperatingPoint p = points[(group, s.Name)];
                                    return new PlotPoint(p.Generalization, p.Locality)
                                    {
                                        Tip =
                                            $"{Label(s, measured)}: GR {ReportText.Percent(p.Generalization)} %, LR "
                                            + $"{ReportText.Percent(p.Locality, 2)} %",
                                    };
                                },
                                width: 2
                            ),
                        ]
                    ),
                    Narrow
                )
            ),
        ];
        return new ReportFigure(
            $"groups-{ReportText.FileName(subset.Title)}",
            $"Group by group: {subset.Title}",
            "Each picture is a group: images of one class that the model gives one wrong class. GR to the right, LR "
                + "upwards, the same scales in all; colours as above.",
            plots,
            csv.ToString()
        )
        {
            Small = true,
            Heading = Heading(subset),
            PlotTitles = [.. subset.Groups.Select(text.Group)],
        };
    }

    /// <summary>
    /// GR and LR by the share of units that masked fine-tuning touches, one line per locator, or null if neither share
    /// nor locator varies.
    /// </summary>
    public static ReportFigure? Keep(ReportSubset subset)
    {
        ReportSetting[] masked =
        [
            .. subset.Settings.Where(s => s.Summary.Method == ReportMethod.Masked && s.Number("keep") is > 0),
        ];
        if (
            masked
                .Where(s => !s.Name.Contains("locator=all", StringComparison.Ordinal))
                .GroupBy(Others)
                .All(g => g.Select(s => s.Summary.Settings["keep"]).Distinct().Count() < 2)
        )
            return null;
        CsvText csv = new("subset", "method", "keep", "setting", "gr", "gr_low", "gr_high", "lr", "lr_low", "lr_high");
        foreach (ReportSetting s in masked)
        {
            Estimate? g = s.Summary.Generalization;
            Estimate? l = s.Summary.Locality;
            csv.Add(
                subset.Title,
                s.Method.Name,
                s.Number("keep"),
                s.Name,
                g?.Mean,
                g?.Low,
                g?.High,
                l?.Mean,
                l?.Low,
                l?.High
            );
        }
        PlotAxis x = new("share of units edited (keep)") { Scale = AxisScale.Log, Percent = true };
        return new ReportFigure(
            $"keep-{ReportText.FileName(subset.Title)}",
            $"How much to edit: {subset.Title}",
            "Means over all edits by the share of units that a mask keeps. The grey line is random masks: what lies "
                + "above it is what knowing where to edit is worth.",
            [
                Panel("generalization, GR", s => s.Summary.Generalization),
                Panel("locality, LR", s => s.Summary.Locality),
            ],
            csv.ToString()
        )
        {
            Heading = $"How much to edit: {subset.Title}",
        };

        SvgPlot Panel(string label, Func<ReportSetting, Estimate?> value) =>
            Plot(
                new XyPanel(
                    label,
                    x,
                    Axis(""),
                    Named([
                        .. masked
                            .Where(s => value(s) is not null)
                            .GroupBy(s => (s.Method, Others(s)))
                            .Select(line => new PlotSeries(
                                line.Key.Method.Name,
                                [
                                    .. line.OrderBy(s => s.Number("keep"))
                                        .Select(s => new PlotPoint(s.Number("keep")!.Value, value(s)!.Value.Mean)
                                        {
                                            Tip =
                                                $"{Label(s, masked)}: {ReportText.Percent(value(s)!.Value.Mean, 2)} % "
                                                + $"({ReportText.Interval(value(s)!.Value, 2)})",
                                        }),
                                ]
                            )
                            {
                                Color = line.Key.Method.Color,
                                Markers = true,
                            }),
                    ])
                )
            );

        static string Others(ReportSetting s) =>
            BenchSetting.Describe("", s.Summary.Settings.Where(k => k.Key != "keep").ToDictionary());
    }

    /// <summary>GR and LR by the number of editing images, or null if every edit sees one.</summary>
    public ReportFigure? Samples(ReportSubset subset)
    {
        BenchRow[] rows = [.. subset.Rows.Where(r => r.Mode == BenchMode.Single)];
        if (rows.Select(r => r.Samples).Distinct().Count() < 2)
            return null;
        // Only settings that were tried with several numbers, and groups that have images enough for all of them.
        var lines = rows.GroupBy(r => BenchSetting.Describe(r.Method, r.Settings))
            .Where(s => s.Select(r => r.Samples).Distinct().Count() > 1)
            .Select(setting =>
            {
                HashSet<string> common =
                [
                    .. setting
                        .GroupBy(r => r.Samples)
                        .Select(k => k.Select(r => r.Group))
                        .Aggregate((a, b) => a.Intersect(b)),
                ];
                return (
                    setting.Key,
                    Method: comparison.Methods.First(m => m.Key == ReportMethod.KeyOf(setting.First())),
                    Points: setting
                        .Where(r => common.Contains(r.Group))
                        .GroupBy(r => r.Samples)
                        .OrderBy(k => k.Key)
                        .Select(k =>
                            (
                                Samples: k.Key,
                                Edits: k.Count(),
                                Generalization: Mean(k, r => r.Generalization),
                                Locality: Mean(k, r => r.Locality)
                            )
                        )
                        .ToArray()
                );
            })
            .Where(l => l.Points.Length > 1)
            .ToArray();
        if (lines.Length == 0)
            return null;
        CsvText csv = new(
            "subset",
            "method",
            "setting",
            "samples",
            "edits",
            "gr",
            "gr_low",
            "gr_high",
            "lr",
            "lr_low",
            "lr_high"
        );
        foreach (var line in lines)
        {
            foreach (var p in line.Points)
                csv.Add(
                    subset.Title,
                    line.Method.Name,
                    line.Key,
                    p.Samples,
                    p.Edits,
                    p.Generalization?.Mean,
                    p.Generalization?.Low,
                    p.Generalization?.High,
                    p.Locality?.Mean,
                    p.Locality?.Low,
                    p.Locality?.High
                );
        }
        return new ReportFigure(
            $"samples-{ReportText.FileName(subset.Title)}",
            $"More editing images: {subset.Title}",
            "Means over all edits by the number of images that an edit sees, with 95 % intervals; GR is over the "
                + "others of the group.",
            [
                Plot(
                    new XyPanel(
                        "generalization, GR",
                        new PlotAxis("editing images"),
                        Axis(""),
                        [
                            .. lines.Select(l =>
                                Line(l.Method, l.Key, l.Points.Select(p => (p.Samples, p.Generalization)))
                            ),
                        ]
                    )
                ),
                Plot(
                    new XyPanel(
                        "locality, LR",
                        new PlotAxis("editing images"),
                        Axis(""),
                        [.. lines.Select(l => Line(l.Method, l.Key, l.Points.Select(p => (p.Samples, p.Locality))))]
                    )
                ),
            ],
            csv.ToString()
        )
        {
            Heading = Heading(subset),
        };

        static PlotSeries Line(
            ReportMethod method,
            string setting,
            IEnumerable<(int Samples, Estimate? Value)> points
        ) =>
            new(
                method.Name,
                [
                    .. points
                        .Where(p => p.Value is not null)
                        .Select(p => new PlotPoint(p.Samples, p.Value!.Value.Mean)
                        {
                            YInterval = (p.Value.Value.Low, p.Value.Value.High),
                            Tip =
                                $"{setting}, {ReportText.Many(p.Samples, "image")}: "
                                + $"{ReportText.Percent(p.Value.Value.Mean, 2)} % "
                                + $"({ReportText.Interval(p.Value.Value, 2)})",
                        }),
                ]
            )
            {
                Color = method.Color,
                Markers = true,
            };

        Estimate? Mean(IEnumerable<BenchRow> of, Func<BenchRow, double?> value)
        {
            double[][] values = [.. of.GroupBy(r => r.Group).Select(g => g.Select(value).OfType<double>().ToArray())];
            return values.Sum(v => v.Length) == 0
                ? null
                : Bootstrap.Mean(values, comparison.Options.Resamples, seed: comparison.Options.Seed);
        }
    }

    /// <summary>
    /// LR and what is left of earlier edits along sequences of edits, or null if edits are not sequential.
    /// </summary>
    public ReportFigure? Sequence(ReportSubset subset)
    {
        var lines = subset
            .Rows.Where(r => r is { Mode: BenchMode.Sequential, Step: not null })
            .GroupBy(r => BenchSetting.Describe(r.Method, r.Settings))
            .Select(s =>
                (
                    s.Key,
                    Method: comparison.Methods.First(m => m.Key == ReportMethod.KeyOf(s.First())),
                    Rows: s.OrderBy(r => r.Step).ToArray()
                )
            )
            .ToArray();
        if (lines.Length == 0)
            return null;
        CsvText csv = new(
            "subset",
            "method",
            "setting",
            "edits",
            "group",
            "success",
            "earlier_success",
            "gr",
            "lr",
            "sensitive_lr"
        );
        foreach (var line in lines)
        {
            foreach (BenchRow r in line.Rows)
                csv.Add(
                    subset.Title,
                    line.Method.Name,
                    line.Key,
                    r.Step,
                    r.Group,
                    r.Success ? "yes" : "no",
                    r.EarlierSuccess,
                    r.Generalization,
                    r.Locality,
                    r.SensitiveLocality
                );
        }
        PlotAxis x = new("edits, one upon the other");
        return new ReportFigure(
            $"sequence-{ReportText.FileName(subset.Title)}",
            $"Edit upon edit: {subset.Title}",
            "Each edit starts from the model that those before it left. LR is against the unedited model; earlier "
                + "edits are those before whose image is still right.",
            [
                Plot(
                    new XyPanel(
                        "locality, LR",
                        x,
                        Axis("", max: 1),
                        [.. lines.Select(l => Line(l.Method, l.Rows, r => r.Locality))]
                    )
                ),
                Plot(
                    new XyPanel(
                        "earlier edits still right",
                        x,
                        Axis("", max: 1),
                        [.. lines.Select(l => Line(l.Method, l.Rows, r => r.EarlierSuccess))]
                    )
                ),
            ],
            csv.ToString()
        )
        {
            Heading = Heading(subset),
        };

        static PlotSeries Line(ReportMethod method, IEnumerable<BenchRow> rows, Func<BenchRow, double?> value) =>
            // Not at every step where it was said after which to measure: the line goes from one to the next.
            new(
                method.Name,
                [.. rows.Where(r => value(r) is not null).Select(r => new PlotPoint(r.Step!.Value, value(r)!.Value))]
            )
            {
                Color = method.Color,
                Direct = true,
            };
    }

    /// <summary>How alike masks are, group against group, one map a locator.</summary>
    public ReportFigure Masks(IReadOnlyList<MaskComparison> masks)
    {
        CsvText csv = new("locator", "locator_file", "keep", "seed", "group", "other", "mean_iou");
        foreach (MaskComparison m in masks)
        {
            for (int i = 0; i < m.Specificity.Groups.Count; i++)
            {
                for (int j = 0; j < m.Specificity.Groups.Count; j++)
                    csv.Add(
                        m.Locator,
                        m.LocatorFile,
                        m.Keep,
                        m.Seed,
                        m.Specificity.Groups[i],
                        m.Specificity.Groups[j],
                        m.Specificity.Matrix[i][j]
                    );
            }
        }
        return new ReportFigure(
            "masks",
            "Likeness of masks",
            "The mean intersection over union of the masks of two groups' images; on the diagonal of two images of "
                + "one group. Columns are in the order of the rows. A locator that says something about a failure is "
                + "brighter on the diagonal than beside it.",
            [.. masks.Select(m => Plot(Map(m.Specificity), Wide))],
            csv.ToString()
        )
        {
            OfMethods = false,
            PlotTitles = [.. masks.Select(m => $"{m.Locator}, keep {ReportText.Level(m.Keep)} %")],
        };
    }

    HeatMap Map(MaskSpecificity masks)
    {
        string[] sources = [.. masks.Groups.Select(g => g.Split('/')[0])];
        return new HeatMap("", masks.Matrix)
        {
            RowLabels = [.. masks.Groups.Select(text.Group)],
            ScaleLabel = "mean IoU",
            Min = 0,
            Max = masks.Matrix.SelectMany(r => r).Where(double.IsFinite).DefaultIfEmpty(1).Max(),
            Breaks = [.. Enumerable.Range(1, sources.Length - 1).Where(i => sources[i] != sources[i - 1])],
        };
    }

    static string Heading(ReportSubset subset) => ReportText.Capital(subset.Title);

    static SvgPlot Plot(PlotPanel panel, double width = Wide) => new("", [panel]) { PanelWidth = width };

    /// <summary>Lets the longest line of each method name itself.</summary>
    static IReadOnlyList<PlotSeries> Named(IReadOnlyList<PlotSeries> series)
    {
        HashSet<PlotSeries> longest =
        [
            .. series
                .Where(s => !s.Muted && s.Points.Count > 0)
                .GroupBy(s => s.Name)
                .Select(n => n.MaxBy(s => s.Points.Count)!),
        ];
        return [.. series.Select(s => s with { Direct = longest.Contains(s) })];
    }

    static OperatingPoint Point(ReportSetting s) => s.Summary.Point()!.Value;

    static PlotPoint Place(ReportSetting s, IReadOnlyList<ReportSetting> siblings)
    {
        Estimate generalization = s.Summary.Generalization!.Value;
        Estimate locality = s.Summary.Locality!.Value;
        return new PlotPoint(generalization.Mean, locality.Mean)
        {
            Tip =
                $"{Label(s, siblings)}: GR {ReportText.Percent(generalization.Mean)} % "
                + $"({ReportText.Interval(generalization)}), LR {ReportText.Percent(locality.Mean, 2)} % "
                + $"({ReportText.Interval(locality, 2)})",
        };
    }

    static string Label(ReportSetting s, IEnumerable<ReportSetting> siblings) =>
        s.Short(siblings) is { Length: > 0 } varying ? $"{s.Method.Name}, {varying}" : s.Method.Name;

    /// <summary>
    /// Lines through a method's settings that differ in one number alone: the one with the most values.
    /// </summary>
    static IEnumerable<PlotSeries> Curves(
        IReadOnlyList<ReportSetting> settings,
        Func<ReportSetting, PlotPoint> place,
        double width = 2.5
    )
    {
        foreach (var method in settings.GroupBy(s => s.Method))
        {
            string? knob = method
                .SelectMany(s => s.Summary.Settings.Keys)
                .Distinct()
                .Where(k => method.All(s => s.Number(k) is not null))
                .Select(k => (Knob: k, Values: method.Select(s => s.Number(k)).Distinct().Count()))
                .Where(k => k.Values > 1)
                .OrderByDescending(k => k.Values)
                .ThenBy(k => k.Knob, StringComparer.Ordinal)
                .Select(k => k.Knob)
                .FirstOrDefault();
            foreach (
                var line in method.GroupBy(s =>
                    BenchSetting.Describe("", s.Summary.Settings.Where(k => k.Key != knob).ToDictionary())
                )
            )
            {
                yield return new PlotSeries(
                    method.Key.Name,
                    [.. line.OrderBy(s => knob is null ? 0 : s.Number(knob)).Select(place)]
                )
                {
                    Color = method.Key.Color,
                    Markers = true,
                    Width = width,
                };
            }
        }
    }
}
