using System.Globalization;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Retouch.Plots;
using Retouch.Tests.Formats;

namespace Retouch.Tests.Plots;

public sealed partial class SvgPlotTests
{
    static readonly XNamespace Svg = "http://www.w3.org/2000/svg";

    static readonly PlotPoint[] Line = [new(0, 1), new(1, 3), new(2, 2)];

    static SvgPlot Plot(PlotAxis x, PlotAxis y, params PlotSeries[] series) => new("", [new XyPanel("", x, y, series)]);

    static XElement Draw(SvgPlot plot) => XDocument.Parse(plot.ToSvg()).Root!;

    static string[] Texts(XElement svg) => [.. svg.Descendants(Svg + "text").Select(t => t.Value)];

    static XElement[] Paths(XElement svg, string color) =>
        [
            .. svg.Descendants(Svg + "g")
                .Where(g => (string?)g.Attribute("class") == color)
                .SelectMany(g => g.Elements(Svg + "path")),
        ];

    static double[] Numbers(string text) =>
        [.. Number().Matches(text).Select(m => double.Parse(m.Value, CultureInfo.InvariantCulture))];

    [GeneratedRegex(@"-?\d+(\.\d+)?")]
    private static partial Regex Number();

    /// <summary>The tick labels of a panel whose y axis has one tick at most, left to right.</summary>
    static string[] Ticks(double min, double max, AxisScale scale = AxisScale.Linear, bool percent = false)
    {
        string[] texts = Texts(
            Draw(
                Plot(
                    new()
                    {
                        Min = min,
                        Max = max,
                        Scale = scale,
                        Percent = percent,
                    },
                    new() { Min = 5e-7, Max = 5.1e-7 },
                    new PlotSeries("", [new(min, 5.05e-7), new(max, 5.05e-7)])
                )
            )
        );
        return [.. texts.Where(t => !t.Contains("10⁻⁷", StringComparison.Ordinal))];
    }

    // At most 12 ticks of a 640 wide panel, at steps of 1, 2 or 5 times a power of ten, without neighbours that touch.
    [Theory]
    [InlineData(0, 1, "0 0.1 0.2 0.3 0.4 0.5 0.6 0.7 0.8 0.9 1.0")]
    [InlineData(0, 7000, "0 1000 2000 3000 4000 5000 6000 7000")]
    [InlineData(0, 20000, "0 2k 4k 6k 8k 10k 12k 14k 16k 18k 20k")]
    [InlineData(-1, 1, "-1.0 -0.8 -0.6 -0.4 -0.2 0 0.2 0.4 0.6 0.8 1.0")]
    [InlineData(0.93, 0.97, "0.930 0.935 0.940 0.945 0.950 0.955 0.960 0.965 0.970")]
    [InlineData(1e6, 3e6, "1.0M 1.2M 1.4M 1.6M 1.8M 2.0M 2.2M 2.4M 2.6M 2.8M 3.0M")]
    [InlineData(3, 11, "3 4 5 6 7 8 9 10 11")]
    [InlineData(0, 4e-5, "0 10⁻⁵ 2·10⁻⁵ 3·10⁻⁵ 4·10⁻⁵")]
    public void Linear_ticks(double min, double max, string expected) =>
        Assert.Equal(expected, string.Join(' ', Ticks(min, max)));

    [Theory]
    [InlineData(1, 1000, "1 10 100 1000")]
    [InlineData(1e-5, 1, "10⁻⁵ 10⁻⁴ 0.001 0.01 0.1 1")]
    [InlineData(0.02, 3, "0.02 0.05 0.1 0.2 0.5 1 2")]
    [InlineData(1e-40, 1e20, "10⁻³⁶ 10⁻³⁰ 10⁻²⁴ 10⁻¹⁸ 10⁻¹² 10⁻⁶ 1 10⁶ 10¹² 10¹⁸")]
    [InlineData(1.1, 1.2, "1.10 1.11 1.12 1.13 1.14 1.15 1.16 1.17 1.18 1.19 1.20")]
    public void Logarithmic_ticks(double min, double max, string expected) =>
        Assert.Equal(expected, string.Join(' ', Ticks(min, max, AxisScale.Log)));

    [Fact]
    public void Percentages() =>
        Assert.Equal("90 % 92 % 94 % 96 % 98 % 100 %", string.Join(' ', Ticks(0.9, 1, percent: true)));

