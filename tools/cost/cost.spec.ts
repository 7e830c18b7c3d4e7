import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { UsageError } from '../command.js';
import { DEFAULTS, readAsked, USAGE } from './options.js';
import type { Report } from './report.js';

function run(...args: string[]): { code: number | null; out: string; err: string } {
  const line = ['tools/run.mjs', 'tools/cost/cost.ts', ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, line, { encoding: 'utf8' });
  return { code: status, out: stdout, err: stderr };
}

const refused = (...args: string[]): string => {
  try {
    readAsked(args);
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
  return 'accepted';
};

describe('npm run cost', () => {
  it('--json prints the four fields and nothing else, the same each time', () => {
    const [first, second] = [run('--json', '--users', '50'), run('--users=50', '--json')];
    expect(first).toMatchObject({ code: 0, err: '' });
    expect(second.out).toBe(first.out);
    const report = JSON.parse(first.out) as Report;
    expect(Object.keys(report)).toEqual(['total_usd', 'parts', 'assumptions', 'levers']);
    expect(report.parts.every((part) => Object.keys(part).join() === 'name,usd')).toBe(true);
    expect(report.levers.every((lever) => Object.keys(lever).join() === 'name,saves_usd,how')).toBe(true);
    expect(report.assumptions).toMatchObject({
      date: expect.stringMatching(/^\d{4}-\d{2}-\d{2}$/) as string,
      workload: { users: 50, cache_hit: DEFAULTS.cacheHit },
      break_even: [{ machine: expect.any(String) as string }, {}],
    });
    const sum = report.parts.reduce((cents, { usd }) => cents + Math.round(usd * 100), 0);
    expect(Math.round(report.total_usd * 100)).toBe(sum);
  });

  it('text has what every option is, every part, and the prices that nothing confirms', () => {
    const { out } = run();
    const { parts, assumptions } = JSON.parse(run('--json').out) as Report;
    for (const { name } of parts) expect(out).toContain(`\n  ${name} `);
    for (const [name, value] of Object.entries(assumptions.workload)) {
      expect(out).toMatch(new RegExp(`\n  ${name.replaceAll('_', '-')} +${value}\n`));
    }
    const unconfirmed = assumptions.azure_prices.filter(({ confirmed }) => !confirmed);
    expect(unconfirmed.length).toBeGreaterThan(0);
    for (const { name } of unconfirmed) expect(out).toContain(String(name));
  });

  it('has a default for every option, and --help tells it', () => {
    expect(readAsked([])).toEqual({ workload: DEFAULTS, json: false });
    for (const value of Object.values(DEFAULTS)) expect(USAGE).toContain(`(default ${value})`);
  });

  it.each([
    [['--users=-5'], '--users takes a whole number from 0 to 10000000, not "-5"'],
    [['--users', '1.5'], '--users takes a whole number'],
    [['--users', '1e30'], '--users takes a whole number from 0 to 10000000, not "1e30"'],
    [['--requests', 'NaN'], '--requests takes a number from 0 to 100000, not "NaN"'],
    [['--requests', 'Infinity'], '--requests takes a number'],
    [['--prompt-tokens', '12k'], '--prompt-tokens takes a whole number'],
    [['--answer-tokens='], '--answer-tokens takes a whole number from 0 to 1000000, not ""'],
    [['--cache-hit', '20'], '--cache-hit takes a number from 0 to 1, not "20"'],
    [['--strong-share='], '--strong-share takes a number from 0 to 1, not ""'],
    [['--strong-share', ' '], '--strong-share takes a number from 0 to 1, not " "'],
    [['--provider-cached', '1.01'], '--provider-cached takes a number from 0 to 1'],
    [['--trace-ratio', 'half'], '--trace-ratio takes a number from 0 to 1'],
    [['--regions', '3'], '--regions takes 1 or 2, not "3"'],
    [['--environment', 'Prod'], '--environment takes dev, staging, prod, not "Prod"'],
    [['--small-model', 'gpt-99'], '--small-model takes a model of Azure OpenAI'],
    [['--strong-model='], '--strong-model takes a model of Azure OpenAI'],
    [['--cache', '0.5'], "Unknown option '--cache'"],
    [['50'], "Unexpected argument '50'"],
  ])('%j is refused by name', (args, problem) => {
    expect(refused(...args)).toContain(problem);
  });
});

describe('docs/COST.md', () => {
  const text = readFileSync('docs/COST.md', 'utf8');
  const examples = [...text.matchAll(/```console\n\$ npm run -s cost --(.*)\n([^]*?)```/g)].map(
    ([, args, printed]) => [args!.trim(), printed!] as const,
  );

  it('has worked examples', () => expect(examples.length).toBeGreaterThanOrEqual(2));

  it.each(examples)('example "%s" is what the command prints', (args, printed) => {
    expect(run(...args.split(' ').filter((arg) => arg !== ''))).toEqual({ code: 0, out: printed, err: '' });
  });
});
