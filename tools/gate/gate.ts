// npm run gate: what to do with a new revision that has a part of the traffic (docs/RELEASE.md, "The gate").
import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { readOptions, runCommand, UsageError } from '../command.js';
import { decide, WATCH_MINUTES, type Decision } from './decide.js';
import { queryFor, readCompared } from './query.js';
import { samplesFromRows } from './rows.js';
import { checkedSamples, jsonOf, readWeight, type Samples } from './samples.js';

const USAGE = `Usage: npm run gate -- [options]: is a new revision as good as the old one?
  --samples <file>     {"old":[...],"new":[...]} of {"at","requests","errors","p95_ms","cost_usd"}, one a minute
                       (default: standard input); p95_ms and cost_usd are null where they are not known; "refused" (4xx,
                       not among the requests) may be there, too
  --rows <file>        instead: what \`az monitor log-analytics query -o json\` printed of the gate's query; with --old, --new, --since
  --query              prints that query and decides nothing; with --old, --new, --since
  --old, --new <name>  names of the two revisions, such as router--abc123
  --weight <percent>   of the traffic that the new one gets, such as 10 (default: "weight" of the samples; without one
                       requests that it should have had and did not get are missed only where a whole minute is empty)
  --since <time>       from when on the new one had its weight, such as 2026-11-27T10:00:00Z
Prints {"decision","reason","figures"} on one line.
Exit code: 0 promote; 1 hold: not known yet, ask again after a minute, and go back when it still holds some minutes after
minute ${WATCH_MINUTES}; 3 rollback: now; 2 something is wrong with what was asked.`;

const EXIT_CODES: Readonly<Record<Decision['decision'], number>> = { promote: 0, hold: 1, rollback: 3 };
/** 1 is for "hold", and Node's own for a crash. */
const WRONG = 2;
const OPTIONS = {
  samples: { type: 'string' },
  rows: { type: 'string' },
  query: { type: 'boolean', default: false },
  old: { type: 'string' },
  new: { type: 'string' },
  since: { type: 'string' },
  weight: { type: 'string' },
} as const;

type Values = ReturnType<typeof readOptions<typeof OPTIONS>>;

async function samplesOf(values: Values): Promise<Samples> {
  const { samples: file, rows } = values;
  if (rows !== undefined) {
    const compared = readCompared(values);
    return samplesFromRows(jsonOf(readFileSync(rows, 'utf8'), rows), compared, rows);
  }
  const source = file ?? 'standard input';
  if (file === undefined && process.stdin.isTTY)
    throw new UsageError('no samples: name a file with --samples, or pipe them in');
  const content = file === undefined ? await text(process.stdin) : readFileSync(file, 'utf8');
  return checkedSamples(jsonOf(content, source), source);
}

await runCommand(USAGE, async () => {
  const values = readOptions(OPTIONS);
  const sources = ['samples', 'rows', 'query'].filter((name) => values[name as 'samples' | 'rows' | 'query']);
  if (sources.length > 1) throw new UsageError(`--${sources.join(' and --')}: one at a time`);
  if (!values.query && values.rows === undefined)
    for (const name of ['old', 'new', 'since'] as const)
      if (values[name] !== undefined)
        throw new UsageError(`--${name} goes with --rows or --query; samples need it not`);
  const weight = values.weight === undefined ? {} : { weight: readWeight(values.weight) };
  if (values.query) return console.log(queryFor(readCompared(values)));
  const decision = decide({ ...(await samplesOf(values)), ...weight });
  console.log(JSON.stringify(decision));
  return EXIT_CODES[decision.decision];
}).catch((error: unknown) => {
  console.error(error);
  process.exitCode = WRONG;
});