    [Fact]
    public void Points_stand_where_the_axes_say()
    {
        XElement svg = Draw(
            Plot(
                new() { Min = 0, Max = 4 },
                new()
                {
                    Min = 1,
                    Max = 100,
                    Scale = AxisScale.Log,
                },
                new PlotSeries("", [new(0, 1), new(1, 10), new(4, 100)])
            )
        );
        double[] at = Numbers(Assert.Single(Paths(svg, "rp-c0")).Attribute("d")!.Value);
        (double width, double height) = (at[4], at[1]);
        Assert.Equal(
            [0, height, width / 4, height / 2, width, 0],
            at.Select(v => v),
            (a, b) => Math.Abs(a - b) < 0.011
        );
        Assert.True(width > 500 && height > 300);
    }

    [Theory]
    [InlineData(nameof(LineShape.StepVerticalFirst), "VHVH")]
    [InlineData(nameof(LineShape.StepHorizontalFirst), "HVHV")]
    public void A_step_line_goes_along_the_axes_in_its_order(string shape, string letters)
    {
        XElement svg = Draw(Plot(new(), new(), new PlotSeries("", Line) { Line = Enum.Parse<LineShape>(shape) }));
        string path = Assert.Single(Paths(svg, "rp-c0")).Attribute("d")!.Value;
        Assert.Equal("M" + letters, string.Concat(path.Where(char.IsLetter)));
    }

    [Fact]
    public void A_band_and_error_bars_are_the_interval()
    {
        PlotPoint[] points = [new(0, 5) { YInterval = (4, 8) }, new(1, 5) { YInterval = (2, 5) }];
        PlotAxis y = new() { Min = 0, Max = 10 };
        double[] band = Numbers(
            Paths(Draw(Plot(new(), y, new PlotSeries("", points) { Band = true })), "rp-c0")[0].Attribute("d")!.Value
        );
        double height = band[1] / 0.2;
        Assert.Equal(
            [0.2, 0.5, 0.8, 0.6],
            ((double[])[band[1], band[3], band[5], band[7]]).Select(v => v / height),
            (a, b) => Math.Abs(a - b) < 1e-4
        );

        XElement[] bars = Paths(Draw(Plot(new(), y, new PlotSeries("", points))), "rp-c0");
        Assert.Equal(3, bars.Length); // two bars and the line
        double[] bar = Numbers(bars[0].Attribute("d")!.Value);
        Assert.Equal(
            (0.2 * height, 0.6 * height),
            (bar[1], bar[5]),
            ((double, double) a, (double, double) b) => Math.Abs(a.Item1 - b.Item1) + Math.Abs(a.Item2 - b.Item2) < 0.03
        );
    }

    [Fact]
    public void What_is_not_finite_or_has_no_logarithm_breaks_the_line_and_a_point_alone_is_still_seen()
    {
        PlotPoint[] points =
        [
            new(0, 1),
            new(1, 2),
            new(2, double.NaN),
            new(3, 5),
            new(4, double.PositiveInfinity),
            new(5, -1),
            new(6, 2),
            new(7, 3),
            new(double.NaN, 1),
        ];
        XElement svg = Draw(Plot(new(), new() { Scale = AxisScale.Log }, new PlotSeries("s", points)));
        Assert.Equal(2, Paths(svg, "rp-c0").Count(p => p.Attribute("transform") is null));
        Assert.Equal("s: 3, 5", Assert.Single(svg.Descendants(Svg + "title")).Value);
    }

    public static TheoryData<string, double[]> Degenerate =>
        new()
        {
            { "none", [] },
            { "one", [3] },
            { "zero", [0] },
            { "equal", [7, 7, 7] },
            { "equal but for rounding", [0.3, 0.1 + 0.2] },
            { "nothing finite", [double.NaN, double.NegativeInfinity, double.PositiveInfinity] },
            { "largest", [double.MaxValue, -double.MaxValue, 1] },
            { "large", [1e100, -1e100] },
            { "smallest", [double.Epsilon, 0] },
            { "negative", [-3, -2] },
            { "far apart", [1e-99, 1e99] },
        };

