using Retouch.Plots;

namespace Retouch.Reports;

/// <summary>
/// The style sheet of a report: one column that a phone shows without scrolling sideways, light and dark.
/// </summary>
static class ReportStyle
{
    public static string Css { get; } =
        $$$"""
            :root{color-scheme:light dark;--paper:{{{PlotTheme.LightPaper}}};--ink:#1b1f24;--dim:#57606a;--line:#e1e5e9;
            --soft:#f5f7f9;--mark:#0057da;--good:#c25e00;--bad:#2f63d8}
            @media (prefers-color-scheme:dark){:root{--paper:{{{PlotTheme.DarkPaper}}};--ink:#e8ebef;--dim:#a2abb6;
            --line:#2b3139;--soft:#1b2027;--mark:#7896ff;--good:#ff9f3f;--bad:#7f9dff}}
            *{box-sizing:border-box}
            html{-webkit-text-size-adjust:100%;text-size-adjust:100%;scroll-behavior:smooth}
            body{margin:0;background:var(--paper);color:var(--ink);
            font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;
            overflow-wrap:break-word}
            main>section:first-child{border-top:0;margin-top:12px}
            main,header,nav,footer{max-width:1120px;margin:0 auto;padding:0 24px}
            header{padding-top:56px}
            h1{font-size:clamp(28px,4.6vw,44px);line-height:1.12;letter-spacing:-.022em;font-weight:680;
            margin:6px 0 18px;max-width:22ch;text-wrap:balance}
            h2{font-size:26px;line-height:1.2;letter-spacing:-.015em;font-weight:660;margin:0 0 10px}
            h3{font-size:18px;line-height:1.3;letter-spacing:-.005em;font-weight:640;margin:36px 0 6px}
            h4 .dim{font-weight:440}
            h4{font-size:14px;font-weight:620;margin:20px 0 8px}
            p{margin:0 0 12px;max-width:70ch}
            a{color:var(--mark);text-decoration-thickness:1px;text-underline-offset:2px}
            code{font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;overflow-wrap:anywhere}
            section{padding:44px 0 4px;margin-top:44px;border-top:1px solid var(--line)}
            .over{color:var(--dim);font-size:14px;margin:0;letter-spacing:.01em}
            .lead{font-size:19px;line-height:1.5;max-width:62ch}
            .dim,.note{color:var(--dim)}
            .note{font-size:14px}
            nav{margin-top:28px}
            nav ul{list-style:none;margin:0;padding:10px 0;display:flex;flex-wrap:wrap;gap:6px 20px;
            border-top:1px solid var(--line);border-bottom:1px solid var(--line);font-size:15px}
            nav a{text-decoration:none}
            .tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(130px,1fr));gap:20px 28px;
            margin:30px 0 6px}
            .tiles div{border-left:2px solid var(--line);padding-left:14px}
            .tiles b{display:block;font-size:28px;line-height:1.15;font-weight:640;letter-spacing:-.02em;
            font-variant-numeric:tabular-nums}
            .tiles span{color:var(--dim);font-size:14px}
            .terms{display:grid;grid-template-columns:repeat(auto-fit,minmax(240px,1fr));gap:24px 32px;
            margin:18px 0 8px}
            .terms p{font-size:15px;margin:0}
            .terms h4{font-size:15px;margin:0 0 4px}
            .terms b{color:var(--mark)}
            .scroll{overflow-x:auto;margin:14px 0 8px;
            background:linear-gradient(to left,var(--paper) 30%,transparent) right/36px 100% no-repeat local,linear-gradient(to left,var(--line),transparent) right/14px 100% no-repeat scroll}
            table{border-collapse:collapse;font-size:15px;font-variant-numeric:tabular-nums;min-width:100%}
            th{font-weight:560;font-size:13px;line-height:1.35;color:var(--dim);text-align:right;vertical-align:bottom;
            padding:6px 14px 8px;border-bottom:1px solid var(--dim);min-width:5.4em}
            td{text-align:right;padding:9px 14px;border-bottom:1px solid var(--line);white-space:nowrap;
            vertical-align:top;line-height:1.35}
            .matched th,.matched td{padding-left:8px;padding-right:8px}
            th:first-child,td:first-child{text-align:left;padding-left:0;position:sticky;left:0;background:var(--paper)}
            th.l,td.l{text-align:left}
            td:first-child{min-width:8.5em}
            td small{display:block;color:var(--dim);font-size:12.5px}
            td.best b{color:var(--mark)}
            td.wrap{white-space:normal;min-width:20em}
            .whisker{display:block;margin:3px 0 0 auto;width:92px;height:11px}
            .who{display:inline-flex;align-items:baseline;gap:8px;font-weight:560}
            .who svg,.legend svg{flex:none;width:12px;height:12px;position:relative;top:1px}
            .legend{display:flex;flex-wrap:wrap;gap:4px 18px;list-style:none;margin:12px 0;padding:0;font-size:14px}
            .legend li{display:inline-flex;align-items:baseline;gap:7px}
            figure{margin:26px 0 34px}
            figure>h3{margin-top:0}
            .plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,420px),1fr));gap:18px 28px;
            align-items:start}
            .plots.one{grid-template-columns:minmax(0,760px)}
            .plots.small{grid-template-columns:repeat(auto-fill,minmax(min(46%,196px),1fr));gap:16px 16px}
            .plots>div{min-width:0}
            .plots h4{margin:6px 0 2px;color:var(--dim);font-weight:560}
            .plots.small h4{color:var(--ink);font-size:13px;line-height:1.3;min-height:2.6em;display:flex;
            align-items:flex-end}
            .plots svg{display:block;width:100%;height:auto}
            figcaption{color:var(--dim);font-size:14px;max-width:76ch;margin-top:10px}
            .csv{white-space:nowrap;margin-left:4px}
            details{margin:14px 0}
            summary{cursor:pointer;font-weight:560;color:var(--mark)}
            dl{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:6px 22px;margin:14px 0;font-size:15px}
            dt{color:var(--dim)}
            dd{margin:0;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
            ul.plain{padding-left:20px;margin:8px 0 14px;max-width:76ch}
            ul.plain li{margin:4px 0}
            .edit{border-top:1px solid var(--line);padding:30px 0 22px}
            .edit h3{margin:0 0 2px;font-size:21px}
            .edit h3 s{color:var(--dim);font-weight:440;text-decoration-thickness:1px}
            .pair{display:grid;grid-template-columns:repeat(2,minmax(0,232px)) minmax(0,1fr);gap:18px 22px;
            margin:16px 0 6px;align-items:start}
            .pair img{display:block;width:100%;height:auto;aspect-ratio:1;border-radius:6px}
            .pair span{display:block;color:var(--dim);font-size:13px;line-height:1.4;margin-top:6px}
            .facts{font-size:15px}
            .facts p{margin:0 0 10px}
            .bar{height:8px;border-radius:4px;background:var(--soft);overflow:hidden;margin:3px 0 12px;
            position:relative;box-shadow:inset 0 0 0 1px var(--line)}
            .bar i,.bar u{position:absolute;left:0;top:0;bottom:0;background:var(--good)}
            .bar u{background:var(--dim);opacity:.75}
            .thumbs{display:flex;flex-wrap:wrap;gap:8px 8px;margin:4px 0 6px;padding:0;list-style:none}
            .thumbs li{width:72px;font-size:11.5px;line-height:1.25;color:var(--dim)}
            .thumbs.wide li{width:104px}
            .thumbs img{display:block;width:72px;height:72px;border-radius:4px;margin-bottom:4px}
            .thumbs em{font-style:normal;color:var(--ink)}
            .thumbs .more{align-self:center;width:auto;padding:0 6px;font-size:14px}
            .faded img{opacity:.42}
            .units{display:grid;grid-template-columns:max-content minmax(0,1fr) max-content;gap:2px 14px;
            align-items:center;font-size:13px;color:var(--dim);font-variant-numeric:tabular-nums;margin:6px 0}
            .units svg{display:block;width:100%;height:26px;background:var(--soft);border-radius:3px}
            .units .up{stroke:var(--good)}.units .down{stroke:var(--bad)}
            .units b{font-weight:560;color:var(--ink);text-align:right}
            footer{color:var(--dim);font-size:14px;margin-top:60px;padding-top:20px;padding-bottom:56px}
            @media (max-width:760px){main,header,nav,footer{padding-left:16px;padding-right:16px}
            header{padding-top:32px}
            .lead{font-size:17px}section{padding-top:32px;margin-top:32px}
            .pair{grid-template-columns:repeat(2,minmax(0,1fr));gap:14px}.pair .facts{grid-column:1/-1}
            dl{grid-template-columns:1fr;gap:0}dd{margin-bottom:8px}td,th{padding-left:10px;padding-right:10px}
            th:first-child,td:first-child{white-space:normal;min-width:7.4em;max-width:9em;padding-right:4px}
            .thumbs li{width:64px}.thumbs img{width:64px;height:64px}}
            @media print{nav{display:none}section{break-inside:auto}figure,.edit{break-inside:avoid}}
            """.ReplaceLineEndings("\n")
        + "\n"
        + PlotTheme.Css;
}
