import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import { answer, status } from '../support/upstream-behaviours.js';
import { words } from '../support/openai-answer.js';
import { RouterProcess, type RouterConfigInput } from '../support/router-process.js';
import { UpstreamServer } from '../support/upstream-server.js';
import { paced } from '../support/upstream-twists.js';
import { chat, eventually, jsonOf, payloadsOf, post, streamedText } from '../support/router-calls.js';
import { inOrder, targetOn } from '../support/router-targets.js';

const sh = promisify(execFile);
const SECOND = 1_000;
/** A start takes a second or two, a shutdown five. */
const SLOW = 40 * SECOND;

/** Runs the line that the banner offers, as a person would. */
async function tryTheCurlLine(router: RouterProcess): Promise<{ response: string; metadata: { target: string } }> {
  const [, line] = await router.awaitOutput(/Try it:\n\s+(curl [^\n]+)\n/, 10 * SECOND);
  const { stdout } = await sh('sh', ['-c', line as string], { env: { PATH: process.env['PATH'] } });
  return JSON.parse(stdout) as { response: string; metadata: { target: string } };
}

describe('the service as a process', () => {
  let upstream: UpstreamServer;
  let router: RouterProcess | undefined;
  const start = async (config: RouterConfigInput | null, env: Record<string, string> = {}) =>
    (router = await RouterProcess.start({ config, env }));
  beforeAll(async () => {
    upstream = await UpstreamServer.start({ model: 'llama3.2:latest' });
  });
  beforeEach(() => upstream.reset());
  afterEach(async () => {
    await router?.kill();
    router = undefined;
  });
  afterAll(() => upstream.close());

  const config = (changes: Partial<RouterConfigInput> = {}) => inOrder([targetOn(upstream, { id: 'local' })], changes);

  it(
    'prints where it is, what it found and a curl line that works',
    async () => {
      const { url, ...at } = await start(config());
      const found = await tryTheCurlLine(router as RouterProcess);
      expect(found).toMatchObject({ response: 'Hello from upstream', metadata: { target: 'local' } });
      const text = router?.output.join('\n') ?? '';
      expect(text).toContain(`listening on ${url}`);
      expect(text).toContain(`${url}/docs`);
      expect(text).toContain(`${url}/v1`);
      expect(text).toContain(at.configFile);
      expect(text).toMatch(/local\s+local\s+llama3\.2:latest/);
      expect(await (await fetch(`${url}/docs`)).text()).toContain('swagger');
    },
    SLOW,
  );

  it(
    'without a file: finds Ollama where OLLAMA_HOST says, and answers from it',
    async () => {
      const models = [{ name: upstream.model, model: upstream.model, details: { family: 'llama' } }];
      upstream.respondTo('/api/tags', status(200, { models }));
      upstream.respondTo('/api/ps', status(200, { models: [] }));
      upstream.respondTo('/api/show', status(200, { capabilities: ['completion', 'tools'], model_info: {} }));
      const { url } = await start(null, { OLLAMA_HOST: `127.0.0.1:${upstream.port}` });
      const found = await tryTheCurlLine(router as RouterProcess);
      expect(found).toMatchObject({ response: 'Hello from upstream', metadata: { target: 'ollama/llama3.2:latest' } });
      expect(router?.output.join('\n')).toMatch(/ollama\/llama3\.2:latest\s+local/);
      const strong = await post(`${url}/query`, { query: 'Prove that there are infinitely many primes.' });
      const { metadata } = await jsonOf<{ metadata: object }>(strong);
      expect(metadata).toMatchObject({ tier: 'local', simulated: false }); // no cloud key is set, and nothing is made up
      expect(router?.output.join('\n')).not.toMatch(/simulated-|are simulated/);
    },
    SLOW,
  );

  it(
    'SIGTERM while a stream runs: /ready says draining, the stream is finished, exit code 0',
    async () => {
      // 16 words in 6 s, as the service goes on taking requests for 5 s
      upstream.script(answer(words(16), {}, paced(400)));
      const { url } = await start(config());
      const running = await chat({ url }, { stream: true });
      router?.signal('SIGTERM');
      const ready = () => fetch(`${url}/ready`);
      await eventually('/ready says 503', SECOND, async () => (await ready()).status === 503);
      const unready = await ready();
      expect([unready.status, await jsonOf(unready)]).toMatchObject([503, { status: 'draining' }]);
      expect(unready.headers.has('retry-after')).toBe(true);
      expect((await fetch(`${url}/health`)).status).toBe(200);
      const answered = await chat({ url });
      expect(answered.status).toBe(200); // balancers need time to see it
      expect(answered.headers.get('connection')).toBe('close');
      const text = await running.text();
      expect(streamedText(text)).toBe(words(16));
      expect(payloadsOf(text).at(-1)).toBe('[DONE]');
      // the caller's connection is kept alive, which is no reason to wait for drainSeconds
      const late = setTimeout(5 * SECOND, 'still running 5 s after the last answer', { ref: false });
      expect(await Promise.race([router?.exited, late])).toEqual({ code: 0, signal: null });
      await expect(fetch(`${url}/health`)).rejects.toThrow();
      expect(upstream.requests[0]?.ending).toBe('answered');
    },
    SLOW,
  );

  it(
    'a bad configuration: exit 1 before a port is opened, with every problem and its path',
    async () => {
      const bad = {
        server: { port: upstream.port, drainSeconds: -1 }, // the port is taken: trying it would show
        targets: [{ id: 'a', tier: 'space', baseUrl: 'not a url', model: 'm' }],
        models: [{ name: 'm', targets: ['nobody'] }],
        limits: { requestPerMinute: 5 },
      } as unknown as RouterConfigInput;
      const refused = (router = RouterProcess.spawn({ config: bad }));
      expect(await refused.exited).toEqual({ code: 1, signal: null });
      const text = refused.output.join('\n');
      for (const path of [
        'server.drainSeconds',
        'targets[0].tier',
        'targets[0].baseUrl',
        'models[0].targets[0]',
        'limits.requestPerMinute',
      ]) {
        expect(text).toContain(path);
      }
      expect(text).not.toMatch(/listening|taken|node:internal|    at /);
    },
    SLOW,
  );

  it(
    'a changed file takes effect without dropping a running stream; a bad one changes nothing',
    async () => {
      const other = await UpstreamServer.start({ model: 'other' });
      try {
        upstream.script(answer(words(30), {}, paced(50)));
        const { url } = await start(config());
        const running = await chat({ url }, { stream: true });
        router?.rewriteConfig(inOrder([targetOn(other)]));
        await router?.awaitOutput(/Configuration reloaded/, 5 * SECOND);
        expect((await chat({ url })).headers.get('x-router-target')).toBe('other');
        expect(upstream.requests[0]?.ending).toBeNull();
        router?.rewriteConfig({ targets: [{ id: 'x', tier: 'local' }] });
        await router?.awaitOutput(/old one stays in force.*targets\[0\]\.baseUrl/s, 5 * SECOND);
        expect((await chat({ url })).headers.get('x-router-target')).toBe('other');
        const text = await running.text();
        expect(streamedText(text)).toBe(words(30));
        expect(payloadsOf(text).at(-1)).toBe('[DONE]');
      } finally {
        await other.close();
      }
    },
    SLOW,
  );

  it(
    'kill -9 loses no acknowledged turn',
    async () => {
      const dataDir = mkdtempSync(join(tmpdir(), 'router-kill-'));
      try {
        router = await RouterProcess.start({ config: config(), dataDir });
        const say = (url: string, n: number) =>
          chat({ url }, { messages: [{ role: 'user', content: `turn ${n}` }] }, { 'x-session-id': 'durable' });
        const acknowledged = await Promise.all([1, 2, 3, 4, 5].map((n) => say(router?.url ?? '', n)));
        expect(acknowledged.map(({ headers }) => headers.get('x-router-persisted'))).toEqual(Array(5).fill('true'));
        await router.kill();
        router = await RouterProcess.start({ config: config(), dataDir });
        const session = await jsonOf<{ turns: { messages: { content: string }[] }[] }>(
          await fetch(`${router.url}/v1/sessions/durable`),
        );
        const turns = session.turns.map(({ messages }) => messages[0]?.content).sort();
        expect(turns).toEqual([1, 2, 3, 4, 5].map((n) => `turn ${n}`));
      } finally {
        rmSync(dataDir, { recursive: true, force: true });
      }
    },
    SLOW,
  );

  it.each([
    { what: 'an HTML page instead of a stream', headers: { 'content-type': 'text/html' } },
    {
      what: 'an encoding that nobody asked for',
      headers: { 'content-type': 'text/event-stream', 'content-encoding': 'gzip' },
    },
  ])(
    '$what does not end the process',
    async ({ headers }) => {
      // refused while the body is still to come, and when it is already here
      upstream.script(status(200, 'x', headers), status(200, '', headers), status(200, 'x'.repeat(99_999), headers));
      const { url } = await start(config({ resilience: { retries: 0 } }));
      for (let n = 0; n < 3; n += 1) expect((await chat({ url }, { stream: true })).status).toBe(502);
      expect((await chat({ url }, { stream: true })).status).toBe(200);
      expect(await router?.stop()).toEqual({ code: 0, signal: null });
    },
    SLOW,
  );
});
