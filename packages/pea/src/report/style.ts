/** Style of the report: one column, readable on a phone, light and dark. */
export const css = `
:root { --text: #1c2126; --faint: #5c6670; --line: #d9dee3; --panel: #f5f7f9; --accent: #b34a00; background: #fff; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e6e9ec; --faint: #9aa5b0; --line: #363d44; --panel: #1f2429; --accent: #ff9a56; background: #15191d; }
}
body { margin: 0; color: var(--text); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 1rem 1rem 4rem; }
h1 { font-size: 1rem; font-weight: 600; color: var(--faint); margin: 0 0 .5rem; }
h2 { font-size: 1.15rem; margin: 2.25rem 0 .5rem; }
h3 { font-size: 1rem; margin: 1rem 0 .5rem; }
.verdict { font-size: 1.35rem; line-height: 1.35; margin: .5rem 0; border-left: 4px solid var(--accent); padding-left: .75rem; }
.note, figcaption { color: var(--faint); font-size: .875rem; }
figure { margin: 0; }
.chart { height: 22rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .35rem .9rem .35rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
thead th { color: var(--faint); font-weight: 600; }
tbody th { font-weight: 500; }
small { color: var(--faint); font-weight: 400; }
td { overflow-wrap: anywhere; }
.numbers th, .numbers td { white-space: nowrap; }
details { margin: .75rem 0; background: var(--panel); border-radius: .4rem; padding: .5rem .75rem; }
summary { cursor: pointer; }
`;
