/** Colours of variants: `--c0`, the baseline's grey, to `--c7`. */
export const colorCount = 8;

// Okabe and Ito's palette, with the yellow and the light tones deepened for white paper: told apart with any kind of
// colour vision. On a dark ground the tones are lighter.
const light = `--text: #1b2025; --faint: #59636d; --line: #dfe3e7; --panel: #f5f7f8; --paper: #fff; --accent: #0b5f98;
  --band: rgba(90, 105, 120, .1); --c0: #6f7b87; --c1: #d55e00; --c2: #0072b2; --c3: #00815e; --c4: #b8568f; --c5: #2a94d0;
  --c6: #b87a00; --c7: #5b4db0;`;
const dark = `--text: #e8ebee; --faint: #9ba6b1; --line: #343b42; --panel: #20262b; --paper: #15191d; --accent: #6cb8ee;
  --band: rgba(150, 165, 180, .14); --c0: #9aa6b2; --c1: #ff8a3d; --c2: #4aa8e8; --c3: #2fbf95; --c4: #e08fc0; --c5: #86cbf5;
  --c6: #e6ae3c; --c7: #a99bf2;`;

/** Style of the report: readable on a phone and on paper, light and dark. */
export const css = `
:root { ${light} background: var(--paper); }
@media screen and (prefers-color-scheme: dark) { :root { ${dark} } }
*, ::before, ::after { box-sizing: border-box; }
body { margin: 0; color: var(--text); font: 16px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; }
main { max-width: 70rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.05rem; font-weight: 600; margin: 0 0 1.5rem; color: var(--faint); overflow-wrap: anywhere; }
h1 b { color: var(--text); font-weight: 600; }
h2 { font-size: 1.3rem; line-height: 1.3; margin: 3.25rem 0 .75rem; padding-top: 1rem; border-top: 1px solid var(--line); overflow-wrap: anywhere; }
h3 { font-size: 1rem; margin: 1.75rem 0 .35rem; }
a { color: var(--accent); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.verdict { border-left: 4px solid var(--accent); padding-left: 1.1rem; margin: 0 0 1.75rem; }
.verdict .of { color: var(--faint); font-size: .9rem; margin: 0 0 .2rem; }
.verdict .headline { font-size: clamp(1.3rem, 1rem + 1.6vw, 1.85rem); font-weight: 650; line-height: 1.22; letter-spacing: -.012em; margin: 0 0 .6rem; text-wrap: balance; }
.verdict p { margin: 0 0 .45rem; max-width: 52rem; }
.note, figcaption { color: var(--faint); font-size: .875rem; max-width: 52rem; margin: .5rem 0; }
figure { margin: 0; min-width: 0; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 0 2.5rem; }
.pair > * { min-width: 0; }
.chart { height: 21rem; }
.wide .chart { height: 30rem; }
.chart svg, noscript svg { display: block; max-width: 100%; }
noscript svg { width: 100%; height: auto; }
noscript text { font-family: inherit; }
.scroll { overflow-x: auto; }
.scroll:focus-visible { outline-offset: -2px; }
table { border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--faint); font-size: .875rem; padding-bottom: .4rem; }
th, td { text-align: left; padding: .32rem .9rem .32rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
thead th { color: var(--faint); font-weight: 600; vertical-align: bottom; }
thead tr:first-child th[colspan] { border-bottom-color: var(--faint); color: var(--text); }
tbody th { font-weight: 550; }
.numbers th, .numbers td { white-space: nowrap; }
.numbers td, .numbers thead th:not(:first-child) { text-align: right; }
.numbers th[colspan] { text-align: left !important; }
.numbers tbody th:first-child { position: sticky; left: 0; background: var(--paper); }
.kind-start > * { border-top: 2px solid var(--line); }
.carried { font-weight: 650; }
small { color: var(--faint); font-weight: 400; font-size: .8em; }
code, pre { font: .875rem/1.5 ui-monospace, "SFMono-Regular", Menlo, Consolas, monospace; }
pre { background: var(--panel); border-radius: .4rem; padding: .7rem .9rem; margin: .4rem 0 1rem; white-space: pre-wrap; overflow-wrap: anywhere; }
details { margin: .6rem 0; border: 1px solid var(--line); border-radius: .4rem; padding: .5rem .8rem; }
details[open] > summary { margin-bottom: .5rem; }
details .numbers tbody th:first-child { position: static; }
summary { cursor: pointer; }
.controls { display: flex; flex-wrap: wrap; gap: .4rem .5rem; align-items: center; margin: .75rem 0; padding: 0; border: 0; }
.controls legend { float: left; margin-right: .25rem; font-size: .875rem; color: var(--faint); padding: .2rem 0; }
.controls label, .controls button { display: inline-flex; align-items: center; gap: .4rem; font-size: .875rem; border: 1px solid var(--line); border-radius: 1rem; padding: .2rem .7rem; cursor: pointer; }
.controls label:has(:checked) { background: var(--panel); border-color: var(--faint); }
.controls button { background: none; color: var(--accent); font-family: inherit; line-height: inherit; }
.controls input[type=checkbox] { accent-color: var(--accent); margin: 0; }
.controls .slider { flex: 1 1 16rem; max-width: 32rem; }
.controls .slider input { flex: 1; min-width: 0; accent-color: var(--accent); }
.controls output { font-variant-numeric: tabular-nums; min-width: 2.2em; }
select { font: inherit; color: inherit; background: var(--paper); border: 0; }
#mixture { margin: .25rem 0; font-variant-numeric: tabular-nums; }
.seeds .rows { overflow: hidden; }
.row { display: grid; grid-template-columns: minmax(6.5rem, 11rem) minmax(0, 1fr) minmax(0, 1fr); column-gap: 1.25rem; }
.single .row { grid-template-columns: minmax(6.5rem, 11rem) minmax(0, 1fr); }
.row > .name { align-self: center; font-size: .875rem; font-weight: 550; overflow-wrap: anywhere; line-height: 1.2; }
.row.head { color: var(--faint); font-size: .8125rem; padding-bottom: .25rem; }
.row > svg { align-self: center; width: 100%; height: 24px; display: block; }
.row.first:not(:nth-child(2)) { border-top: 1px solid var(--line); }
.row circle { fill: var(--accent); fill-opacity: .55; }
.row.baseline circle { fill: var(--c0); }
.row.upper-limit circle { fill: none; stroke: var(--accent); stroke-width: 1.5; }
.row .grid { stroke: var(--line); }
.row .zero { stroke: var(--faint); }
.row .interval { stroke: var(--text); stroke-width: 1.5; }
.row .mean { stroke: var(--text); stroke-width: 2.5; }
.row .diamond { fill: var(--text); stroke: var(--text); stroke-width: 1.5; }
.row .diamond.undecided { fill: var(--paper); }
.ticks { position: relative; height: 1.3rem; font-size: .75rem; color: var(--faint); font-variant-numeric: tabular-nums; }
.ticks span { position: absolute; transform: translateX(-50%); }
.shape { width: 100%; height: auto; display: block; overflow: hidden; }
.shape path { fill: none; vector-effect: non-scaling-stroke; }
.shape text { fill: var(--faint); font-size: 12px; }
.shape .grid path { stroke: var(--line); }
.shape .zero { stroke: var(--faint); }
.shape .relu { stroke: var(--c0); stroke-width: 1.5; }
.shape .smooth { stroke: var(--c1); stroke-width: 1.5; stroke-dasharray: 6 4; }
.shape .ensemble { stroke: var(--c2); stroke-width: 3.5; stroke-linejoin: round; }
.swatch { flex: none; }
@media (max-width: 40rem) {
  main { padding: 1.25rem 1rem 3rem; }
  .row { grid-template-columns: 4.25rem minmax(0, 1fr) minmax(0, 1fr); column-gap: .6rem; }
  .single .row { grid-template-columns: 4.25rem minmax(0, 1fr); }
  .row > .name { font-size: .8125rem; }
  .chart { height: 18rem; }
}
@media print {
  @page { margin: 14mm; }
  body { font-size: 10pt; }
  main { max-width: none; padding: 0; }
  h2 { break-after: avoid; margin-top: 1.5rem; }
  h3, figcaption, .controls { break-after: avoid; }
  figure, .verdict, tr, pre { break-inside: avoid; }
  .scroll { overflow: visible; }
  .numbers { font-size: 7pt; }
  th, td { padding-right: .45rem; }
  .numbers tbody th:first-child { position: static; }
  .chart, .wide .chart { height: auto; }
  .pair { display: block; }
  .pair > * { display: inline-block; vertical-align: top; width: 48%; margin-right: 1%; }
  h3:has(+ details) { display: none; }
  details:not([open]), .controls button, .controls label:not(:has(:checked)), .screen { display: none; }
  .controls input[type=checkbox] { display: none; }
}
@media (scripting: none) { .controls, #mixture { display: none; } }
`;
