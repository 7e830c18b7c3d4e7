import { chartsOf } from './charts.js';
import { factsOf, notesOf, TIMES_HEAD, timesOf, verdictsOf, type Row } from './report-text.js';
import type { Summary } from './summary.js';

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
const escaped = (text: string): string => text.replace(/[&<>"']/g, (character) => ESCAPES[character] as string);

const STYLE = `
:root { color-scheme: light dark; --paper: #fff; --ink: #1b1f24; --rule: #d5d9de; --good: #18794e; --bad: #c22a35 }
@media (prefers-color-scheme: dark) { :root { --paper: #14171a; --ink: #e4e7ea; --rule: #3a4046; --good: #4cc38a; --bad: #ff7b81 } }
body { background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; max-width: 900px; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; margin: 1rem 0; width: 100% }
th, td { border-bottom: 1px solid var(--rule); padding: .3rem .6rem; text-align: left; vertical-align: top; overflow-wrap: anywhere }
table.times td:not(:first-child), table.times th:not(:first-child) { text-align: right; font-variant-numeric: tabular-nums }
svg { max-width: 100%; height: auto }
.met { color: var(--good) } .missed { color: var(--bad); font-weight: 600 }`;

const row = (cells: Row, tag: 'td' | 'th' = 'td'): string =>
  `<tr>${cells.map((cell) => `<${tag}>${escaped(cell)}</${tag}>`).join('')}</tr>`;

/** One file with everything in it: nothing is loaded from anywhere when it is opened. */
export function htmlReport(summary: Summary): string {
  const title = `Load test: ${summary.met ? 'objectives met' : 'objectives missed'}`;
  const verdicts = verdictsOf(summary).map(
    ([, text = ''], index) => `<li class="${summary.objectives[index]?.met ? 'met' : 'missed'}">${escaped(text)}</li>`,
  );
  const charts = chartsOf(summary).map(({ title: name, svg }) => `<h2>${escaped(name)}</h2>\n<figure>${svg}</figure>`);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${title}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${title}</h1>
<ul>${verdicts.join('')}</ul>
<table class="times"><thead>${row(TIMES_HEAD, 'th')}</thead><tbody>${timesOf(summary)
    .map((cells) => row(cells))
    .join('')}</tbody></table>
<table><tbody>${factsOf(summary)
    .map((cells) => row(cells))
    .join('')}</tbody></table>
${notesOf(summary)
  .map((note) => `<p>${escaped(note)}</p>`)
  .join('\n')}
${charts.join('\n')}
</body>
</html>
`;
}
