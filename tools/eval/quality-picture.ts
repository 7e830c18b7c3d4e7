import { quality, type Outcome } from '../train-router/routing-metrics.js';
import type { RouterRow } from './routers.js';

const COLOURS = ['#0b6e4f', '#2a9d8f', '#e76f51', '#8a5a9e', '#577590', '#999999'];
const LEFT = 60;
const TOP = 40;
const SIDE = 400;

/** Quality against strong share, one curve per router, as SVG: the mean of the benchmarks' recovered gap. */
export function qualityPicture(
  rows: readonly RouterRow[],
  groups: readonly (readonly number[])[],
  all: readonly Outcome[],
): string {
  const x = (share: number) => LEFT + share * SIDE;
  const y = (gain: number) => TOP + SIDE - Math.min(1.1, Math.max(0, gain)) * (SIDE / 1.1);
  const lines = rows.map(({ name, scores }, k) => {
    const curves = groups.map(
      (group) =>
        quality(
          group.map((i) => all[i]!),
          group.map((i) => scores[i]!),
        ).curve,
    );
    const points = curves[0]!.map((_, q) => {
      const mean = curves.reduce((sum, curve) => sum + curve[q]!, 0) / curves.length;
      return `${x(q / 10).toFixed(1)},${y(mean).toFixed(1)}`;
    });
    return (
      `<polyline points="${points.join(' ')}" fill="none" stroke="${COLOURS[k % COLOURS.length]}" stroke-width="2"/>` +
      `<text x="${LEFT + SIDE + 16}" y="${TOP + 20 + k * 22}" fill="${COLOURS[k % COLOURS.length]}">${name}</text>`
    );
  });
  const ticks = [0, 0.25, 0.5, 0.75, 1].map(
    (at) =>
      `<text x="${x(at)}" y="${TOP + SIDE + 20}" text-anchor="middle">${at * 100} %</text>` +
      `<text x="${LEFT - 8}" y="${y(at) + 4}" text-anchor="end">${at * 100} %</text>` +
      `<line x1="${LEFT}" x2="${LEFT + SIDE}" y1="${y(at)}" y2="${y(at)}" stroke="#ddd"/>`,
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="720" height="500" font-family="sans-serif" font-size="13">`,
    '<rect width="720" height="500" fill="white"/>',
    `<text x="${LEFT}" y="24" font-size="15">Recovered quality gap against the share of strong calls (mean of the benchmarks)</text>`,
    ...ticks,
    ...lines,
    `<text x="${LEFT + SIDE / 2}" y="${TOP + SIDE + 42}" text-anchor="middle">strong share</text>`,
    '</svg>\n',
  ].join('\n');
}