    [Theory]
    [MemberData(nameof(Degenerate))]
    public void Bad_data_make_a_picture_of_finite_numbers(string what, double[] values)
    {
        foreach (AxisScale scale in (AxisScale[])[AxisScale.Linear, AxisScale.Log])
        {
            foreach (double? limit in (double?[])[null, 0, 5, double.NaN, double.PositiveInfinity])
            {
                PlotAxis axis = new("a") { Scale = scale, Min = limit };
                PlotSeries series = new(
                    what,
                    [.. values.Select(v => new PlotPoint(v, v) { YInterval = (double.NaN, v) })]
                );
                string svg = new SvgPlot(
                    "",
                    [
                        new XyPanel(
                            "",
                            axis,
                            axis,
                            [series, series with { Band = true, Line = LineShape.StepVerticalFirst }]
                        ),
                        new HeatMap("", [values, [1]]) { Min = limit },
                    ]
                ).ToSvg();
                XElement root = XDocument.Parse(svg).Root!;
                Assert.All(
                    root.Descendants()
                        .Attributes()
                        .Where(a => a.Name != "class" && a.Name != "style" && a.Name != "font-family"),
                    a =>
                    {
                        Assert.DoesNotContain("NaN", a.Value, StringComparison.Ordinal);
                        Assert.DoesNotContain("∞", a.Value, StringComparison.Ordinal);
                        Assert.DoesNotMatch(@"\d{8}", a.Value);
                    }
                );
                Assert.InRange(Texts(root).Length, 3, 60);
            }
        }
    }

    [Fact]
    public void Without_data_it_says_so()
    {
        Assert.Contains("no data", Texts(Draw(Plot(new(), new(), new PlotSeries("s", [])))));
        Assert.Contains("no data", Texts(Draw(new SvgPlot("", [new HeatMap("", [])]))));
        Assert.Contains(
            "no data",
            Texts(
                Draw(
                    new SvgPlot(
                        "",
                        [
                            new HeatMap(
                                "",
                                [
                                    [],
                                    [],
                                ]
                            ),
                        ]
                    )
                )
            )
        );
        Assert.Equal(["t"], Texts(Draw(new SvgPlot("t", []))));
    }

    [Fact]
    public void Text_stays_text_whatever_it_holds()
    {
        const string Nasty = "<b>&amp; \"quoted\" 'x' \u0001 \uD800 ]]> é 😀</b>";
        const string Kept = "<b>&amp; \"quoted\" 'x' \uFFFD \uFFFD ]]> é 😀</b>";
        XElement svg = Draw(
            new SvgPlot(
                Nasty,
                [
                    new XyPanel(Nasty, new(Nasty), new(Nasty), [new(Nasty, Line) { Markers = true }, new("b", Line)]),
                    new HeatMap(
                        Nasty,
                        [
                            [1],
                        ]
                    )
                    {
                        RowLabels = [Nasty],
                        ColumnLabels = [Nasty],
                        ScaleLabel = Nasty,
                    },
                ]
            )
            {
                Columns = 1,
            }
        );
        Assert.Equal(Kept, svg.Attribute("aria-label")!.Value);
        string[] texts = Texts(svg);
        Assert.True(texts.Count(t => t == Kept) >= 5, string.Join('\n', texts));
        Assert.StartsWith(Kept + ": ", svg.Descendants(Svg + "title").First().Value, StringComparison.Ordinal);
        Assert.DoesNotContain(svg.Descendants(), e => e.Name.LocalName == "b");
    }

