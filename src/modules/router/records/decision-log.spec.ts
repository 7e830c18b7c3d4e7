import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { DecisionLog } from './decision-log.js';

const before = process.env['ROUTER_DATA_DIR'];
let folder: string;
let log: DecisionLog;

const entry = (n: number) => ({ type: 'decision', n, request_id: `r-${n}`, tenant: 'é€😀', user: 'u'.repeat(400) });

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'decisions-'));
  process.env['ROUTER_DATA_DIR'] = folder;
  log = new DecisionLog();
});

afterEach(async () => {
  await log.onApplicationShutdown();
  rmSync(folder, { recursive: true });
  if (before === undefined) delete process.env['ROUTER_DATA_DIR'];
  else process.env['ROUTER_DATA_DIR'] = before;
});

describe('the decision log', () => {
  it('has every line once and in order, while some are written and others come', async () => {
    for (let n = 0; n < 3_000; n += 1) {
      log.append(entry(n));
      if (n % 50 === 0) await turn();
    }
    await log.flush();
    const lines = readFileSync(join(folder, 'decisions.jsonl'), 'utf8').trimEnd().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as { n: number }).n)).toEqual(
      Array.from({ length: 3_000 }, (_, n) => n),
    );
    expect(await log.has({ tenant: 'é€😀', user: 'u'.repeat(400) }, 'r-2999')).toBe(true);
    expect(await log.has({ tenant: 'é€😀', user: 'v' }, 'r-2999')).toBe(false);
  });

  it('writes before a second is over where there is much, and holds 8 MiB at most for a disk that takes nothing', async () => {
    for (let n = 0; n < 30_000; n += 1) log.append(entry(n)); // 15 MB in one turn
    await log.flush();
    const lines = readFileSync(join(folder, 'decisions.jsonl'), 'utf8').trimEnd().split('\n');
    const numbers = lines.map((line) => (JSON.parse(line) as { n: number }).n);
    expect(numbers.length).toBeGreaterThan(7_000);
    expect(numbers.length).toBeLessThan(20_000);
    expect(numbers).toEqual(Array.from(numbers, (_, i) => 30_000 - numbers.length + i)); // the newest, and none is missing
  });

  it('goes on after a disk that refused', async () => {
    process.env['ROUTER_DATA_DIR'] = join(folder, 'file');
    writeFileSync(join(folder, 'file'), '');
    const refused = new DecisionLog();
    refused.append(entry(1));
    await refused.flush();
    rmSync(join(folder, 'file'));
    refused.append(entry(2));
    await refused.flush();
    expect(readFileSync(join(folder, 'file', 'decisions.jsonl'), 'utf8')).toBe(`${JSON.stringify(entry(2))}\n`);
  });

  it('ends a line that a crash has torn, and reads what stands around it', async () => {
    const file = join(folder, 'decisions.jsonl');
    writeFileSync(file, `${JSON.stringify(entry(1))}\n${JSON.stringify(entry(2)).slice(0, 60)}`);
    log.append(entry(3));
    await log.flush();
    log.append(entry(4));
    await log.flush();
    const whole = readFileSync(file, 'utf8').trimEnd().split('\n');
    expect(whole.map((line) => line.length > 60)).toEqual([true, false, true, true]);
    const owner = { tenant: 'é€😀', user: 'u'.repeat(400) };
    const known = await Promise.all([1, 2, 3, 4].map((n) => log.has(owner, `r-${n}`)));
    expect(known).toEqual([true, false, true, true]);
  });
});
