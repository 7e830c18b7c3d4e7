import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Environment } from '../../../common/config/config-text.js';
import { LocalServers, type LookLimits, type ServerLook, type ServerPlaces } from './local-servers.js';
import { LM_STUDIO, LM_STUDIO_V0, OLD_LM_STUDIO } from './lm-studio-answers.fixture.js';
import { FOUNDRY, LLAMA_CPP, LLAMA_CPP_ROUTER, OLLAMA, VLLM, type Answers } from './real-answers.fixture.js';

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

async function listening(handler: RequestListener, host = '127.0.0.1'): Promise<string> {
  const server = createServer(handler);
  running.push(server);
  server.listen(0, host);
  await once(server, 'listening');
  return `http://${host.includes(':') ? `[${host}]` : host}:${(server.address() as AddressInfo).port}`;
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
function look(places: ServerPlaces, env: Environment = {}, limits: Partial<LookLimits> = {}, ownPort = 8080) {
  const others = { ollama: nobody, lmstudio: nobody, llamacpp: nobody, vllm: nobody };
  const servers = new LocalServers(env, { ...others, ...places }, ownPort);
  return servers.look({ probeMs: 5_000, statusMs: 10_000, ...limits });
}

async function find(...args: Parameters<typeof look>) {
  return (await look(...args)).flatMap(({ found }) => found ?? []);
}

async function modelsAt(...args: Parameters<typeof look>) {
  const [server] = await find(...args);
  return server?.models.map(({ name, contextWindow, parameters, capabilities }) => [
    name,
    contextWindow,
    parameters && parameters / 1e9,
    capabilities.join(' '),
  ]);
}

describe('LocalServers', () => {
  it('finds nothing where nobody listens', async () => {
    expect(await look({})).toEqual(
      ['ollama', 'lmstudio', 'llamacpp', 'vllm', 'foundry'].map((kind) => ({
        ...{ kind, found: null, silent: false, denied: null },
      })),
    );
  });

  it('finds the chat models of Ollama that run here, with the context it serves, else what the model can', async () => {
    const ollama = await answering(OLLAMA);
    expect(await find({ ollama })).toMatchObject([{ kind: 'ollama', label: 'Ollama', baseUrl: `${ollama}/v1` }]);
    expect(await modelsAt({ ollama })).toEqual([
      ['qwen3:8b', 40960, 8.2, 'json tools reasoning vision'],
      ['llama3.2:latest', 16384, 3.212749888, 'json tools'],
    ]);
  });

  it('remembers the context of a model that Ollama has unloaded, and asks once what a model is', async () => {
    const answers: Record<string, unknown> = { ...OLLAMA };
    const ollama = await answering(answers);
    const servers = new LocalServers({}, { ollama, lmstudio: nobody, llamacpp: nobody, vllm: nobody }, 8080);
    const limits = { probeMs: 5_000, statusMs: 10_000 };
    const first = await servers.look(limits);
    answers['GET /api/ps'] = { models: [] };
    for (const route of Object.keys(OLLAMA).filter((key) => key.includes('show'))) delete answers[route];
    expect(await servers.look(limits)).toEqual(first);
  });

  it('believes OLLAMA_CONTEXT_LENGTH where nothing else tells what is served', async () => {
    const ollama = await answering({ ...OLLAMA, 'GET /api/ps': { models: [] } });
    const window = async (env: Environment) => (await modelsAt({ ollama }, env))?.[1]?.[1];
    expect([await window({}), await window({ OLLAMA_CONTEXT_LENGTH: '32000' })]).toEqual([131072, 32000]);
  });

  it.each([
    [4096, expect.stringContaining('OLLAMA_CONTEXT_LENGTH')],
    [undefined, undefined],
    [8192, undefined],
  ])('says what to do about a context of %d tokens', async (length, hint) => {
    const models = [{ name: 'a', details: {}, context_length: length }];
    const answers = { 'GET /api/tags': { models }, 'GET /api/ps': { models } };
    const [server] = await find({ ollama: await answering(answers) });
    expect(server?.hint).toEqual(hint);
  });

  it('says what to do about an Ollama without models', async () => {
    const [server] = await find({ ollama: await answering({ 'GET /api/tags': { models: [] } }) });
    expect(server).toMatchObject({ models: [], hint: expect.stringContaining('ollama pull') });
  });

  it('takes OLLAMA_HOST where no address is given', async () => {
    const ollama = await answering(OLLAMA);
    const servers = new LocalServers(
      { OLLAMA_HOST: ollama },
      { lmstudio: nobody, llamacpp: nobody, vllm: nobody },
      8080,
    );
    const [found] = await servers.look({ probeMs: 5_000, statusMs: 10_000 });
    expect(found).toMatchObject({ kind: 'ollama', found: { baseUrl: `${ollama}/v1` } });
  });

  it.each([
    [
      'the v1 API',
      LM_STUDIO,
      [
        ['qwen/qwen3.6-35b-a3b', 262144, 35, 'tools vision reasoning'],
        ['gemma-3-270m-it-qat', 4096, 0.27, ''],
      ],
    ],
    [
      'the v0 API',
      LM_STUDIO_V0,
      [
        ['qwen2-vl-7b-instruct', 32768, 7, 'vision'],
        ['meta-llama-3.1-8b-instruct', 20000, 8, 'tools'],
      ],
    ],
    ['only the OpenAI list', OLD_LM_STUDIO, [['google/gemma-3-12b', undefined, 12, '']]],
  ])('finds the chat models of LM Studio by %s', async (_, answers, models) => {
    const lmstudio = await answering(answers);
    expect(await modelsAt({ lmstudio })).toEqual(models);
    expect(await find({ lmstudio })).toMatchObject([{ kind: 'lmstudio' }]);
  });

  it.each([
    ['one model', LLAMA_CPP, [['/srv/models/Qwen3 VL.gguf', 12288, 4.022468096, 'json tools vision reasoning']]],
    [
      'router mode',
      LLAMA_CPP_ROUTER,
      [
        ['ggml-org/Qwen3-1.7B-GGUF:Q8_0', 16384, 1.7, 'json tools'],
        ['ggml-org/gpt-oss-20b-GGUF:MXFP4', 16384, 20, 'json vision'],
      ],
    ],
  ])('finds llama.cpp with %s', async (_, answers, models) => {
    const llamacpp = await answering(answers);
    expect(await modelsAt({ llamacpp })).toEqual(models);
    expect(await find({ llamacpp })).toMatchObject([{ kind: 'llamacpp' }]);
  });

  it('leaves out a llama.cpp that serves embeddings', async () => {
    const list = LLAMA_CPP['GET /v1/models'] as { data: { id: string }[] };
    const models = [{ name: list.data[0]?.id, capabilities: ['embedding'] }];
    expect(await modelsAt({ llamacpp: await answering({ 'GET /v1/models': { ...list, models } }) })).toEqual([]);
  });

  it('finds vLLM: one of several names, an adapter with context and size of its parent', async () => {
    expect(await modelsAt({ vllm: await answering(VLLM) })).toEqual([
      ['llama', 8096, 8, 'json'],
      ['sql-lora', 8096, 8, 'json'],
    ]);
  });

  it('finds servers that tell as little as they may', async () => {
    const list = { 'GET /v1/models': { data: [{ id: 'm-7b' }, { id: 'n-8b' }] } };
    const tags = { 'GET /api/tags': { models: [{ name: 'm-7b' }, { name: 'n-8b' }] } };
    const places = { ollama: await answering(tags), lmstudio: await answering(list), llamacpp: await answering(list) };
    const servers = await find({ ...places, vllm: places.llamacpp });
    expect(servers.map(({ kind, models }) => [kind, models.map(({ parameters }) => parameters)])).toEqual(
      ['ollama', 'lmstudio', 'llamacpp', 'vllm'].map((kind) => [kind, [7e9, 8e9]]),
    );
  });

  it('takes at most 16 models of a server', async () => {
    const data = Array.from({ length: 40 }, (_, i) => ({
      id: `m${i}`,
      root: i,
      owned_by: 'vllm',
      max_model_len: 4096,
    }));
    expect(await modelsAt({ vllm: await answering({ 'GET /v1/models': { data } }) })).toHaveLength(16);
  });

  it.each(['text-embedding-3', 'bge-m3', 'BAAI/bge-reranker-v2', 'openai/whisper-large', 'kokoro-tts', 'qwen-image'])(
    'takes %s for no chat model',
    async (id) => {
      const data = [{ id, root: id, owned_by: 'vllm', max_model_len: 4096 }];
      expect(await modelsAt({ vllm: await answering({ 'GET /v1/models': { data } }) })).toEqual([]);
    },
  );

  const hasIpv6 = Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === '::1'));
  (hasIpv6 ? it : it.skip)('finds a server that listens on IPv6 alone', async () => {
    const url = await listening((_, response) => void response.end(JSON.stringify(VLLM['GET /v1/models'])), '::1');
    expect(await find({ vllm: url })).toMatchObject([{ baseUrl: `${url}/v1` }]);
  });
});

