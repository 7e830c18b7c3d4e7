import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readPlan } from './read-plan.js';

const key = process.env['ROUTER_KEY'];
const planFor = (...args: string[]) => readPlan(args, () => 1);

describe('the options of a load test', () => {
  let directory: string;
  const file = (name: string, text: string): string => {
    const path = join(directory, name);
    writeFileSync(path, text);
    return path;
  };
  beforeAll(() => (directory = mkdtempSync(join(tmpdir(), 'router-plan-'))));
  beforeEach(() => delete process.env['ROUTER_KEY']);
  afterAll(() => {
    if (key !== undefined) process.env['ROUTER_KEY'] = key;
    rmSync(directory, { recursive: true });
  });

  it.each([
    ['--users 0', '--users takes a whole number from 1 to 10000, not "0"'],
    ['--users 1.5', '--users takes a whole number from 1 to 10000, not "1.5"'],
    ['--requests x', '--requests takes a whole number from 1 to 1000000, not "x"'],
    ['--rate 0', '--rate takes a number from 0.1 to 20000, not "0"'],
    ['--rate 5 --users 3', '--users is for a closed loop; with --rate say --duration'],
    ['--rate 5 --requests 3', '--requests is for a closed loop'],
    ['--rate 5 --think-ms 3', '--think-ms is for a closed loop'],
    ['--rate 5 --arrivals bursts', '--arrivals takes constant or poisson, not "bursts"'],
    ['--arrivals poisson', '--arrivals is for an open loop; add --rate'],
    ['--max-in-flight 5', '--max-in-flight is for an open loop; add --rate'],
    ['--requests 5 --duration 5', '--requests and --duration exclude each other'],
    ['--duration 5 --warmup 5', '--warmup must be shorter than --duration'],
    ['--url ftp://127.0.0.1', '--url takes an http or https URL, not "ftp://127.0.0.1"'],
    ['--url http://example.com', 'example.com is not this machine; add --allow-remote'],
    ['--url http://127.0.0.1.example.com', '127.0.0.1.example.com is not this machine'],
    ['--local 0', '--local takes a whole number from 1 to 10, not "0"'],
    ['--local 3 --url http://127.0.0.1', '--url and --local exclude each other'],
    ['--local 1 --kill-one', '--kill-one leaves no replica; use --local 2 or more'],
    ['--local 3 --kill-signal SIGTERM', '--kill-signal says how; add --kill-one'],
    ['--local 3 --kill-one --kill-signal KILL', '--kill-signal takes SIGKILL or SIGTERM, not "KILL"'],
    ['--kill-one', '--kill-one is for replicas that are started here; add --local 3'],
    ['--config a.yaml', '--config is for replicas that are started here; add --local 3'],
    ['--sessions 5 --users 2', '--sessions may be --users at most'],
    ['--turns 5', '--turns is of conversations; add --sessions'],
    ['--same --repeats 1', '--repeats and --same exclude each other'],
    ['--repeats 30', '--repeats takes a number from 0 to 1, not "30"'],
    ['--prompt a --prompts b', '--prompt and --prompts exclude each other'],
    ['--prompts /nowhere/p', 'ENOENT'],
    ['--header nothing', '--header takes a header such as "x-request-id: a1", not "nothing"'],
    ['--header host:a', '--header host: is set by the load test itself'],
    ['--gap-ms 5', '--gap-ms is of streamed answers; add --stream'],
    ['--first-token-p95-ms 5', '--first-token-p95-ms is of streamed answers; add --stream'],
    ['--max-error-rate 2', '--max-error-rate takes a number from 0 to 1, not "2"'],
    ['--key é', '--key: key 1 has characters that no header may hold'],
    ['--nope', "Unknown option '--nope'"],
  ])('%s: %s', (line, problem) => {
    expect(() => planFor(...line.split(' '))).toThrow(problem);
  });

  it.each([
    ['{"prompt": "a"}\nno json', 'line 2: is no JSON; leave it out'],
    ['{"prompt": 5}', 'line 1: has neither a text "prompt" nor a list "messages"'],
    ['null', 'line 1: has neither a text "prompt"'],
    ['\n \n', 'has no line; write one {"prompt"} a line'],
  ])('prompts %j: %s', (text, problem) => {
    expect(() => planFor('--prompts', file('prompts.jsonl', text))).toThrow(problem);
  });

  it('a file of keys without one is told of', () => {
    expect(() => planFor('--key-file', file('keys', '\n\n'))).toThrow('has no key; write one a line');
  });

  it('keys come from options and a file, else from the environment', () => {
    process.env['ROUTER_KEY'] = 'e';
    expect(planFor().asking.keys).toEqual(['e']);
    expect(planFor('--key', 'a', '--key', 'b', '--key-file', file('keys', 'c\nd\n')).asking.keys).toEqual([
      ...['a', 'b', 'c', 'd'],
    ]);
  });

  it('is a closed loop on this machine unless it is told otherwise', () => {
    expect(planFor()).toMatchObject({
      urls: [new URL('http://127.0.0.1:8080')],
      local: null,
      load: { kind: 'closed', users: 100, requests: 10, thinkMs: 0, durationMs: null },
      asking: { seed: 1, model: 'auto', stream: false, repeats: 0, sessions: 0, keys: [], headers: {} },
      objectives: { p95Ms: 2000, p99Ms: null, maxErrorRate: 0.01 },
    });
  });

  it('takes an open loop, its objectives, headers and strategy', () => {
    const line = '--rate 5.5 --duration 3 --stream --gap-ms 50 --strategy cost --header X-A:1 --url http://[::1]:1';
    expect(planFor(...line.split(' '))).toMatchObject({
      load: { kind: 'open', rate: 5.5, arrivals: 'constant', maxInFlight: 1000, durationMs: 3000 },
      asking: { headers: { 'x-a': '1', 'x-router-strategy': 'cost' } },
      objectives: { gapMs: 50 },
    });
  });
});
