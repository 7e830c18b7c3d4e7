import { PANEL_HEIGHT, PANEL_WIDTH } from './panel-picture.js';

/** A panel as SVG, or the title of a row of them. */
export type Drawn = { readonly panel: string } | { readonly row: string };

const COLUMNS = 3;
const GAP = 8;
const TITLE_HEIGHT = 44;
const ROW_HEIGHT = 30;
const WIDTH = COLUMNS * PANEL_WIDTH + (COLUMNS + 1) * GAP;

const text = (x: number, y: number, size: number, words: string): string =>
  `<text x="${x}" y="${y}" font-family="sans-serif" font-size="${size}" font-weight="bold" fill="#222">${words}</text>`;

/** All panels on one page, three beside each other. */
export function pageOf(title: string, drawn: readonly Drawn[]): string {
  const parts: string[] = [text(GAP, 28, 20, title)];
  let [y, column] = [TITLE_HEIGHT, 0];
  const endLine = () => {
    if (column > 0) y += PANEL_HEIGHT + GAP;
    column = 0;
  };
  for (const one of drawn) {
    if ('row' in one) {
      endLine();
      parts.push(text(GAP, y + 20, 15, one.row));
      y += ROW_HEIGHT;
      continue;
    }
    if (column === COLUMNS) endLine();
    const x = GAP + column * (PANEL_WIDTH + GAP);
    parts.push(`<rect x="${x}" y="${y}" width="${PANEL_WIDTH}" height="${PANEL_HEIGHT}" fill="#fff" stroke="#ddd"/>`);
    parts.push(one.panel.replace('<svg ', `<svg x="${x}" y="${y}" `));
    column += 1;
  }
  endLine();
  const size = `width="${WIDTH}" height="${y + GAP}" viewBox="0 0 ${WIDTH} ${y + GAP}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" ${size}>
<rect width="100%" height="100%" fill="#f6f7f8"/>
${parts.join('\n')}
</svg>
`;
}
