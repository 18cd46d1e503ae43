namespace Retouch.Reports;

/// <summary>What a ledger's report adds to the style sheet of reports: above all, how it is printed.</summary>
static class LedgerReportStyle
{
    public static string Css { get; } =
        """
            :root{--struck:var(--dim)}
            .entry h2{overflow-wrap:anywhere}
            .entry h2 s,td s{color:var(--struck);font-weight:440;text-decoration-thickness:1px}
            .back{border-left:3px solid var(--bad);padding-left:14px}
            dt{padding-top:1px}
            table.entries td.wrap{min-width:9em}
            table.entries th:first-child,table.entries td:first-child{min-width:3.4em}
            @media (max-width:760px){table.entries,table.entries tbody,table.entries tr{display:block}
            table.entries thead{display:none}
            table.entries tr{padding:9px 0;border-bottom:1px solid var(--line)}
            table.entries td,table.entries td:first-child{display:inline;border:0;padding:0 8px 0 0;min-width:0;max-width:none}
            table.entries td:first-child{font-weight:640}table.entries td:last-child{display:block;padding-top:2px}}
            table.facts{min-width:0;margin:6px 0 4px;font-size:14px}
            table.facts td{text-align:left;padding:3px 18px 3px 0;white-space:normal;overflow-wrap:anywhere;
            position:static;border-bottom:1px solid var(--line)}
            table.facts td:first-child{color:var(--dim);min-width:0;max-width:none}
            .commands{background:var(--soft);border-radius:6px;padding:8px 12px;margin:4px 0 8px;max-width:100%}
            .commands code{display:block;white-space:pre-wrap;padding:1px 0}
            .entry .thumbs{margin-top:10px}
            .entry .thumbs li{width:104px}
            .entry .thumbs img{image-rendering:auto;object-fit:contain;background:var(--soft)}
            .sign{display:grid;grid-template-columns:2fr 1fr 1fr;gap:24px;margin:44px 0 0}
            .sign p{border-top:1px solid var(--dim);color:var(--dim);font-size:13px;padding-top:4px;margin:0}
            @page{margin:16mm 14mm}
            @media print{:root{color-scheme:light;--paper:#fff;--ink:#000;--dim:#444;--line:#bbb;--soft:#f4f4f4;
            --mark:#000;--good:#000;--bad:#555}
            body{font-size:10.5pt}header{padding-top:0}h1{font-size:24pt}h2{font-size:15pt}.lead{font-size:12pt}
            main,header,nav,footer{max-width:none;padding-left:0;padding-right:0}
            section{padding-top:18px;margin-top:18px}
            section.entry{break-inside:avoid}dl{grid-template-columns:max-content minmax(0,1fr);gap:4px 18px}
            dd{margin:0}.commands code{overflow-wrap:anywhere}h2,dt,.over{break-after:avoid}.thumbs li,tr,.commands,.sign{break-inside:avoid}
            .scroll{overflow:visible;background:none}td,th{padding:5px 8px;font-size:9.5pt}
            th:first-child,td:first-child{position:static}a{color:inherit;text-decoration:none}
            footer{margin-top:24px;padding-bottom:0}}
            """.ReplaceLineEndings("\n");
}