describe('LocalServers with the foundry command', () => {
  it.each([
    ['service', (url: string) => `🟢 Model management service is running on ${url}/openai/status`],
    ['server', (url: string) => `State    Ready\nPID      29056\nWeb URLs ${url}`],
  ])('finds Foundry Local by its "%s status"', async (word, printed) => {
    const url = await answering(FOUNDRY);
    const env = await foundryCli(`
      if (process.argv.slice(2).join(' ') === '${word} status') console.log(${JSON.stringify(printed(url))});
      else process.exitCode = 1;`);
    expect(await find({}, env)).toEqual([
      {
        kind: 'foundry',
        label: 'Foundry Local',
        baseUrl: `${url}/v1`,
        models: [
          {
            ...{ name: 'Phi-4-mini-instruct-generic-cpu:5', contextWindow: 7792, capabilities: ['tools'] },
            parameters: undefined,
          },
          { name: 'qwen3-0.6b-generic-cpu', contextWindow: undefined, capabilities: [], parameters: 0.6e9 },
        ],
      },
    ]);
  });

  it.each([
    ['is not running', `console.log('🔴 Model management service is not running!')`],
    ['names another machine', `console.log('running on http://192.0.2.1:5273/openai/status')`],
    ['fails', `process.exit(3)`],
  ])('finds nothing when it %s', async (_, source) => {
    expect(await find({}, await foundryCli(source))).toEqual([]);
  });

  it('does not wait for one that hangs', async () => {
    const env = await foundryCli(`setInterval(() => undefined, 1000)`);
    const from = performance.now();
    expect(await find({}, env, { statusMs: 100 })).toEqual([]);
    expect(performance.now() - from).toBeLessThan(1_000);
  });
});

