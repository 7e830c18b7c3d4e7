import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../test/support/free-port.js';
import { startRouter, type RouterApp } from '../test/support/router-app.js';
import { post } from '../test/support/router-calls.js';
import { GENEROUS, keyFor } from '../test/support/router-targets.js';

const QUESTIONS = [
  'hi',
  'What is the capital of France?',
  'Prove that the square root of 2 is irrational, step by step.',
  'Write a quicksort in Rust with generics and explain its complexity.',
  'Thanks!',
];

describe('the commands that read records', () => {
  const folder = mkdtempSync(join(tmpdir(), 'router-whatif-'));
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  let router: RouterApp;
  beforeAll(async () => {
    router = await startRouter({
      targets: [
        { id: 'small', tier: 'local', provider: 'simulated', price: { input: 1, output: 2 } },
        { id: 'large', tier: 'cloud', provider: 'simulated', price: { input: 10, output: 20 } },
      ],
      limits: GENEROUS,
      auth: { keys: [keyFor('chatter'), keyFor('boss', { scopes: ['chat', 'admin'] })] },
    });
  });
  afterAll(async () => {
    await router.close();
    rmSync(folder, { recursive: true });
  });

  /** Not in step: the service that is asked runs in this process. */
  const run = (args: readonly string[], env: Record<string, string> = {}) =>
    new Promise<{ code: unknown; out: string; err: string }>((resolve) => {
      const options = { env: { ...process.env, ...env } };
      execFile(process.execPath, ['tools/run.mjs', ...args], options, (error, out, err) =>
        resolve({ code: error ? error.code : 0, out, err }),
      );
    });
  const whatif = (...args: string[]) => run(['tools/whatif.ts', ...args]);
  const ask = async (n: number, headers: Record<string, string> = {}) => {
    const body = { query: QUESTIONS[n % QUESTIONS.length], max_tokens: 1, strategy: 'learned' };
    const response = await post(`${router.url}/query`, body, { authorization: 'Bearer chatter', ...headers });
    expect(response.status).toBe(200);
  };
  const records = async () => {
    const response = await fetch(`${router.url}/admin/requests?format=jsonl`, {
      headers: { authorization: 'Bearer boss' },
    });
    return response.text();
  };

  it('say what a service without records needs', async () => {
    const { code, err } = await whatif('--url', router.url, '--key', 'boss');
    expect([code, err]).toEqual([2, expect.stringContaining('has no records of requests yet')]);
  });

  it('replay the records of a running service, or of a file with them', async () => {
    for (let n = 0; n < 10; n += 1) await ask(n);
    const served = await whatif('--url', router.url, '--key', 'boss', '--strong-share', '0.2');
    expect(served).toMatchObject({ code: 0, err: '' });
    expect(served.out).toMatch(
      /^10 decisions\nas they were     strong [\d.]+ %   about 0\.\d{4} USD\nlearned {10}strong 20\.0 %/,
    );
    const log = file('records.jsonl', await records());
    expect(await whatif('--log', log, '--strong-share', '0.2')).toEqual(served);
    expect(
      await run(['tools/whatif.ts', '--url', router.url, '--strong-share', '0.2'], { ROUTER_KEY: 'boss' }),
    ).toEqual(served);
    expect((await whatif('--log', log, '--strategy', 'always-strong')).out).toContain(
      'always-strong    strong 100.0 %',
    );
  });

  it('have more than one page', async () => {
    const one = (await records()).split('\n')[0]!;
    for (let n = 0; n < 3; n += 1) await ask(n);
    const log = file('many.jsonl', `${one}\n`.repeat(2_500));
    expect((await whatif('--log', log)).out).toContain('2500 decisions');
    expect((await whatif('--url', router.url, '--key', 'boss')).out).toContain('13 decisions');
  });

  it.each([
    [['--key', 'nobody'], 'answers 401: it asks for a key: send one with --key or ROUTER_KEY'],
    [['--key', 'chatter'], 'answers 403: the key needs scope admin'],
    [[], 'answers 401'],
  ])('say what is wrong with the key (%j)', async (args, problem) => {
    const { code, out, err } = await run(['tools/whatif.ts', '--url', router.url, ...args], { ROUTER_KEY: '' });
    expect([code, out, err]).toEqual([2, '', expect.stringContaining(problem)]);
    expect(err).not.toContain('    at ');
  });

  it('say what else is wrong', async () => {
    const port = await freePort();
    const cases: readonly (readonly [string[], string])[] = [
      [['--url', `http://127.0.0.1:${port}`], `http://127.0.0.1:${port} cannot be read (ECONNREFUSED)`],
      [['--url', 'http://192.0.2.1'], '192.0.2.1 is not this machine; add --allow-remote'],
      [['--url', 'localhost'], '--url takes an address such as http://127.0.0.1:8080'],
      [['--url', router.url, '--log', 'x'], 'one of them is enough'],
      [['--log', file('old.jsonl', '{"type":"decision","learned_score":1}\n')], 'old.jsonl, line 1: is no record'],
      [['--log', file('null.jsonl', 'null\n')], 'null.jsonl, line 1: is no record'],
      [['--log', file('empty.jsonl', '\n')], 'has no records of requests yet'],
    ];
    for (const [args, problem] of cases) {
      const { code, out, err } = await whatif(...args);
      expect([code, out, err]).toEqual([2, '', expect.stringContaining(problem)]);
    }
  });

  it('train on nothing that nobody has judged', async () => {
    const train = (...args: string[]) => run(['tools/train-router/train.ts', '--out', join(folder, 'out'), ...args]);
    const log = file('unjudged.jsonl', await records());
    const unjudged = await train('--feedback', '--log', log);
    expect([unjudged.code, unjudged.err]).toEqual([2, expect.stringMatching(/none of \d+ records has a score/)]);
    const alone = await train('--log', log);
    expect([alone.code, alone.err]).toEqual([2, expect.stringContaining('of use with --feedback alone')]);
  });
});
