import type { ListedRecord } from '../src/modules/telemetry/records/read-records.js';
import type { LearnedRecord } from '../src/modules/telemetry/records/request-record.js';
import { readOptions, runCommand, UsageError } from './command.js';
import { readRecords, RECORD_OPTIONS, RECORD_OPTIONS_USAGE } from './request-records.js';

const USAGE = `Usage: npm run whatif -- [options]: recorded decisions replayed under another policy
${RECORD_OPTIONS_USAGE}
  --strategy <name>    learned, always-strong or always-weak (default learned)
  --strong-share <n>   0 to 1 (default 0.4)`;
/** Rough English average; only relative costs matter here. */
const CHARACTERS_PER_TOKEN = 4;
const ANSWER_TOKENS = 400;

/** The parts of a record that a replay needs. */
interface Recorded extends LearnedRecord {
  readonly columns: readonly number[] | null;
}

interface Outcome {
  readonly share: number;
  /** USD; `null` when a price is unknown. */
  readonly cost: number | null;
}

const decided = (records: readonly ListedRecord[]): Recorded[] =>
  records.flatMap(({ learned, columns }) => (learned ? [{ ...learned, columns }] : []));

function outcomeOf(decisions: readonly Recorded[], strong: readonly boolean[]): Outcome {
  let cost: number | null = 0;
  decisions.forEach(({ columns, weak_price: weak, strong_price: dear }, i) => {
    const price = strong[i] ? dear : weak;
    const prompt = (columns?.[0] ?? 0) / CHARACTERS_PER_TOKEN;
    cost = !price || cost === null ? null : cost + (prompt * price.input + ANSWER_TOKENS * price.output) / 1e6;
  });
  return { share: strong.filter(Boolean).length / decisions.length, cost };
}

/** The highest scores go to the strong side, as many as the share allows. */
function replay(decisions: readonly Recorded[], strategy: string, share: number): boolean[] {
  if (strategy === 'always-strong' || strategy === 'always-weak') {
    return decisions.map(() => strategy === 'always-strong');
  }
  if (strategy !== 'learned') throw new UsageError(`--strategy ${strategy}: there is no such strategy`);
  const order = [...decisions.keys()].sort((a, b) => decisions[b]!.score - decisions[a]!.score);
  const chosen = new Set(order.slice(0, Math.round(share * decisions.length)));
  return decisions.map((_, i) => chosen.has(i));
}

const usd = (cost: number | null): string =>
  cost === null ? 'unknown (a price is missing)' : `${cost.toFixed(4)} USD`;

/** Replays recorded decisions under another policy: what would it have saved? */
async function whatIf(): Promise<void> {
  const values = readOptions({
    ...RECORD_OPTIONS,
    strategy: { type: 'string', default: 'learned' },
    'strong-share': { type: 'string', default: '0.4' },
  });
  const share = Number(values['strong-share']);
  if (!(share >= 0 && share <= 1))
    throw new UsageError(`--strong-share ${values['strong-share']}: must be from 0 to 1`);
  const records = await readRecords(values);
  const decisions = decided(records);
  if (decisions.length === 0)
    throw new UsageError(`none of ${records.length} records has a decision of strategy learned, hybrid or cascade`);
  const before = outcomeOf(
    decisions,
    decisions.map(({ strong }) => strong),
  );
  const strong = replay(decisions, values.strategy, share);
  const after = outcomeOf(decisions, strong);
  const moved = strong.filter((value, i) => value !== decisions[i]!.strong).length;
  const others = records.length - decisions.length;
  console.log(`${decisions.length} decisions${others > 0 ? `; ${others} records without one are left out` : ''}`);
  console.log(`as they were     strong ${(before.share * 100).toFixed(1)} %   about ${usd(before.cost)}`);
  console.log(`${values.strategy.padEnd(16)} strong ${(after.share * 100).toFixed(1)} %   about ${usd(after.cost)}`);
  if (before.cost === 0 && after.cost === 0)
    console.log('costs            both sides are free (`price` of the targets)');
  const saved = before.cost === null || after.cost === null ? null : before.cost - after.cost;
  console.log(`moved            ${((moved / decisions.length) * 100).toFixed(1)} % of the decisions`);
  console.log(
    `saved            ${usd(saved)}${saved && before.cost ? ` (${((saved / before.cost) * 100).toFixed(1)} %)` : ''}`,
  );
}

await runCommand(USAGE, whatIf);