describe('LocalServers among other programs', () => {
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

  it.each<[string, RequestListener, Partial<ServerLook>]>([
    ['wants a key', body('{"error":"Unauthorized"}', 401), { silent: false, denied: expect.any(String) as string }],
    ['loads its model', body('{"error":{"message":"Loading model","code":503}}', 503), { silent: true, denied: null }],
    ['hangs up', (request) => void request.socket.destroy(), { silent: true, denied: null }],
    ['is another program', body('Not Found', 404), { silent: false, denied: null }],
  ])('tells of one that %s', async (_, handler, told) => {
    const [ollama] = await look(all(await listening(handler)));
    expect(ollama).toMatchObject({ kind: 'ollama', found: null, ...told });
  });

  it('takes no llama.cpp whose list is open but which wants a key for everything else', async () => {
    const llamacpp = await listening((request, response) => {
      const isList = request.url === '/v1/models';
      response.writeHead(isList ? 200 : 401).end(JSON.stringify(LLAMA_CPP['GET /v1/models']));
    });
    const denied = new URL(llamacpp).host;
    expect((await look({ llamacpp }))[2]).toEqual({ kind: 'llamacpp', found: null, silent: false, denied });
  });

  it('does not ask itself', async () => {
    const own = await answering(OLLAMA);
    expect(await find({ ollama: own }, {}, {}, Number(new URL(own).port))).toEqual([]);
  });

  it('looks for a server on another machine only when told to', async () => {
    const remote = { ollama: 'http://192.0.2.1:11434' };
    expect((await look(remote, {}, { loopbackOnly: true }))[0]).toMatchObject({ found: null, silent: true });
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
      await find({ ...all(silent), vllm: stalling, lmstudio: stalling }, env, { probeMs: 100, statusMs: 100 }),
    ).toEqual([]);
    expect(performance.now() - from).toBeLessThan(1_000);
  });

  it('still finds the one that answers', async () => {
    const silent = await listening(() => undefined);
    const found = await find({ ...all(silent), ollama: await answering(OLLAMA) }, {}, { probeMs: 500 });
    expect(found.map((server) => server.kind)).toEqual(['ollama']);
  });
});
