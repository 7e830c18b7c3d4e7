import { spawnSync } from 'node:child_process';
import { hash } from 'node:crypto';
import { parse } from 'yaml';
import { routerConfigSchema } from '../src/common/config/config.schema.js';
import { redact } from '../src/common/logging/redact.js';
import type { RouterConfigInput } from '../test/support/router-process.js';

function run(...args: string[]): { code: number | null; out: string; err: string } {
  const [tool = ''] = args;
  const line = tool.endsWith('.mjs') ? args : ['tools/run.mjs', ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, line, { encoding: 'utf8' });
  return { code: status, out: stdout, err: stderr };
}

const TOOLS = [
  'bench/run.ts',
  'tools/eval/eval.ts',
  'tools/train-router/train.ts',
  'tools/whatif.ts',
  'tools/cost/cost.ts',
  'tools/loadtest/loadtest.ts',
  'tools/new-key.ts',
  'tools/openapi.ts',
  'tools/fuzz/fuzz.ts',
  'tools/gate/gate.ts',
  'tools/prices/update.ts',
  'tools/sbom.mjs',
  'src/common/config/check-config.ts',
];

describe('the commands of the repository', () => {
  it.each(TOOLS)('%s says what it takes', (tool) => {
    const { code, out, err } = run(tool, '--help');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/^Usage: npm run [\w:-]+ -- /);
  });

  it.each([
    [['bench/run.ts', '--only', 'nonsense'], '--only nonsense: there is no such row'],
    [['bench/run.ts', '--minutes', '-5'], "'--minutes' argument is ambiguous"],
    [['tools/eval/eval.ts', '--nope'], "Unknown option '--nope'"],
    [['tools/train-router/train.ts', '--data', '/nowhere'], 'No labelled queries (*.jsonl.gz) in /nowhere'],
    [['tools/whatif.ts', '--log', '/nowhere/log'], '/nowhere/log: cannot be read or written (ENOENT)'],
    [['tools/whatif.ts', '--log', 'tools'], 'is a directory'],
    [['tools/whatif.ts', '--log', 'README.md'], 'README.md, line 1: is no JSON'],
    [['tools/cost/cost.ts', '--strong-share='], '--strong-share takes a number from 0 to 1, not ""'],
    [['tools/cost/cost.ts', '--users', '-5'], "'--users' argument is ambiguous"],
    [['tools/new-key.ts', '--scopes', 'chat,root'], '--scopes[1]: '],
    [['tools/new-key.ts', '--tenant', 'a b'], '--tenant: use 1 to 128 of the characters'],
    [['tools/fuzz/fuzz.ts', '--seconds', '0'], '--seconds takes a whole number from 1 to 86400, not "0"'],
    [['tools/fuzz/fuzz.ts', '--url', 'localhost'], '--url takes an address such as http://127.0.0.1:8080'],
    [['tools/prices/update.ts', '--nope'], "Unknown option '--nope'"],
    [['tools/prices/update.ts', '--date', 'today'], 'say so with --date YYYY-MM-DD'],
    [['tools/sbom.mjs', '--nope'], '--nope is no option'],
    [['tools/sbom.mjs', 'a.json', 'b.json'], 'one file is enough'],
    [['src/common/config/check-config.ts', '--nope'], '--nope is no option'],
    [['src/common/config/check-config.ts', 'a.yaml', 'b.yaml'], 'one file at a time'],
    [['tools/check-infra/check-infra.ts', '--bogus'], "Unknown option '--bogus'"],
    [['tools/loadtest/loadtest.ts', '--users', 'many'], '--users takes a whole number from 1 to 10000, not "many"'],
  ])('%j names what is wrong, and the cure', (args, problem) => {
    const { code, out, err } = run(...args);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain(problem);
    expect(err).toContain('Usage: npm run ');
    expect(err).not.toContain('    at ');
  });

  it('says what is not there without all that it could take', () => {
    expect(run('tools/loadtest/loadtest.ts', '--url', 'http://127.0.0.1:9')).toEqual({
      ...{ code: 2, out: '' },
      err: 'nothing answers at http://127.0.0.1:9 (ECONNREFUSED): start the service, or say with --url where it is\n',
    });
  });

  it('key:new makes a key that its lines let in, another one each time', () => {
    const made = [1, 2].map(
      () => run('tools/new-key.ts', '--id', 'alice', '--tenant', 'acme', '--scopes', 'chat,admin').out,
    );
    const [first, second] = made.map((text) => /hlr_[0-9a-f]{64}/.exec(text)?.[0] ?? '');
    expect(first).not.toBe(second);
    const { auth } = parse(made[0]!.slice(made[0]!.indexOf('auth:'))) as RouterConfigInput;
    expect(routerConfigSchema.safeParse({ auth }).success).toBe(true);
    expect(auth?.keys?.[0]).toEqual({
      ...{ id: 'alice', tenant: 'acme', user: 'alice', scopes: ['chat', 'admin'] },
      sha256: hash('sha256', first!),
    });
    expect(made[0]!.split(first!)).toHaveLength(2);
    expect(redact(`the key is ${first}.`)).toBe('the key is [redacted].');
  });

  it('config:check looks at the file that it is given', () => {
    const check = 'src/common/config/check-config.ts';
    expect(run(check, 'router.config.example.yaml')).toMatchObject({
      code: 0,
      out: expect.stringContaining('example'),
    });
    expect(run(check, 'nosuch.yaml')).toMatchObject({
      code: 1,
      err: expect.stringContaining('nosuch.yaml: no such file'),
    });
  });
});
