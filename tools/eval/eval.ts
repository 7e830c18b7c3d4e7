import { existsSync, writeFileSync } from 'node:fs';
import type { Labelled } from '../train-router/labelled-data.js';
import { readOptions, runCommand } from '../command.js';
import { DEFAULT_DATA, readLabelled } from '../train-router/labelled-data.js';
import { quality } from '../train-router/routing-metrics.js';
import { apgrInterval } from './bootstrap.js';
import { qualityPicture } from './quality-picture.js';
import type { RouterRow } from './routers.js';
import { routersOf } from './routers.js';
import { flips, latency } from './stability.js';

const PICTURE = 'docs/routing-quality.svg';
/** Its labels are an artefact of the answer format (README of the data). */
const DEFECTIVE = 'high_school_mathematics';

interface Group {
  readonly name: string;
  readonly rows: readonly number[];
}

function groupsOf(data: readonly Labelled[]): Group[] {
  const where = (name: string, keep: (row: Labelled) => boolean): Group => ({
    name,
    rows: [...data.keys()].filter((i) => keep(data[i]!)),
  });
  const names = [...new Set(data.map(({ benchmark }) => benchmark))];
  return [
    ...names.map((name) => where(name, ({ benchmark }) => benchmark === name)),
    where('mmlu without its defective subject', (row) => row.benchmark === 'mmlu' && row.category !== DEFECTIVE),
  ];
}

function printRouter(
  { name, sawLabels, scores }: RouterRow,
  groups: readonly Group[],
  data: readonly Labelled[],
): void {
  console.log(`\n${name} (labels of the benchmark: ${sawLabels})`);
  const means: number[] = [];
  for (const group of groups) {
    const outcomes = group.rows.map((i) => data[i]!);
    const own = group.rows.map((i) => scores[i]!);
    const { apgr, cpt50, cpt80 } = quality(outcomes, own);
    const [low, high] = apgrInterval(outcomes, own);
    if (!group.name.includes(' ')) means.push(apgr);
    console.log(
      `  ${group.name.padEnd(36)} APGR ${apgr.toFixed(3)} [${low.toFixed(3)}, ${high.toFixed(3)}]` +
        `  CPT50 ${cpt50.toFixed(1)}  CPT80 ${cpt80.toFixed(1)}`,
    );
  }
  console.log(`  mean of ${means.length} benchmarks: ${(means.reduce((a, b) => a + b, 0) / means.length).toFixed(4)}`);
}

const USAGE = `Usage: npm run eval -- [options]: routing quality, every row scored by artefacts that have not seen it
  --data <directory>   the labelled queries, *.jsonl.gz (default ${DEFAULT_DATA})
  --seed <n>           default 7`;

function evaluate(): void {
  const values = readOptions({
    data: { type: 'string', default: DEFAULT_DATA },
    seed: { type: 'string', default: '7' },
  });
  const data = readLabelled(values.data);
  const groups = groupsOf(data);
  const speed = latency(data);
  const { rows, byFold } = routersOf(data, Number(values.seed));
  for (const row of rows) printRouter(row, groups, data);
  console.log('\ndecisions that flip when the prompt is perturbed');
  const flipped = flips(data, byFold);
  for (const [kind, share] of flipped) console.log(`  ${kind.padEnd(12)} ${(share * 100).toFixed(1)} %`);
  const mean = [...flipped.values()].reduce((a, b) => a + b, 0) / flipped.size;
  console.log(`  mean         ${(mean * 100).toFixed(1)} %`);
  console.log(
    `\nscore and explanation: p50 ${speed.p50.toFixed(0)} us, p99 ${speed.p99.toFixed(0)} us, ` +
      `a 32 kB prompt ${speed.of32kB.toFixed(0)} us`,
  );
  if (!existsSync('docs')) return;
  const benchmarks = groups.filter(({ name }) => !name.includes(' ')).map((group) => group.rows);
  writeFileSync(PICTURE, qualityPicture(rows, benchmarks, data));
  console.log(`picture: ${PICTURE}`);
}

await runCommand(USAGE, evaluate);
