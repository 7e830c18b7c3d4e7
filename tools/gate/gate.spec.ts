import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { MADE_SAMPLES, textOf } from './made-samples.js';
import type { Decision } from './decide.js';
import type { Sample } from './samples.js';

const FOLDER = join('tools', 'gate', 'samples');
const COMPARED = ['--old', 'router--abc', '--new', 'router--abc-2', '--since', '2026-01-12T10:00:00Z'];

function gate(args: readonly string[], input = ''): { code: number | null; out: string; err: string } {
  const line = ['tools/run.mjs', 'tools/gate/gate.ts', ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, line, { encoding: 'utf8', input });
  return { code: status, out: stdout, err: stderr };
}

const decisionOf = (out: string): Decision => JSON.parse(out) as Decision;

const EXPECTED: Readonly<Record<string, [Decision['decision'], number, RegExp]>> = {
  good: ['promote', 0, /no worse/],
  better: ['promote', 0, /0\.84 % of its requests fail \(old 12/],
  slow: ['rollback', 3, /slower/],
  failing: ['rollback', 3, /fails more/],
  refusing: ['rollback', 3, /refuses more: \d+\.\d+ % of its requests, the old one [12]\./],
  dearer: ['rollback', 3, /dearer/],
  'failing-at-once': ['rollback', 3, /100\.00 % of its requests/],
  'after-five-minutes': ['hold', 1, /5 of 15 minutes/],
  'no-data': ['hold', 1, /neither/],
  'no-traffic': ['hold', 1, /the new revision has had no request/i],
  'only-new': ['hold', 1, /the old revision has had no request/i],
  'too-little-traffic': ['hold', 1, /too little traffic/i],
  'old-as-bad': ['promote', 0, /beyond its limits: error rate of both revisions above 5 %/],
  'both-down': ['hold', 1, /more than half/i],
  'one-bad-minute': ['hold', 1, /may fail up to/],
  'provider-outage': ['promote', 0, /no worse/],
  gaps: ['rollback', 3, /answers to nobody: .+ 7 minutes/],
  silent: ['rollback', 3, /answers to nobody: .+ 6 minutes/],
  'cost-unknown': ['hold', 1, /cost per request of both is known in only 0 minutes/],
  'no-prices': ['promote', 0, /was not judged/],
};

describe('npm run gate', () => {
  it('has an expectation for each file of samples, which are those that are made', () => {
    const files = readdirSync(FOLDER).filter((file) => file !== 'az-rows.json');
    expect(files.sort()).toEqual(
      Object.keys(EXPECTED)
        .map((name) => `${name}.json`)
        .sort(),
    );
    for (const [name, samples] of Object.entries(MADE_SAMPLES))
      expect(readFileSync(join(FOLDER, `${name}.json`), 'utf8')).toBe(textOf(samples));
  });

  it.each(Object.entries(EXPECTED))('%s', (name, [decision, exit, reason]) => {
    const { code, out, err } = gate(['--samples', join(FOLDER, `${name}.json`)]);
    expect({ code, err }).toEqual({ code: exit, err: '' });
    expect(out.trimEnd().split('\n')).toHaveLength(1);
    expect(decisionOf(out)).toMatchObject({ decision, reason: expect.stringMatching(reason) });
  });

  it('misses the requests that the weight should have brought, from the option or from the samples', () => {
    const file = join(FOLDER, 'good.json');
    expect(gate(['--samples', file, '--weight', '10']).code).toBe(0);
    const { code, out } = gate(['--samples', file, '--weight', '40']);
    expect({ code, ...decisionOf(out) }).toMatchObject({ code: 3, reason: expect.stringContaining('loses requests') });
    expect(gate([], JSON.stringify({ ...MADE_SAMPLES.good, weight: 40 })).out).toBe(out);
  });

  it('takes at most 10,000 entries of a side, also where all are of one minute', () => {
    const entries = (count: number) => JSON.stringify({ old: [], new: Array.from({ length: count }, () => one) });
    expect(gate([], entries(10_000)).code).toBe(1);
    const { code, err } = gate([], entries(130_000));
    expect(code).toBe(2);
    expect(err.split('\n')[0]).toBe(
      'standard input: new: has more than 10000 entries; give the minutes of one release',
    );
  });

  it('a crash is no "hold"', () => {
    const folder = mkdtempSync(join(tmpdir(), 'router-gate-'));
    mkdirSync(join(folder, 'infra', 'gate'), { recursive: true });
    writeFileSync(join(folder, 'infra', 'gate', 'samples.kql'), 'AppTraces');
    const line = [resolve('tools/run.mjs'), resolve('tools/gate/gate.ts'), '--query', ...COMPARED];
    const { status, stderr } = spawnSync(process.execPath, line, { encoding: 'utf8', cwd: folder });
    rmSync(folder, { recursive: true });
    expect(stderr).toContain('has no line "let old_revision');
    expect(status).toBe(2);
  });

  it('reads standard input, and says what it takes', () => {
    const text = readFileSync(join(FOLDER, 'good.json'), 'utf8');
    expect(gate([], text).out).toBe(gate(['--samples', join(FOLDER, 'good.json')]).out);
    const { code, out } = gate(['--help']);
    expect(code).toBe(0);
    expect(out).toMatch(/^Usage: npm run gate -- [^]+0 promote; 1 hold[^]+3 rollback/);
  });

  const one = { at: '2026-01-12T10:00:00Z', requests: 10, errors: 1, p95_ms: 800, cost_usd: 0.01 };
  it.each<[string, string]>([
    ['', 'standard input: is empty; expected JSON'],
    ['{"old":NaN', 'standard input: is no JSON'],
    ['[]', 'standard input: must be {"old":[...],"new":[...]}'],
    ['{"old":[]}', 'standard input: new: must be a list of minutes; [] where there is none'],
    [withOne({ requests: -1 }), 'new[0].requests: must be a whole number, 0 or more'],
    [withOne({ requests: 1.5 }), 'new[0].requests: must be a whole number, 0 or more'],
    [withOne({ errors: 11 }), 'new[0].errors: must not be more than "requests"'],
    [withOne({ p95_ms: '800' }), 'new[0].p95_ms: must be a number, 0 or more, or null'],
    [withOne({ cost_usd: -1 }), 'new[0].cost_usd: must be 0 or more'],
    [withOne({ refused: -1 }), 'new[0].refused: must be a whole number, 0 or more'],
    [withOne({ cost_usd: 1e308 }), 'new[0].cost_usd: must be at most 1000000'],
    [withOne({ p95_ms: 1e300 }), 'new[0].p95_ms: must be at most 86400000'],
    [withOne({ requests: 1e15 }), 'new[0].requests: must be at most 1000000000'],
    [withOne({ at: 'yesterday' }), 'new[0].at: must be a time such as "2026-11-27T10:00:00Z"'],
  ])('%j is refused: %s', (input, problem) => {
    const { code, out, err } = gate([], input);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err.split('\n')[0]).toContain(problem);
    expect(err).not.toContain('    at ');
  });
  function withOne(change: object): string {
    return JSON.stringify({ old: [], new: [{ ...one, ...change }] });
  }

  it.each<[string[], string]>([
    [['--samples', '/nowhere.json'], '/nowhere.json: cannot be read or written (ENOENT)'],
    [['--query'], '--old takes the name of a revision such as router--abc123, not ""'],
    [['--query', ...COMPARED, '--old', 'router--a";x'], 'not "router--a";x"'],
    [['--query', ...COMPARED, '--new', 'router--abc'], '--old and --new are the same revision'],
    [['--query', ...COMPARED, '--since', '2026-01-12'], '--since takes a time with its zone'],
    [['--query', ...COMPARED, '--since', '2026-13-12T10:00:00Z'], '--since takes a time with its zone'],
    [['--query', '--samples', 'x.json'], '--samples and --query: one at a time'],
    [['--samples', join(FOLDER, 'good.json'), '--weight', '100'], '--weight "100": must be the percentage'],
    [['--samples', join(FOLDER, 'good.json'), '--weight', ''], '--weight "": must be the percentage'],
    [['--samples', 'x.json', '--old', 'a--b'], '--old goes with --rows or --query'],
  ])('%j is refused: %s', (args, problem) => {
    const { code, out, err } = gate(args);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err.split('\n')[0]).toContain(problem);
  });
});

