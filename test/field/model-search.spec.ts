import type { LoggerService } from '@nestjs/common';
import { TargetSearchOptions } from '../../src/modules/models/models.messages.js';
import { TargetSearch } from '../../src/modules/models/target-search.js';
import { freePort } from '../support/free-port.js';
import { called, figure } from '../support/fault-row.js';
import { offer, startOllama, type OllamaModel } from '../support/ollama-server.js';
import { startRouter, type RouterApp } from '../support/router-app.js';
import { ask, eventually, jsonOf, post, targetsOf } from '../support/router-calls.js';
import { inOrder, targetOn } from '../support/router-targets.js';
import { answer, status } from '../support/upstream-behaviours.js';
import { words } from '../support/openai-answer.js';
import type { UpstreamServer } from '../support/upstream-server.js';
import { paced } from '../support/upstream-twists.js';
import type { RouterConfigInput } from '../support/router-process.js';

const WITHIN_MS = 15_000;
const EVERY_MS = 20;
const HARD = 'Prove that there are infinitely many primes, step by step, and derive a bound for the n-th prime.';
const SMALL: OllamaModel = { name: 'llama3.2:3b', size: '3.2B' };
const LARGE: OllamaModel = { name: 'qwen3:30b-a3b', size: '30.5B' };

const lines: string[] = [];
const nothing = (): void => undefined;
const logger: LoggerService = { log: (line: unknown) => lines.push(String(line)), error: nothing, warn: nothing };
const told = (part: string): number => lines.filter((line) => line.includes(part)).length;

