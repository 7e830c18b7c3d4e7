import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findLocalServers, type LocalSearch } from './local-servers.js';
import { FOUNDRY, LLAMA_CPP, LM_STUDIO, OLD_LM_STUDIO, OLLAMA, VLLM, type Answers } from './real-answers.fixture.js';

const running: Server[] = [];
let folder: string;
let nobody: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'foundry-'));
  // A port that was just free: nobody listens there.
  nobody = await listening(() => undefined);
  await closeAll();
});
afterEach(closeAll);
afterAll(() => rm(folder, { recursive: true }));

async function closeAll(): Promise<void> {
  await Promise.all(
    running.splice(0).map((server) => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    }),
  );
}

async function listening(handler: RequestListener): Promise<string> {
  const server = createServer(handler);
  running.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function answering(answers: Answers): Promise<string> {
  return listening(async (request, response) => {
    const route = `${request.method} ${request.url}`;
    const answer = answers[route] ?? answers[`${route} ${await modelOf(request)}`];
    response.writeHead(answer === undefined ? 404 : 200, { 'content-type': 'application/json; charset=utf-8' });
    response.end(JSON.stringify(answer ?? { error: 'not found' }));
  });
}

async function modelOf(request: IncomingMessage): Promise<string> {
  let body = '';
  for await (const piece of request.setEncoding('utf8')) body += piece;
  return body ? (JSON.parse(body) as { model: string }).model : '';
}

/** An executable `foundry` on a PATH of its own. */
async function foundryCli(source: string): Promise<Record<string, string>> {
  await writeFile(join(folder, 'foundry'), `#!${process.execPath}\n${source}`);
  await chmod(join(folder, 'foundry'), 0o755);
  return { PATH: folder };
}

/** Looks at the given servers only: nobody is at the others, and PATH is empty. Generous limits, for a slow machine. */
function find(servers: LocalSearch['servers'], search: Partial<LocalSearch> = {}) {
  const others = { ollama: nobody, lmstudio: nobody, llamacpp: nobody, vllm: nobody };
  return findLocalServers({ env: {}, probeMs: 5_000, statusMs: 10_000, ...search, servers: { ...others, ...servers } });
}

describe('findLocalServers', () => {
  it('finds nothing where nobody listens', async () => {
    expect(await find({})).toEqual([]);
  });

  it('finds the chat models of Ollama that run here, the loaded one first, with the context it serves', async () => {
    const ollama = await answering(OLLAMA);
    expect(await find({ ollama })).toEqual([
      {
        kind: 'ollama',
        label: 'Ollama',
        baseUrl: `${ollama}/v1`,
        models: [
          { name: 'llama3.2:3b', contextWindow: 16384, capabilities: ['json', 'tools'] },
          { name: 'qwen3:8b', contextWindow: 40960, capabilities: ['json', 'tools', 'reasoning', 'vision'] },
        ],
      },
    ]);
  });

  it('does not believe more context of Ollama than it serves by default, or is told to', async () => {
    const ollama = await answering({ ...OLLAMA, 'GET /api/ps': { models: [] } });
    const windows = async (env: Record<string, string>) => {
      const [server] = await find({ ollama }, { env });
      return server?.models.map(({ name, contextWindow }) => [name, contextWindow]);
    };
    expect(await windows({})).toEqual([
      ['qwen3:8b', 40960],
      ['llama3.2:3b', 4096],
    ]);
    expect(await windows({ OLLAMA_CONTEXT_LENGTH: '32000' })).toEqual([
      ['qwen3:8b', 40960],
      ['llama3.2:3b', 32000],
    ]);
  });

  it('says what to do about an Ollama without models', async () => {
    const [server] = await find({ ollama: await answering({ 'GET /api/tags': { models: [] } }) });
    expect(server).toMatchObject({ models: [], hint: expect.stringContaining('ollama pull') });
  });

  it('takes OLLAMA_HOST where no address is given', async () => {
    const ollama = await answering(OLLAMA);
    const env = { OLLAMA_HOST: ollama };
    expect(await find({ ollama: undefined }, { env })).toMatchObject([{ kind: 'ollama', baseUrl: `${ollama}/v1` }]);
  });

  it('finds the chat models of LM Studio', async () => {
    const [server] = await find({ lmstudio: await answering(LM_STUDIO) });
    expect(server?.models).toEqual([
      { name: 'meta-llama-3.1-8b-instruct', contextWindow: 20000, capabilities: ['tools'] },
      { name: 'qwen2-vl-7b-instruct', contextWindow: 4096, capabilities: ['vision'] },
    ]);
  });

  it('finds an LM Studio that has only the OpenAI list', async () => {
    const [server] = await find({ lmstudio: await answering(OLD_LM_STUDIO) });
    expect(server).toMatchObject({ kind: 'lmstudio', models: [{ name: 'google/gemma-3-12b', capabilities: [] }] });
  });

  it('finds llama.cpp with what its props tell', async () => {
    const [server] = await find({ llamacpp: await answering(LLAMA_CPP) });
    expect(server).toMatchObject({ kind: 'llamacpp' });
    expect(server?.models).toEqual([
      { name: '/srv/models/Qwen3-4B.gguf', contextWindow: 12288, capabilities: ['json', 'tools', 'vision'] },
    ]);
  });

  it('leaves out a llama.cpp that serves embeddings', async () => {
    const list = LLAMA_CPP['GET /v1/models'] as { data: { id: string }[] };
    const models = [{ name: list.data[0]?.id, capabilities: ['embedding'] }];
    const [server] = await find({ llamacpp: await answering({ 'GET /v1/models': { ...list, models } }) });
    expect(server?.models).toEqual([]);
  });

  it('finds vLLM, an adapter with the context of its parent', async () => {
    const [server] = await find({ vllm: await answering(VLLM) });
    expect(server?.models).toEqual([
      { name: 'meta-llama/Llama-3.1-8B-Instruct', contextWindow: 8096, capabilities: ['json'] },
      { name: 'sql-lora', contextWindow: 8096, capabilities: ['json'] },
    ]);
  });

  it('takes at most 16 models of a server', async () => {
    const data = Array.from({ length: 40 }, (_, i) => ({ id: `m${i}`, owned_by: 'vllm', max_model_len: 4096 }));
    const [server] = await find({ vllm: await answering({ 'GET /v1/models': { data } }) });
    expect(server?.models).toHaveLength(16);
  });
});

describe('findLocalServers with the foundry command', () => {
  it.each([
    ['service', (url: string) => `🟢 Model management service is running on ${url}/openai/status`],
    ['server', (url: string) => `State    Ready\nPID      29056\nWeb URLs ${url}`],
  ])('finds Foundry Local by its "%s status"', async (word, printed) => {
    const url = await answering(FOUNDRY);
    const env = await foundryCli(`
      if (process.argv.slice(2).join(' ') === '${word} status') console.log(${JSON.stringify(printed(url))});
      else process.exitCode = 1;`);
    expect(await find({}, { env })).toEqual([
      {
        kind: 'foundry',
        label: 'Foundry Local',
        baseUrl: `${url}/v1`,
        models: [{ name: 'Phi-4-mini-instruct-generic-cpu:5', contextWindow: 7792, capabilities: ['tools'] }],
      },
    ]);
  });

  it.each([
    ['is not running', `console.log('🔴 Model management service is not running!')`],
    ['names another machine', `console.log('running on http://192.0.2.1:5273/openai/status')`],
    ['fails', `process.exit(3)`],
  ])('finds nothing when it %s', async (_, source) => {
    expect(await find({}, { env: await foundryCli(source) })).toEqual([]);
  });

  it('does not wait for one that hangs', async () => {
    const env = await foundryCli(`setInterval(() => undefined, 1000)`);
    const from = performance.now();
    expect(await find({}, { env, statusMs: 100 })).toEqual([]);
    expect(performance.now() - from).toBeLessThan(1_000);
  });
});

describe('findLocalServers among other programs', () => {
  const all = (url: string) => ({ ollama: url, lmstudio: url, llamacpp: url, vllm: url });
  const body =
    (text: string, status = 200, headers = {}): RequestListener =>
    (_, response) =>
      void response.writeHead(status, headers).end(text);
  const tenMegabytes = JSON.stringify({ ...(VLLM['GET /v1/models'] as object), padding: 'x'.repeat(10_000_000) });
  const router = { object: 'list', data: [{ id: 'auto', object: 'model', owned_by: 'hybrid-llm-router' }] };

  it.each<[string, RequestListener]>([
    ['HTML for everything', body('<!doctype html><title>Hello</title>', 200, { 'content-type': 'text/html' })],
    ['10 MB', body(tenMegabytes, 200, { 'content-type': 'application/json' })],
    ['broken JSON', body('{"data": [{"id": ')],
    ['nothing', body('')],
    ['null', body('null')],
    ['a list', body('[1, 2]')],
    ['models of no shape', body('{"models": [null, 1, {}], "data": [null, {"id": {}, "owned_by": "vllm"}]}')],
    ['this router', body(JSON.stringify(router))],
    ['the right list as an error', body(JSON.stringify(VLLM['GET /v1/models']), 500)],
    ['no HTTP', (request) => void request.socket.end('SSH-2.0-OpenSSH_9.2\r\n')],
  ])('takes a server that answers %s for none', async (_, handler) => {
    expect(await find(all(await listening(handler)))).toEqual([]);
  });

  it('follows no redirect', async () => {
    const vllm = await answering(VLLM);
    const redirecting = await listening(
      (request, response) => void response.writeHead(302, { location: vllm + request.url }).end(),
    );
    expect(await find({ vllm: redirecting })).toEqual([]);
    expect(await find({ vllm })).toHaveLength(1);
  });

  it('is done in time when everything hangs, headers or body', async () => {
    const silent = await listening(() => undefined);
    const stalling = await listening((_, response) => void response.writeHead(200).write('{"data": ['));
    const env = await foundryCli(`setInterval(() => undefined, 1000)`);
    const from = performance.now();
    expect(
      await find({ ...all(silent), vllm: stalling, lmstudio: stalling }, { env, probeMs: 100, statusMs: 100 }),
    ).toEqual([]);
    expect(performance.now() - from).toBeLessThan(1_000);
  });

  it('still finds the one that answers', async () => {
    const silent = await listening(() => undefined);
    const found = await find({ ...all(silent), ollama: await answering(OLLAMA) }, { probeMs: 500 });
    expect(found.map((server) => server.kind)).toEqual(['ollama']);
  });
});
