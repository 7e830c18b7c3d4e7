import { createInterface } from 'node:readline';
import type { Writable } from 'node:stream';
import { once } from 'node:events';
import { LearnedScorer } from '../src/modules/router/learned/learned-scorer.js';
import { shippedArtefact } from '../src/modules/router/learned/routing-artefact.js';
import { promptOf } from '../src/modules/router/prompt.js';

/** As `strongShare` by default: the two fifths that need it most are `strong`. */
const DEFAULT_SHARE = 0.4;
const FLUSH_CHARACTERS = 64 * 1024;

/**
 * `npm run -s score`: JSON Lines `{"id","prompt"}` in, `{"id","score","target"}` out, in order, by the scorer of the
 * strategy `learned`. `target` is `strong` or `weak` at the calibrated threshold. A line that is not such an object
 * gets `{"id", "error"}`.
 */
async function scoreLines(output: Writable): Promise<void> {
  const scorer = new LearnedScorer(shippedArtefact());
  let pending = '';
  for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
    if (line.trim() === '') continue;
    pending += `${JSON.stringify(scored(line, scorer))}\n`;
    if (pending.length < FLUSH_CHARACTERS) continue;
    if (!output.write(pending)) await once(output, 'drain');
    pending = '';
  }
  output.write(pending);
}

function scored(line: string, scorer: LearnedScorer): object {
  let row: { id?: unknown; prompt?: unknown } | null;
  try {
    row = JSON.parse(line) as typeof row;
  } catch {
    return { id: null, error: 'the line is not JSON; expected {"id","prompt"}' };
  }
  const id = row?.id ?? null;
  if (typeof row?.prompt !== 'string') return { id, error: 'prompt must be a string' };
  const score = scorer.scoreOf(promptOf(row.prompt));
  return { id, score, target: score >= 1 - DEFAULT_SHARE ? 'strong' : 'weak' };
}

await scoreLines(process.stdout);