describe('the search for model servers', () => {
  let router: RouterApp;
  let ollama: UpstreamServer | undefined;
  let port: number;
  let nobody: string;

  /** Nobody is at any other place, and the environment is empty unless it is given. */
  async function start(config: RouterConfigInput = {}, env: Record<string, string> = {}): Promise<void> {
    const places = {
      ...{ ollama: `http://127.0.0.1:${port}`, lmstudio: nobody, llamacpp: nobody, vllm: nobody },
      foundryCommand: 'no-such-command',
    };
    const limits = { probeMs: 2_000, statusMs: 2_000 };
    const search = new TargetSearchOptions({ env, places, everyMs: EVERY_MS, limits });
    router = await startRouter({ cache: { enabled: false }, ...config }, { search, logger });
  }
  const ids = async () => (await targetsOf(router)).map(({ id }) => id);
  const inForce = (...wanted: string[]) =>
    eventually(`targets ${wanted.join()}`, WITHIN_MS, async () => (await ids()).join() === wanted.join());
  const routed = async (question: string) =>
    jsonOf<{ target: string; candidates: string[] }>(await post(`${router.url}/v1/route`, { query: question }));
  const asked = (path: string) => ollama!.otherRequests.filter((request) => request.path === path).length;
  const anotherLook = async () => {
    const before = asked('/api/tags');
    await eventually('two more looks', WITHIN_MS, () => asked('/api/tags') > before + 1);
  };

  beforeEach(async () => {
    lines.length = 0;
    [port, nobody] = [await freePort(), `http://127.0.0.1:${await freePort()}`];
  });
  afterEach(async () => {
    await router.close();
    await ollama?.close();
    ollama = undefined;
  });

  it('F43 a server that is started later takes over without a restart, also for what was answered before', async () => {
    await start({ cache: { enabled: true } });
    expect(await ids()).toEqual(['simulated-local', 'simulated-cloud']);
    expect((await called(router)).headers.get('x-router-target')).toBe('simulated-local');
    const startedAt = performance.now();
    ollama = await startOllama([SMALL], port);
    await inForce('ollama/llama3.2:3b');
    figure(
      'F43',
      `found ${Math.round(performance.now() - startedAt)} ms after its start, looking every ${EVERY_MS} ms`,
    );
    for (const question of ['hi', HARD]) {
      const seen = await called(router, { messages: ask(question) });
      expect(seen).toMatchObject({ status: 200, text: 'Hello from upstream', model: 'llama3.2:3b' });
    }
    const models = await jsonOf<{ data: object[] }>(await fetch(`${router.url}/v1/models`));
    expect(JSON.stringify(models)).not.toContain('simulated-');
    await anotherLook();
    expect([told('answers are simulated'), told(`Ollama at 127.0.0.1:${port}: llama3.2:3b.`)]).toEqual([1, 1]);
  });

  it('F43 one that leaves is 502 or 503 until it is out of the list, never a simulated answer; then they are back', async () => {
    ollama = await startOllama([SMALL], port);
    await start({ resilience: { retries: 0 } });
    expect(await ids()).toEqual(['ollama/llama3.2:3b']);
    expect(lines.join()).not.toContain('simulated');
    await ollama.close();
    const statuses = new Set<number>();
    await eventually('simulated targets', WITHIN_MS, async () => {
      const before = await ids();
      const seen = await called(router);
      if (before[0]?.startsWith('ollama') && (await ids())[0]?.startsWith('ollama')) statuses.add(seen.status);
      return before.join() === 'simulated-local,simulated-cloud';
    });
    for (const code of statuses) expect([502, 503]).toContain(code);
    expect([told('is gone.'), told('answers are simulated')]).toEqual([1, 1]);
    ollama = await startOllama([SMALL], port);
    await inForce('ollama/llama3.2:3b');
    expect((await called(router)).text).toBe('Hello from upstream');
  });

  it('F43 one that is there but does not answer stays, and its failure is shown', async () => {
    ollama = await startOllama([SMALL], port);
    await start({ resilience: { retries: 0 } });
    ollama.respondTo('/api/tags', status(503)).always(status(500));
    await anotherLook();
    expect([502, 503]).toContain((await called(router)).status);
    expect(await ids()).toEqual(['ollama/llama3.2:3b']);
    expect(told('is gone.')).toBe(0);
  });

  it('F43 models come and go on a running server; what stays keeps breaker, measurements and sessions', async () => {
    ollama = await startOllama([SMALL, LARGE], port);
    await start({ resilience: { retries: 0, breaker: { failures: 2, resetSeconds: 600 } } });
    await inForce('ollama/llama3.2:3b', 'ollama/qwen3:30b-a3b');
    const session = { 'x-session-id': 'sticky' };
    await called(router, { stream: true, messages: ask('hi') }, session);
    const before = (await targetsOf(router))[0];
    expect(before).toMatchObject({ ttft_ms: { p50: expect.any(Number) } });
    ollama.script(status(500), status(500));
    for (const _ of [1, 2]) await called(router, { model: 'ollama/qwen3:30b-a3b' });
    // a stream under way is not cut when its model leaves the list
    ollama.script(answer(words(8), {}, paced(40)));
    const running = called(router, { model: 'ollama/llama3.2:3b', stream: true });
    await eventually('the stream has begun', WITHIN_MS, () => ollama!.inFlight === 1);
    offer(ollama, [{ name: 'gemma3:4b' }, { ...SMALL, loadedWith: 8_192 }, LARGE]);
    await inForce('ollama/gemma3:4b', 'ollama/llama3.2:3b', 'ollama/qwen3:30b-a3b');
    const [, small, large] = await targetsOf(router);
    expect([small?.['ttft_ms'], large?.breaker]).toEqual([before?.['ttft_ms'], 'open']);
    expect((await called(router, { messages: ask('and again?') }, session)).headers.get('x-router-target')).toBe(
      'ollama/llama3.2:3b',
    );
    offer(ollama, [{ name: 'gemma3:4b' }]);
    await inForce('ollama/gemma3:4b');
    expect(await running).toMatchObject({ status: 200, text: words(8), done: true });
    await anotherLook();
    expect(told(`Ollama at 127.0.0.1:${port}`)).toBe(3);
  });

  it('F43 without a cloud the larger local model is the strong side; what cannot chat is no target', async () => {
    const embedding = { name: 'my-vectors', capabilities: ['embedding'] };
    ollama = await startOllama([LARGE, embedding, { name: 'bge-m3' }, SMALL], port);
    await start();
    expect(await ids()).toEqual(['ollama/qwen3:30b-a3b', 'ollama/llama3.2:3b']);
    expect([(await routed('hi')).target, (await routed(HARD)).target]).toEqual([
      'ollama/llama3.2:3b',
      'ollama/qwen3:30b-a3b',
    ]);
  });

  it('F43 with a cloud key local models are the weak side, and nothing is simulated', async () => {
    ollama = await startOllama([LARGE, SMALL], port);
    await start({}, { OPENAI_API_KEY: 'sk-test', OPENAI_BASE_URL: `http://localhost:${port}/v1` });
    const [easy, hard] = [await routed('hi'), await routed(HARD)];
    expect([easy.target, hard.target]).toEqual(['ollama/qwen3:30b-a3b', 'openai/gpt-5.4-mini']);
    expect(hard.candidates).toHaveLength(4);
  });

  it('F70 the window is what the server tells, and follows what it loads the model with', async () => {
    ollama = await startOllama([{ ...SMALL, contextLength: 131_072 }], port);
    await start();
    const windowIs = (tokens: number) =>
      eventually(`a window of ${tokens}`, WITHIN_MS, async () => {
        const found = await fetch(`${router.url}/v1/models/${encodeURIComponent('ollama/llama3.2:3b')}`);
        return (await jsonOf(found))['context_window'] === tokens;
      });
    await windowIs(131_072);
    offer(ollama, [{ ...SMALL, loadedWith: 4_096 }]);
    await windowIs(4_096);
    const long = await called(router, { messages: ask(words(6_000)) });
    expect(long).toMatchObject({ status: 400, error: { code: 'context_length_exceeded' } });
    expect(told(`Ollama at 127.0.0.1:${port}`)).toBe(1);
  });

  it('F43 with configured targets nobody is looked for, not after a reload either', async () => {
    ollama = await startOllama([SMALL], port);
    const own = () => inOrder([targetOn(ollama!, { id: 'mine', provider: 'simulated' })]);
    await start(own());
    await router.reload(own());
    await router.app.get(TargetSearch).lookAgain(AbortSignal.timeout(WITHIN_MS));
    expect([await ids(), ollama.otherRequests]).toEqual([['mine'], []]);
  });

  it('F43 a reload of a file without targets keeps what was found', async () => {
    ollama = await startOllama([SMALL], port);
    await start();
    await router.reload({ limits: { requestsPerMinute: 7 } });
    expect(await ids()).toEqual(['ollama/llama3.2:3b']);
    offer(ollama, [LARGE]);
    await inForce('ollama/qwen3:30b-a3b');
  });
});
