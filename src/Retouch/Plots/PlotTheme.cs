using System.Globalization;

namespace Retouch.Plots;

/// <summary>Colours, markers and sizes that all plots share.</summary>
static class PlotTheme
{
    public const double TitleSize = 22;
    public const double PanelTitleSize = 19;
    public const double TextSize = 17;

    /// <summary>The paper of the light and of the dark theme.</summary>
    public const string LightPaper = "#ffffff";
    public const string DarkPaper = "#14171c";

    // Searched so that any two differ by a CIELAB distance of 15 or more, with normal sight and under simulated
    // protanopia, deuteranopia and tritanopia (Machado, Oliveira, Fernandes 2009), and all stand out from the paper.
    public static readonly string[] Light =
    [
        "#0057da",
        "#df7909",
        "#05a965",
        "#c762c1",
        "#664c00",
        "#39287c",
        "#71132a",
        "#757575",
    ];
    public static readonly string[] Dark =
    [
        "#7896ff",
        "#cc6927",
        "#2bed8b",
        "#a15897",
        "#f0dd36",
        "#7d53fb",
        "#e1235c",
        "#a8a8a8",
    ];

    // Of viridis (van der Walt, Smith 2015): as a grey picture it still ascends.
    static readonly uint[] Viridis =
    [
        0x440154,
        0x482878,
        0x3E4A89,
        0x31688E,
        0x26828E,
        0x1F9E89,
        0x35B779,
        0x6DCD59,
        0xB4DE2C,
        0xFDE725,
    ];

    /// <summary>The style sheet. Its class names are the same in every plot, so several fit one HTML page.</summary>
    public static string Css { get; } =
        Rules(LightPaper, ink: "#1b1f24", dim: "#57606a", grid: "#e4e7ea", none: "#d5d9de", muted: "#7d8590", Light)
        + "@media (prefers-color-scheme:dark){"
        + Rules(DarkPaper, ink: "#e8ebef", dim: "#a2abb6", grid: "#2b3139", none: "#3a424c", muted: "#8b949e", Dark)
        + "}";

    static string Rules(
        string paper,
        string ink,
        string dim,
        string grid,
        string none,
        string muted,
        string[] colors
    ) =>
        $".rp-paper{{fill:{paper}}}.rp-halo{{stroke:{paper}}}.rp-ink{{fill:{ink}}}.rp-dim{{fill:{dim}}}"
        + $".rp-axis{{stroke:{dim}}}.rp-grid{{stroke:{grid}}}.rp-none{{fill:{none}}}.rp-muted{{color:{muted}}}"
        + string.Concat(colors.Select((c, i) => $".rp-c{i}{{color:{c}}}"));

    /// <summary>The dashes of a colour number; none in the first round of colours.</summary>
    public static string Dashes(int color) =>
        ((color / Light.Length) % 3) switch
        {
            0 => "",
            1 => "9 4",
            _ => "2 4",
        };

    /// <summary>A marker around 0,0: its shape goes with the colour, so that it can be told without.</summary>
    public static string Marker(int color) =>
        (color % Light.Length) switch
        {
            0 => "M-5 0A5 5 0 1 1 5 0A5 5 0 1 1-5 0Z",
            1 => "M-4.5-4.5H4.5V4.5H-4.5Z",
            2 => "M0-6L5.5 4H-5.5Z",
            3 => "M0-6.2L6.2 0L0 6.2L-6.2 0Z",
            4 => "M0 6L5.5-4H-5.5Z",
            5 => "M-2-5.5H2V-2H5.5V2H2V5.5H-2V2H-5.5V-2H-2Z",
            6 => "M0-6.5L1.6-2.2L6.2-2L2.6 0.9L3.8 5.3L0 2.7L-3.8 5.3L-2.6 0.9L-6.2-2L-1.6-2.2Z",
            _ => "M-4.2-6L0-1.8L4.2-6L6-4.2L1.8 0L6 4.2L4.2 6L0 1.8L-4.2 6L-6 4.2L-1.8 0L-6-4.2Z",
        };

    /// <summary>The heat map's colour of a share in [0,1], in 256 steps.</summary>
    public static (string Color, bool Bright) Heat(double share)
    {
        double at = Math.Round(Math.Clamp(share, 0, 1) * 255) / 255 * (Viridis.Length - 1);
        int i = Math.Min((int)at, Viridis.Length - 2);
        int[] rgb =
        [
            .. ((int[])[16, 8, 0]).Select(s =>
                (int)Math.Round(Channel(i, s) + (at - i) * (Channel(i + 1, s) - Channel(i, s)))
            ),
        ];
        bool bright = 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2] > 128;
        return (string.Create(CultureInfo.InvariantCulture, $"#{rgb[0]:x2}{rgb[1]:x2}{rgb[2]:x2}"), bright);
    }

    static double Channel(int i, int shift) => (Viridis[i] >> shift) & 0xFF;
}