describe('npm run gate with what az printed', () => {
  const FILE = join(FOLDER, 'az-rows.json');
  let folder: string;
  beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'router-gate-'))));
  afterAll(() => rmSync(folder, { recursive: true }));
  const withText = (text: string) => {
    const file = join(folder, 'rows.json');
    writeFileSync(file, text);
    return gate(['--rows', file, ...COMPARED]);
  };

  it('decides as with the same samples', () => {
    const { code, out, err } = gate(['--rows', FILE, ...COMPARED]);
    expect({ code, err }).toEqual({ code: 3, err: '' });
    const samples = gate(['--samples', join(FOLDER, 'slow.json')]);
    expect(decisionOf(out)).toEqual(decisionOf(samples.out));
  });

  it('leaves out what was before the new revision had its weight', () => {
    const late = [...COMPARED.slice(0, -1), '2026-01-12T10:09:30Z'];
    expect(decisionOf(gate(['--rows', FILE, ...late]).out).figures.minutes).toBe(5);
  });

  it('takes no rows for no data, and "None" for what is not known', () => {
    expect(decisionOf(withText('[]').out)).toMatchObject({
      decision: 'hold',
      reason: expect.stringContaining('No data'),
    });
    const rows = JSON.parse(readFileSync(FILE, 'utf8')) as Record<keyof Sample | 'revision', string>[];
    const unknown = rows.map((row) => ({ ...row, cost_usd: 'None' }));
    expect(decisionOf(withText(JSON.stringify(unknown)).out).figures.cost).toBeNull();
  });

  it.each([
    ['{"tables":[]}', 'must be a list of rows, as `az monitor log-analytics query -o json` prints them'],
    ['[{"revision":"router--abc"}]', 'row 0, at: must be text'],
    [row({ requests: 'many' }), 'requests: must be a whole number'],
    [row({ requests: '' }), 'requests: must be a whole number'],
    [row({ refused: 'None' }), 'refused: must be a whole number'],
    [row({ p95_ms: 'NaN' }), 'p95_ms: must be a number'],
    [row({ revision: 'router--x' }), 'has rows of "router--x"; --old and --new must be those of its query'],
  ])('%s is refused: %s', (text, problem) => {
    const { code, out, err } = withText(text);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err.split('\n')[0]).toContain(problem);
  });
  function row(change: object): string {
    const good = { requests: '1', errors: '0', p95_ms: '5.0', cost_usd: '0.1' };
    return JSON.stringify([{ revision: 'router--abc', at: '2026-01-12T10:00:00Z', ...good, ...change }]);
  }

  it('prints its query on one line, with the parameters in it', () => {
    const { code, out } = gate(['--query', ...COMPARED]);
    expect(code).toBe(0);
    expect(out.trimEnd().split('\n')).toHaveLength(1);
    expect(out).toMatch(
      /^let old_revision = "router--abc"; let new_revision = "router--abc-2"; let since = datetime\(2026-01-12T10:00:00.000Z\); AppTraces /,
    );
    expect(out).not.toContain('//');
  });
});
