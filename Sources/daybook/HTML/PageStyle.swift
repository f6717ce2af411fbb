/// How pages look: on light, on dark, and on paper. Every text has a contrast of at least 4.5 to 1, and
/// every mark of a chart one of 3 to 1 (WCAG 2.2, AA);
/// what a colour tells is told by a word, a place or a pattern, too.
enum PageStyle {
    static let css: HTML = """
        :root {
          color-scheme: light dark;
          --page: #f4f5f7; --card: #ffffff; --ink: #17202c; --soft: #55606e; --line: #dde1e7; --grid: #e8ebef;
          --accent: #1f5fbf; --good: #17734a; --bad: #b3261e; --warn: #8a5300;
          --met: #2a9463; --late: #c46f12; --overdue: #c8352b; --waiting: #5b8fd9; --cancelled: #858f9c;
          --p50: #0f7c8a; --p95: #1f5fbf; --p99: #7b3fb5; --band: #6b7685;
          --good-back: #e3f4eb; --bad-back: #fbe7e5; --quiet-back: #eef1f5;
          --shade: rgb(23 32 44 / .22);
        }
        @media (prefers-color-scheme: dark) {
          :root {
            --page: #0e131a; --card: #171e28; --ink: #e8ecf2; --soft: #a5b0be; --line: #2c3644; --grid: #242d39;
            --accent: #7fb0ff; --good: #62d39b; --bad: #ff9188; --warn: #f2b95f;
            --met: #3aa876; --late: #d98a32; --overdue: #e0564b; --waiting: #6c96d6; --cancelled: #7b8796;
            --p50: #4fc6d4; --p95: #7fb0ff; --p99: #c79bf2; --band: #8b97a6;
            --good-back: #12301f; --bad-back: #3a1714; --quiet-back: #212a36;
            --shade: rgb(0 0 0 / .6);
          }
        }
        * { box-sizing: border-box; }
        html { -webkit-text-size-adjust: 100%; }
        body {
          margin: 0; background: var(--page); color: var(--ink);
          font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", Helvetica, Arial, sans-serif;
        }
        main, .top, footer { max-width: 1080px; margin: 0 auto; padding: 0 24px; }
        .top { padding-top: 36px; padding-bottom: 8px; }
        .brand { margin: 0; color: var(--soft); font-size: 13px; letter-spacing: .09em; text-transform: uppercase; }
        h1 { margin: 2px 0 4px; font-size: 30px; line-height: 1.2; letter-spacing: -.015em; overflow-wrap: anywhere; }
        h2 { margin: 0; font-size: 22px; line-height: 1.25; letter-spacing: -.01em; overflow-wrap: anywhere; }
        h3 { margin: 34px 0 4px; font-size: 16px; line-height: 1.3; }
        h4 { margin: 0; font-size: 14px; font-weight: 600; overflow-wrap: anywhere; }
        p { margin: 0 0 8px; overflow-wrap: anywhere; }
        a { color: var(--accent); }
        .soft { color: var(--soft); }
        .small { font-size: 13px; }
        .card {
          background: var(--card); border: 1px solid var(--line); border-radius: 12px;
          padding: 26px 28px 28px; margin: 20px 0;
        }
        .promise { margin: 6px 0 0; max-width: 75ch; }
        .meta { display: flex; flex-wrap: wrap; gap: 2px 22px; margin: 8px 0 0; padding: 0; font-size: 13px; }
        .meta div { display: flex; gap: 6px; min-width: 0; }
        .meta dt { color: var(--soft); white-space: nowrap; }
        .meta dd { margin: 0; overflow-wrap: anywhere; }
        .head { display: flex; flex-wrap: wrap; justify-content: space-between; align-items: flex-start; gap: 8px 24px; }
        .head > .badge, .head > .word-bad { flex: none; }
        .badge {
          display: inline-block; padding: 3px 11px; border-radius: 999px; font-size: 13px; font-weight: 600;
          background: var(--quiet-back); color: var(--ink); white-space: nowrap;
        }
        .badge.good { background: var(--good-back); color: var(--good); }
        .badge.bad { background: var(--bad-back); color: var(--bad); }
        .tiles {
          display: grid; grid-template-columns: repeat(auto-fit, minmax(104px, 1fr)); gap: 1px; margin: 20px 0 0;
          padding: 0; border: 1px solid var(--line); border-radius: 10px; overflow: hidden;
        }
        .tiles div { box-shadow: 0 0 0 1px var(--line); padding: 11px 14px 12px; }
        .tiles dt { color: var(--soft); font-size: 13px; }
        .tiles dd { margin: 0; font-size: 22px; line-height: 1.3; font-weight: 600; font-variant-numeric: tabular-nums; white-space: nowrap; }
        .tiles dd + dd { font-size: 13px; font-weight: 400; color: var(--soft); white-space: normal; }
        .tiles .bad dd:first-of-type { color: var(--bad); }
        .tiles .good dd:first-of-type { color: var(--good); }
        figure { margin: 6px 0 0; }
        .chart { overflow-x: auto; }
        /* What goes on past an edge has a shadow there: it can be scrolled. */
        .chart, .scroll {
          background: linear-gradient(to right, var(--card) 40%, transparent) left / 36px 100% local,
            linear-gradient(to left, var(--card) 40%, transparent) right / 36px 100% local,
            linear-gradient(to right, var(--shade), transparent) left / 12px 100% scroll,
            linear-gradient(to left, var(--shade), transparent) right / 12px 100% scroll;
          background-repeat: no-repeat;
        }
        svg { display: block; width: 100%; min-width: 620px; height: auto; font-size: 12px; }
        svg text { fill: var(--soft); font-family: inherit; font-variant-numeric: tabular-nums; }
        svg text.strong { fill: var(--ink); font-weight: 600; }
        .grid { stroke: var(--grid); }
        .axis { stroke: var(--line); }
        .target { stroke: var(--ink); stroke-width: 1.5; stroke-dasharray: 6 4; }
        .good-bar { fill: var(--met); } .bad-bar { fill: var(--overdue); }
        .met { fill: var(--met); } .late { fill: var(--late); } .overdue { fill: var(--overdue); }
        .waiting { fill: var(--waiting); } .cancelled { fill: var(--cancelled); }
        .provisional { fill: url(#provisional); }
        .pale { opacity: .55; }
        .line { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
        .p50 { stroke: var(--p50); } .p95 { stroke: var(--p95); stroke-dasharray: 7 3; }
        .p99 { stroke: var(--p99); stroke-dasharray: 2 4; }
        .dot { fill: var(--card); stroke-width: 1.5; stroke-dasharray: none; }
        .hit { fill: var(--ink); fill-opacity: 0; } .hit:hover { fill-opacity: .07; }
        .legend { display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 6px 0 0; padding: 0; list-style: none; font-size: 13px; color: var(--soft); }
        .legend li { display: flex; align-items: center; gap: 7px; }
        .legend svg { width: 22px; min-width: 22px; height: 12px; }
        details { margin: 8px 0 0; }
        summary { cursor: pointer; color: var(--accent); font-size: 13px; width: fit-content; }
        summary:focus-visible, .scroll:focus-visible, a:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 3px; }
        .scroll { overflow-x: auto; margin: 8px 0 0; }
        details .scroll { overflow: auto; max-height: 480px; }
        table { border-collapse: collapse; width: 100%; font-size: 13px; font-variant-numeric: tabular-nums; }
        caption { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
        th, td { padding: 6px 14px 6px 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
        thead th { position: sticky; top: 0; background: var(--card); color: var(--soft); font-weight: 600; white-space: nowrap; }
        tbody th { font-weight: 400; overflow-wrap: anywhere; min-width: 9ch; }
        .card > .scroll tbody th { min-width: 15ch; } .gaps > .scroll tbody th { min-width: 0; }
        th:last-child, td:last-child { padding-right: 0; }
        td { overflow-wrap: anywhere; min-width: 13ch; } td.n { min-width: 0; }
        .n { text-align: right; white-space: nowrap; }
        .id { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: .93em; }
        .word-bad { color: var(--bad); font-weight: 600; } .word-good { color: var(--good); }
        .word-warn { color: var(--warn); font-weight: 600; }
        .case { border-top: 1px solid var(--line); padding: 14px 0 10px; }
        .case .head { align-items: baseline; }
        .allowed { fill: var(--met); fill-opacity: .22; } .beyond { fill: url(#beyond); }
        .mark { stroke: var(--ink); stroke-width: 1.5; }
        .event { fill: var(--accent); stroke: var(--card); stroke-width: 1.5; }
        .event.dead { fill: var(--bad); }
        svg .in-event { fill: var(--card); font-size: 9.5px; font-weight: 700; text-anchor: middle; }
        .gap { fill: var(--accent); fill-opacity: .75; } .gap.slow { fill: var(--overdue); fill-opacity: 1; }
        .usual { fill: none; stroke: var(--ink); stroke-width: 1.5; }
        .what { min-width: 19ch; }
        .gaps td:last-child { min-width: 7ch; }
        .gaps details { margin: 0; }
        .gaps summary { white-space: nowrap; }
        .gaps svg { width: 170px; min-width: 120px; height: 14px; }
        .empty { color: var(--soft); margin: 14px 0 0; }
        footer { padding-top: 6px; padding-bottom: 40px; color: var(--soft); font-size: 13px; }
        @media (max-width: 640px) {
          main, .top, footer { padding-left: 14px; padding-right: 14px; }
          .card { padding: 18px 16px 20px; }
          h1 { font-size: 24px; }
          .chart svg { font-size: 16px; }
        }
        @media print {
          :root {
            color-scheme: light;
            --page: #ffffff; --card: #ffffff; --ink: #000000; --soft: #444c56; --line: #c5cad1; --grid: #e3e6ea;
            --accent: #1f5fbf; --good: #17734a; --bad: #b3261e; --warn: #8a5300;
            --met: #2a9463; --late: #c46f12; --overdue: #c8352b; --waiting: #5b8fd9; --cancelled: #858f9c;
            --p50: #0f7c8a; --p95: #1f5fbf; --p99: #7b3fb5; --band: #6b7685;
            --good-back: #e3f4eb; --bad-back: #fbe7e5; --quiet-back: #eef1f5;
          }
          @page { margin: 14mm; }
          body { font-size: 11pt; }
          main, .top, footer { max-width: none; padding-left: 0; padding-right: 0; }
          .top { padding-top: 0; }
          .card { border: 0; border-top: 1px solid var(--line); border-radius: 0; padding: 16px 0 0; margin: 16px 0 0; }
          .card + .card { break-before: page; }
          .chart, .scroll { background: none; }
          * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
          figure, .case, tr, .tiles { break-inside: avoid; }
          h2, h3, h4 { break-after: avoid; }
          .scroll, details .scroll { max-height: none; overflow: visible; }
          svg { min-width: 0; }
          thead th { position: static; }
          .tiles { grid-template-columns: repeat(7, 1fr); }
          .tiles dd { font-size: 17px; } .tiles div { padding: 9px; }
          details:not([open]) { display: none; }
        }
        """
}