    [Fact]
    public void The_same_figure_gives_the_same_bytes_in_any_culture()
    {
        SvgPlot Figure() =>
            new(
                "f",
                [
                    new XyPanel(
                        "a",
                        new("x"),
                        new("y") { Scale = AxisScale.Log },
                        [
                            new(
                                "s",
                                [
                                    .. Enumerable
                                        .Range(1, 50)
                                        .Select(i => new PlotPoint(i / 7.0, i * 0.37)
                                        {
                                            YInterval = (i * 0.3, i * 0.4),
                                        }),
                                ]
                            )
                            {
                                Band = true,
                                Width = 1.5,
                            },
                        ]
                    ),
                    new HeatMap(
                        "b",
                        [
                            [0.123, 0.5],
                            [0.7, 0.9],
                        ]
                    )
                    {
                        ColumnLabels = ["p", "q"],
                    },
                ]
            );
        string here = Figure().ToSvg();
        CultureInfo before = CultureInfo.CurrentCulture;
        CultureInfo comma = (CultureInfo)CultureInfo.InvariantCulture.Clone();
        (comma.NumberFormat.NumberDecimalSeparator, comma.NumberFormat.NegativeSign) = (",", "~");
        try
        {
            CultureInfo.CurrentCulture = comma;
            Assert.Equal(here, Figure().ToSvg());
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
        Assert.DoesNotContain('\r', here);
    }

    [Fact]
    public void A_legend_stands_above_the_data_and_within_the_figure()
    {
        PlotSeries[] series = [.. Enumerable.Range(0, 14).Select(i => new PlotSeries($"method number {i}", Line))];
        XElement svg = Draw(Plot(new(), new(), series));
        double width = Numbers(svg.Attribute("viewBox")!.Value)[2];
        double top = Numbers(svg.Elements(Svg + "svg").Single().Attribute("y")!.Value)[0];
        XElement[] names =
        [
            .. svg.Elements(Svg + "text").Where(t => t.Value.StartsWith("method", StringComparison.Ordinal)),
        ];
        Assert.Equal(series.Select(s => s.Name), names.Select(n => n.Value));
        Assert.All(
            names,
            n => Assert.True((double)n.Attribute("y")! < top - 4 && (double)n.Attribute("x")! + 14 * 8 < width)
        );
    }

    [Fact]
    public void One_name_has_one_colour_under_a_shared_legend_and_the_legend_is_there_once()
    {
        XyPanel Panel(params string[] names) => new("p", new(), new(), [.. names.Select(n => new PlotSeries(n, Line))]);
        XElement shared = Draw(new SvgPlot("", [Panel("a", "b"), Panel("b")]));
        Assert.Equal(1, Texts(shared).Count(t => t == "b"));
        Assert.Single(Plots(shared)[1].Descendants(Svg + "g"), g => (string?)g.Attribute("class") == "rp-c1");

        XElement own = Draw(new SvgPlot("", [Panel("a", "b"), Panel("c", "d")]));
        Assert.All((string[])["a", "b", "c", "d"], n => Assert.Contains(n, Texts(own)));
        Assert.Single(Plots(own)[1].Descendants(Svg + "g"), g => (string?)g.Attribute("class") == "rp-c0");

        static XElement[] Plots(XElement svg) => [.. svg.Elements(Svg + "svg")];
    }

    [Fact]
    public void Chosen_colours_are_not_given_to_others_and_beyond_the_last_lines_are_dashed()
    {
        PlotSeries[] series =
        [
            new("x", Line),
            new("chosen", Line) { Color = 0 },
            .. Enumerable.Range(0, 7).Select(i => new PlotSeries($"{i}", Line)),
            new("front", Line) { Muted = true },
        ];
        XElement plot = Draw(Plot(new(), new(), series)).Elements(Svg + "svg").Single();
        XElement[] groups = [.. plot.Descendants(Svg + "g").Where(g => g.Attribute("class") is not null)];
        Assert.Equal(
            ["rp-c1", "rp-c0", "rp-c2", "rp-c3", "rp-c4", "rp-c5", "rp-c6", "rp-c7", "rp-c0", "rp-muted"],
            groups.Select(g => g.Attribute("class")!.Value)
        );
        Assert.Equal(
            [false, false, false, false, false, false, false, false, true, true],
            groups.Select(g => g.Attribute("stroke-dasharray") is not null)
        );
    }

    [Fact]
    public void Many_points_are_thinned_to_what_can_be_seen()
    {
        Random random = new(1);
        PlotPoint[] points =
        [
            .. Enumerable.Range(0, 50_000).Select(i => new PlotPoint(i, i == 31_234 ? 9 : random.NextDouble())),
        ];
        string path = Assert
            .Single(
                Paths(
                    Draw(Plot(new() { Min = 0, Max = 50_000 }, new() { Min = 0, Max = 9 }, new PlotSeries("", points))),
                    "rp-c0"
                )
            )
            .Attribute("d")!
            .Value;
        double[] at = Numbers(path);
        Assert.InRange(at.Length, 1000, 2 * 4 * 640);
        Assert.Equal(0, at.Where((_, i) => i % 2 == 1).Min()); // the one that stands out
    }

    [Fact]
    public void Markers_outside_of_the_axes_are_left_out_and_one_on_the_border_is_whole()
    {
        XElement svg = Draw(
            Plot(
                new() { Min = 0, Max = 1 },
                new() { Min = 0, Max = 1 },
                new PlotSeries("", [new(0.5, 0.5), new(1, 1), new(2, 0.5), new(0.5, -1)]) { Line = LineShape.None }
            )
        );
        Assert.Equal(["0.5, 0.5", "1, 1"], svg.Descendants(Svg + "title").Select(t => t.Value));
        Assert.Empty(svg.Elements(Svg + "svg").Descendants(Svg + "title")); // not within what is cut
    }

    [Fact]
    public void A_heat_map_colours_by_value_and_crosses_out_what_is_none()
    {
        XElement svg = Draw(
            new SvgPlot(
                "",
                [
                    new HeatMap(
                        "",
                        [
                            [0, 1],
                            [double.NaN, 0],
                        ]
                    )
                    {
                        Min = 0,
                        Max = 1,
                        ScaleLabel = "IoU",
                        RowLabels = ["r0", "r1"],
                    },
                ]
            )
        );
        XElement[] squares =
        [
            .. svg.Elements(Svg + "g").First(g => g.Attribute("shape-rendering") is not null).Elements(Svg + "path"),
        ];
        Assert.Equal(["#440154", "#fde725", null], squares.Select(s => (string?)s.Attribute("fill")));
        Assert.Equal(2, squares[0].Attribute("d")!.Value.Count(c => c == 'M')); // both zeros
        Assert.Equal("rp-none", squares[2].Attribute("class")!.Value);
        Assert.Equal(["0.00", "1.00", "0.00", "r0", "r1"], Texts(svg).Take(5));
        Assert.Contains("IoU", Texts(svg));
    }

    [Fact]
    public void A_heat_map_of_many_cells_stays_small_and_its_labels_apart()
    {
        double[][] values =
        [
            .. Enumerable
                .Range(0, 100)
                .Select(i => Enumerable.Range(0, 100).Select(j => i == j ? 1 : i * j % 97 / 97.0).ToArray()),
        ];
        string[] names = [.. Enumerable.Range(0, 100).Select(i => $"row {i}")];
        string text = new SvgPlot("", [new HeatMap("", values) { RowLabels = names, ColumnLabels = names }]).ToSvg();
        Assert.InRange(text.Length, 10_000, 400_000);
        double[] rows =
        [
            .. XDocument
                .Parse(text)
                .Root!.Elements(Svg + "text")
                .Where(t => t.Value.StartsWith("row", StringComparison.Ordinal) && t.Attribute("transform") is null)
                .Select(t => (double)t.Attribute("y")!),
        ];
        Assert.True(rows.Length > 10);
        Assert.All(rows.Zip(rows.Skip(1)), p => Assert.True(p.Second - p.First >= 16));
    }

    [Fact]
    public void The_theme_follows_the_reader()
    {
        string css = Draw(Plot(new(), new(), new PlotSeries("", Line))).Element(Svg + "style")!.Value;
        string[] parts = css.Split("@media (prefers-color-scheme:dark)");
        Assert.Equal(2, parts.Length);
        AssertReadable(parts[0]);
        AssertReadable(parts[1]);
    }

    // Every colour stands out from the paper (WCAG 2.2, 1.4.11: a contrast of 3), and any two are told apart, also by
    // the colour-blind: simulated by the matrices of Machado, Oliveira, Fernandes (2009) at severity 1.
    static void AssertReadable(string css)
    {
        double[] paper = Linear(Regex.Match(css, @"rp-paper\{fill:(#\w{6})").Groups[1].Value);
        double[][] colors =
        [
            .. Enumerable
                .Range(0, SvgPlot.Colors)
                .Select(i => Linear(Regex.Match(css, $@"rp-c{i}\{{color:(#\w{{6}})").Groups[1].Value)),
        ];
        Assert.All(colors, c => Assert.True(Contrast(c, paper) >= 3));
        double[][][] sights =
        [
            [
                [1, 0, 0],
                [0, 1, 0],
                [0, 0, 1],
            ],
            [
                [0.152286, 1.052583, -0.204868],
                [0.114503, 0.786281, 0.099216],
                [-0.003882, -0.048116, 1.051998],
            ],
            [
                [0.367322, 0.860646, -0.227968],
                [0.280085, 0.672501, 0.047413],
                [-0.011820, 0.042940, 0.968881],
            ],
            [
                [1.255528, -0.076749, -0.178779],
                [-0.078411, 0.930809, 0.147602],
                [0.004733, 0.691367, 0.303900],
            ],
        ];
        foreach (double[][] sight in sights)
        {
            double[][] labs =
            [
                .. colors.Select(c =>
                    Lab([.. sight.Select(row => Math.Clamp(row.Zip(c, (a, b) => a * b).Sum(), 0, 1))])
                ),
            ];
            for (int i = 0; i < labs.Length; i++)
            {
                for (int j = 0; j < i; j++)
                    Assert.True(
                        Math.Sqrt(labs[i].Zip(labs[j], (a, b) => (a - b) * (a - b)).Sum()) >= 15,
                        $"colours {j} and {i}"
                    );
            }
        }
    }

    static double[] Linear(string color) =>
        [
            .. ((int[])[1, 3, 5])
                .Select(i => Convert.ToInt32(color.Substring(i, 2), 16) / 255.0)
                .Select(v => v <= 0.04045 ? v / 12.92 : Math.Pow((v + 0.055) / 1.055, 2.4)),
        ];

    static double Luminance(double[] c) => 0.2126 * c[0] + 0.7152 * c[1] + 0.0722 * c[2];

    static double Contrast(double[] a, double[] b) =>
        (Math.Max(Luminance(a), Luminance(b)) + 0.05) / (Math.Min(Luminance(a), Luminance(b)) + 0.05);

    static double[] Lab(double[] c)
    {
        static double F(double t) => t > 0.008856 ? Math.Cbrt(t) : 7.787 * t + 16 / 116.0;
        (double x, double y, double z) = (
            F((0.4124 * c[0] + 0.3576 * c[1] + 0.1805 * c[2]) / 0.9505),
            F(Luminance(c)),
            F((0.0193 * c[0] + 0.1192 * c[1] + 0.9505 * c[2]) / 1.089)
        );
        return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
    }

    [Fact]
    public void A_series_may_be_named_where_it_ends_but_not_over_another_name()
    {
        PlotSeries[] series =
        [
            .. Enumerable
                .Range(0, 3)
                .Select(i => new PlotSeries($"series {i}", [new(0, i), new(1, 1 + i * 0.001)]) { Direct = true }),
        ];
        SvgPlot plot = Plot(new() { Min = 0, Max = 1 }, new(), series) with { Legend = false };
        XElement[] names =
        [
            .. Draw(plot).Descendants(Svg + "text").Where(t => t.Value.StartsWith("series", StringComparison.Ordinal)),
        ];
        Assert.Equal(["series 0", "series 1", "series 2"], names.Select(n => n.Value));
        double[] heights = [.. names.Select(n => (double)n.Attribute("y")!).Order()];
        Assert.True(heights[1] - heights[0] >= 15 && heights[2] - heights[1] >= 15, string.Join(' ', heights));
        Assert.Equal(["rp-c0", "rp-c1", "rp-c2"], names.Select(n => ((string)n.Attribute("class")!).Split(' ')[0]));
        // The legend says it once more unless it is left out.
        Assert.Equal(
            6,
            Texts(Draw(plot with { Legend = true })).Count(t => t.StartsWith("series", StringComparison.Ordinal))
        );
        // Without room there is no name rather than one upon another.
        Assert.DoesNotContain(
            Texts(Draw(plot with { PanelWidth = 100 })),
            t => t.StartsWith("series", StringComparison.Ordinal)
        );
    }

    [Fact]
    public void A_point_may_say_more_than_its_values()
    {
        XElement svg = Draw(
            Plot(new(), new(), new PlotSeries("s", [new(0, 1) { Tip = "keep <0.5>" }, new(1, 2)]) { Markers = true })
        );
        Assert.Equal(["keep <0.5>", "s: 1, 2"], svg.Descendants(Svg + "title").Select(t => t.Value));
    }

    [Fact]
    public void A_file_is_written_once_and_replaced_only_when_told()
    {
        using TemporaryFolder folder = new();
        SvgPlot plot = Plot(new("größer"), new(), new PlotSeries("s", Line));
        plot.Save(folder.File("p.svg"), overwrite: false);
        Assert.Equal(plot.ToSvg(), File.ReadAllText(folder.File("p.svg")));
        Assert.Throws<BadInputException>(() => plot.Save(folder.File("p.svg"), overwrite: false));
        plot.Save(folder.File("p.svg"), overwrite: true);
        Assert.Equal(["p.svg"], folder.Names());
    }
}
