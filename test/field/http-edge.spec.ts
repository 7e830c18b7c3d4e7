import { connect } from 'node:net';
import * as zlib from 'node:zlib';
import OpenAI from 'openai';
import { figure } from '../support/fault-row.js';
import { sendRaw, type RawAnswer } from '../support/raw-http.js';
import { startRouter, type RouterApp } from '../support/router-app.js';
import { ask, chat, jsonOf, openaiAt, post, type ErrorJson } from '../support/router-calls.js';
import { inOrder, keyFor, targetOn } from '../support/router-targets.js';
import { UpstreamServer } from '../support/upstream-server.js';

const CHAT = '/v1/chat/completions';
const KIB = 1024;
const LIMIT = 256 * KIB;
const body = (content = 'hi') => JSON.stringify({ model: 'auto', messages: ask(content) });
const jsonHeaders = { 'content-type': 'application/json' };

/** The API's error form and nothing else, with an id to look it up by. */
function expectErrorForm(text: string, id: string | null | undefined): ErrorJson['error'] {
  const { error, ...rest } = JSON.parse(text) as ErrorJson;
  expect(rest).toEqual({});
  expect(Object.keys(error).sort()).toEqual(['code', 'message', 'param', 'type']);
  expect(error.code).toMatch(/^[a-z_]+$/);
  expect(error.message).not.toMatch(/FST_|node_modules|\bat \//);
  expect(id).toMatch(/^[\w.-]{1,128}$/);
  return error;
}

const idOf = ({ head }: RawAnswer) => /^x-request-id: (.+)$/im.exec(head)?.[1];

describe('the edge towards the callers', () => {
  let upstream: UpstreamServer;
  let router: RouterApp;
  beforeAll(async () => {
    upstream = await UpstreamServer.start();
    router = await startRouter(
      inOrder([targetOn(upstream), targetOn(upstream, { id: 'org/name' })], { server: { bodyLimitBytes: LIMIT } }),
    );
  });
  beforeEach(() => upstream.reset());
  afterAll(async () => {
    await router.close();
    await upstream.close();
  });

  describe('coded bodies', () => {
    const gzip = zlib.gzipSync;
    const CODED: [string, (text: string) => Buffer][] = [
      ['gzip', (text) => gzip(text)],
      ['x-gzip', (text) => gzip(text)],
      ['GZIP', (text) => gzip(text)],
      ['deflate', (text) => zlib.deflateSync(text)],
      ['deflate', (text) => zlib.deflateRawSync(text)],
      ['br', (text) => zlib.brotliCompressSync(text)],
      ['zstd', (text) => zlib.zstdCompressSync(text)],
      ['identity', (text) => Buffer.from(text)],
      ['gzip, br', (text) => zlib.brotliCompressSync(gzip(text))],
      ['deflate , identity,gzip', (text) => gzip(zlib.deflateSync(text))],
    ];
    const send = (coding: string, bytes: Buffer) =>
      fetch(router.url + CHAT, {
        method: 'POST',
        headers: { ...jsonHeaders, 'content-encoding': coding },
        body: new Uint8Array(bytes),
      });

    it.each(CODED)('F51 %s is decoded', async (coding, encode) => {
      expect((await send(coding, encode(body('Grüße')))).status).toBe(200);
      expect(upstream.requests[0]?.body).toMatchObject({ messages: ask('Grüße') });
      expect(upstream.requests[0]?.headers['content-encoding']).toBeUndefined();
    });

    it.each(CODED.filter(([coding]) => coding !== 'identity'))(
      'F51 %s: a bomb is a 413, broken bytes are a 400',
      async (coding, encode) => {
        const bomb = encode(body('a'.repeat(16 * LIMIT)));
        const large = await send(coding, bomb);
        expect([large.status, (await jsonOf<ErrorJson>(large)).error.code]).toEqual([413, 'payload_too_large']);
        for (const bytes of [Buffer.from(body()), encode(body()).subarray(0, -9)]) {
          const broken = await send(coding, bytes);
          const { error } = await jsonOf<ErrorJson>(broken);
          expect([broken.status, error.param]).toEqual([400, 'content-encoding']);
        }
        expect(upstream.requests).toEqual([]);
      },
    );

    it.each(['compress', 'aes128gcm', 'gzip, what', 'gzip,gzip,gzip,gzip,gzip'])(
      'F51 %s is a 415 that tells what is known',
      async (coding) => {
        const response = await send(coding, gzip(body()));
        expect(response.status).toBe(415);
        expect(response.headers.get('accept-encoding')).toBe('identity, gzip, deflate, br, zstd');
        const error = expectErrorForm(await response.text(), response.headers.get('x-request-id'));
        expect(error).toMatchObject({ code: 'unsupported_media_type', param: 'content-encoding' });
      },
    );

    it('F51 an empty coded body is an empty body', async () => {
      expect((await send('gzip', Buffer.alloc(0))).status).toBe(400);
    });
  });

  describe('bodies over the limit', () => {
    const tooLong = (bytes: number) => body('a'.repeat(bytes));
    const expectTooLarge = ({ code, message }: { code: string; message: string }) => {
      expect(code).toBe('payload_too_large');
      expect(message).toContain('256 KiB');
      expect(message).toContain(`${LIMIT} bytes`);
    };

    it.each([LIMIT + 1, 2 * 1024 * KIB, 14 * 1024 * KIB])('F65 %i bytes by fetch: the 413 is read', async (bytes) => {
      const response = await fetch(router.url + CHAT, { method: 'POST', headers: jsonHeaders, body: tooLong(bytes) });
      expect(response.status).toBe(413);
      expect(response.headers.get('x-should-retry')).toBe('false');
      expectTooLarge(expectErrorForm(await response.text(), response.headers.get('x-request-id')));
      expect((await chat(router)).status).toBe(200);
    });

    it('F65 by fetch in chunks of no told length', async () => {
      const piece = new TextEncoder().encode('a'.repeat(64 * KIB));
      let left = 100;
      const stream = new ReadableStream<Uint8Array>({
        pull(controller) {
          left -= 1;
          if (left > 0) controller.enqueue(piece);
          else controller.close();
        },
      });
      const init = { method: 'POST', headers: jsonHeaders, body: stream, duplex: 'half' } as RequestInit;
      const response = await fetch(router.url + CHAT, init);
      expectTooLarge(expectErrorForm(await response.text(), response.headers.get('x-request-id')));
    });

    it("F65 by OpenAI's client: its own error, and no retry", async () => {
      const { client, sent } = openaiAt(router.url);
      const failed = client.chat.completions.create({ model: 'auto', messages: ask('a'.repeat(14 * 1024 * KIB)) });
      const error = await failed
        .then(() => null)
        .catch((caught: unknown) => caught as InstanceType<typeof OpenAI.APIError>);
      expect(error).toBeInstanceOf(OpenAI.APIError);
      expect(error).toMatchObject({ status: 413, code: 'payload_too_large' });
      expect(sent()).toBe(1);
    });

    it('F65 on a bare socket, length told or not: answered, then closed', async () => {
      const head = `POST ${CHAT} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n`;
      const text = tooLong(8 * 1024 * KIB);
      const told = `${head}content-length: ${text.length}\r\n\r\n${text}`;
      const chunked = `${head}transfer-encoding: chunked\r\n\r\n${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`;
      for (const bytes of [told, chunked]) {
        const answer = await sendRaw(router.url, bytes);
        expect([answer.status, answer.head.toLowerCase().includes('connection: close')]).toEqual([413, true]);
        expectTooLarge(expectErrorForm(answer.body, idOf(answer)));
      }
    });

    it('F65 a caller that never stops writing is cut off', async () => {
      const { hostname, port } = new URL(router.url);
      const sent = await new Promise<number>((resolve) => {
        const piece = Buffer.from(`100000\r\n${'a'.repeat(1024 * KIB)}\r\n`);
        let bytes = 0;
        const socket = connect(Number(port), hostname, () => {
          socket.write(`POST ${CHAT} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n`);
          socket.write('transfer-encoding: chunked\r\n\r\n');
          write();
        });
        const write = (): void => {
          if (socket.destroyed) return;
          bytes += piece.length;
          socket.write(piece, () => setImmediate(write));
        };
        socket.on('data', () => undefined).on('error', () => undefined);
        socket.on('close', () => resolve(bytes));
      });
      expect(sent).toBeLessThan(512 * 1024 * KIB);
    }, 20_000);

    it('F65 Expect: 100-continue: told to go on only where the body is wanted', async () => {
      const head = (length: number, path = CHAT) =>
        `POST ${path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n` +
        `expect: 100-continue\r\ncontent-length: ${length}\r\n\r\n`;
      const text = body();
      const wanted = await sendRaw(router.url, head(text.length) + text);
      expect(wanted.head).toBe('HTTP/1.1 100 Continue');
      expect(wanted.body).toContain('HTTP/1.1 200 OK');
      const refused = await Promise.all([
        sendRaw(router.url, head(LIMIT * 2)),
        sendRaw(router.url, head(50, '/v1/nowhere')),
        sendRaw(router.url, head(50, '/health')),
      ]);
      expect(refused.map(({ status }) => status)).toEqual([413, 404, 404]);
      for (const answer of refused) expectErrorForm(answer.body, idOf(answer));
    }, 20_000);
  });

  describe('what Fastify and Node answer by themselves', () => {
    const line = (text: string, headers = 'host: localhost\r\n') =>
      `${text} HTTP/1.1\r\n${headers}connection: close\r\n\r\n`;
    const RAW: Record<string, [bytes: string, status: number]> = {
      'a path that is no path': [line('GET /v1/models/%zz'), 400],
      'a path that is not UTF-8': [line('GET /v1/sessions/%E0%A4%A'), 400],
      'a path that is not UTF-8, deleted': [line('DELETE /v1/sessions/%ff'), 400],
      'a name longer than any': [line(`GET /v1/models/${'a'.repeat(4000)}`), 400],
      'an unknown route': [line('GET /nowhere'), 404],
      'an unknown method': [line('PROPFIND /v1/models'), 404],
      'a method that no server has': [line('HELLO /v1/models'), 400],
      TRACE: [line('TRACE /v1/models'), 404],
      CONNECT: [line('CONNECT example.org:443'), 405],
      'an expectation': [line('POST /v1/chat/completions', 'host: localhost\r\nexpect: wonders\r\n'), 417],
      'headers too large': [line('GET /v1/models', `host: localhost\r\nx-big: ${'a'.repeat(65_536)}\r\n`), 431],
      'no host': [line('GET /v1/models', ''), 400],
      'another protocol version': ['GET /v1/models HTTP/3.7\r\nhost: localhost\r\n\r\n', 400],
      'a body of no type': [`${line('POST /query', 'host: localhost\r\ncontent-length: 2\r\n')}{}`, 415],
      'a body that is a form': [
        `${line('POST /query', 'host: localhost\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: 3\r\n')}a=b`,
        415,
      ],
      'a type that is none': [
        `${line('POST /query', 'host: localhost\r\ncontent-type: ;;;\r\ncontent-length: 2\r\n')}{}`,
        415,
      ],
      'an upgrade': [line('GET /nowhere', 'host: localhost\r\nupgrade: websocket\r\nconnection: upgrade\r\n'), 404],
      'a length that is none': [line('POST /query', 'host: localhost\r\ncontent-length: x\r\n'), 400],
    };
    afterAll(() => figure('F33', `${Object.keys(RAW).length} kinds: one error form, with an id, on each`));

    it.each(Object.keys(RAW))('F33 %s: the one error form', async (name) => {
      const [bytes, status] = RAW[name]!;
      const answer = await sendRaw(router.url, bytes);
      expect(answer.status).toBe(status);
      expect(answer.head).toMatch(/^content-type: application\/json/im);
      expectErrorForm(answer.body, idOf(answer));
    });

    it('F33 rubbish behind a request is not answered into its answer', async () => {
      const answer = await sendRaw(
        router.url,
        `POST ${CHAT} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: ${body().length}\r\n\r\n${body()}rubbish\r\n\r\n`,
      );
      expect([200, 400]).toContain(answer.status);
      expect(answer.body.split('HTTP/1.1')).toHaveLength(1);
    });
  });

  describe('paths as clients write them', () => {
    it.each([
      ['GET', '/v1/models/'],
      ['GET', '//v1/models'],
      ['GET', '//v1//models//'],
      ['GET', '/v1/models?limit=2'],
      ['GET', '/v1/models/?limit=2'],
      ['GET', '/v1/models/org/name'],
      ['GET', '/v1/models/org%2Fname'],
      ['GET', '/v1/models/org/name/'],
      ['GET', '/models'],
      ['GET', '/models/org/name'],
      ['GET', '/v1/v1/models'],
      ['GET', '/openai/v1/models'],
      ['GET', '/api/v1/models'],
      ['HEAD', '/v1/models'],
      ['HEAD', '/'],
      ['GET', '/'],
      ['GET', '//'],
      ['HEAD', '/health/'],
      ['GET', '/sessions'],
      ['GET', '/docs/'],
      ['GET', '/admin/targets/'],
      ['POST', '/chat/completions'],
      ['POST', '/v1/chat/completions/'],
      ['POST', '//v1/chat/completions'],
      ['POST', '/v1/v1/chat/completions'],
      ['POST', '/openai/v1/chat/completions'],
      ['POST', '/query/'],
      ['POST', '/route'],
      ['POST', '/admin/targets/org/name/drain'],
      ['POST', '/admin/targets/org/name/enable'],
    ])('F64 %s %s is answered', async (method, path) => {
      const sent = path.includes('query') ? { query: 'hi' } : { model: 'auto', messages: ask('hi') };
      const init =
        method === 'POST' && !path.includes('admin') ? { headers: jsonHeaders, body: JSON.stringify(sent) } : {};
      const response = await fetch(router.url + path, { method, ...init });
      const text = await response.text();
      expect([path, response.status, text]).toEqual([path, 200, method === 'HEAD' ? '' : expect.stringMatching(/./)]);
      if (path.includes('org')) expect(text).toContain('org/name');
    });

    it.each(['/', '//', '/?from=readme', '/docs', '/docs/'])(
      'F64 %s is a page that finds its own files',
      async (path) => {
        const page = await fetch(router.url + path);
        const files = [...(await page.text()).matchAll(/(?:href|src)="(\.[^"]*)"/g)].map(([, file]) => file as string);
        expect(files.length).toBeGreaterThan(3);
        for (const file of files) {
          const response = await fetch(new URL(file, page.url));
          await response.arrayBuffer();
          expect([file, response.status]).toEqual([file, 200]);
        }
      },
    );

    it.each([
      ['GET', '/v1/chat/completions', 'POST /v1/chat/completions'],
      ['PUT', '/query', 'POST /query'],
      ['POST', '/v1/models', 'GET /v1/models'],
      ['POST', '/v1/sessions/some', 'GET /v1/sessions/{id} or DELETE /v1/sessions/{id}'],
      ['GET', '/v1/completions', 'POST /v1/chat/completions'],
      ['POST', '/v1/chat', 'POST /v1/chat/completions'],
      ['POST', '/v2/chat/completions', 'POST /v1/chat/completions'],
      ['POST', '/V1/Chat/Completions', 'POST /v1/chat/completions'],
      ['POST', '/openai/deployments/gpt/chat/completions?api-version=1', 'POST /v1/chat/completions'],
      ['POST', '/v1/chat/completions/extra', 'POST /v1/chat/completions'],
      ['GET', '/v1/session', 'GET /docs'],
      ['GET', '/health/live', 'GET /health'],
      ['GET', '/nowhere', 'GET /docs'],
    ])('F64 %s %s is a 404 that names %s', async (method, path, named) => {
      const response = await fetch(router.url + path, { method });
      const error = expectErrorForm(await response.text(), response.headers.get('x-request-id'));
      expect(response.status).toBe(404);
      expect(error.message).toContain(named);
      expect(error.message).toContain(path.split('?')[0]);
    });

    it('F64 a query is kept, and no spelling opens another route', async () => {
      const { data } = await jsonOf<{ data: unknown[] }>(await fetch(`${router.url}//v1//sessions/?limit=bad`));
      expect(data).toBeUndefined();
      for (const path of [
        '/v1/models/..%2f..%2fadmin/targets',
        '/api/admin/targets',
        '/v1/admin/targets',
        '/%2fadmin/targets',
      ]) {
        expect([path, (await fetch(router.url + path)).status]).toEqual([path, 404]);
      }
    });
  });

  describe('who may, by whatever path', () => {
    let guarded: RouterApp;
    beforeAll(async () => {
      guarded = await startRouter(
        inOrder([targetOn(upstream)], {
          auth: { keys: [keyFor('chat-key'), keyFor('admin-key', { scopes: ['admin'] })] },
        }),
      );
    });
    afterAll(() => guarded.close());

    it.each(['//v1/models', '/models', '/v1/v1/models', '/openai/v1/models/', '/sessions', '/v1/models/org/name'])(
      'F64 %s asks for a key',
      async (path) => {
        expect((await fetch(guarded.url + path)).status).toBe(401);
      },
    );

    it.each(['//admin/targets', '/admin/targets/', '/admin//targets', '/admin/usage/'])(
      'F64 %s asks for the scope',
      async (path) => {
        const as = (key: string) => fetch(guarded.url + path, { headers: { authorization: `Bearer ${key}` } });
        expect([(await as('chat-key')).status, (await as('admin-key')).status]).toEqual([403, 200]);
      },
    );
  });

  describe('the request limit', () => {
    const limited = { requestsPerMinute: 3, tokensPerMinute: 1_000_000, concurrent: 10, usdPerMonth: 100 };
    let counted: RouterApp;
    beforeEach(async () => {
      const keys = [keyFor('k', { limits: limited, scopes: ['chat'] })];
      counted = await startRouter(inOrder([targetOn(upstream)], { auth: { keys }, cache: { enabled: true } }));
    });
    afterEach(() => counted.close());
    const key = { authorization: 'Bearer k' };

    const operations = async () => {
      const { paths } = await jsonOf<{ paths: Record<string, object> }>(await fetch(`${counted.url}/openapi.json`));
      return Object.entries(paths).flatMap(([path, methods]) =>
        Object.keys(methods).map((method) => ({ method, path })),
      );
    };

    it('F08 every route that a chat key opens draws on it, but for the list of models', async () => {
      for (let i = 0; i < limited.requestsPerMinute; i += 1) expect((await chat(counted, {}, key)).status).toBe(200);
      const open: string[] = [];
      for (const { method, path } of await operations()) {
        const sent = { model: 'auto', messages: ask('hi'), query: 'hi', input: 'hi', max_tokens: 5 };
        const init =
          method === 'post'
            ? {
                headers: { ...key, ...jsonHeaders },
                body: JSON.stringify(
                  path === '/query' ? { query: 'hi' } : path === CHAT ? { model: 'auto', messages: ask('hi') } : sent,
                ),
              }
            : { headers: key };
        const response = await fetch(counted.url + path.replace(/\{\w+\}/, 'some'), {
          method: method.toUpperCase(),
          ...init,
        });
        await response.text();
        if (response.status === 429) {
          expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
          expect(response.headers.get('x-ratelimit-limit-requests')).toBe('3');
          expect(response.headers.get('x-ratelimit-remaining-requests')).toBe('0');
        } else if (response.status !== 403) open.push(`${method} ${path}`);
      }
      expect(open.sort()).toEqual([
        'get /health',
        'get /metrics',
        'get /ready',
        'get /v1/models',
        'get /v1/models/{id}',
      ]);
    });

    it('F08 a cached answer, a replay and a route each take one, and leave the slots alone', async () => {
      expect(
        (await chat(counted, {}, { ...key, 'idempotency-key': 'a' })).headers.get('x-ratelimit-remaining-requests'),
      ).toBe('2');
      const replay = await chat(counted, {}, { ...key, 'idempotency-key': 'a' });
      expect([replay.headers.get('idempotent-replayed'), replay.headers.get('x-ratelimit-remaining-requests')]).toEqual(
        ['true', '1'],
      );
      const route = await post(`${counted.url}/v1/route`, { query: 'hi' }, key);
      expect([route.status, route.headers.get('x-ratelimit-remaining-requests')]).toEqual([200, '0']);
      expect((await chat(counted, {}, { ...key, 'idempotency-key': 'a' })).status).toBe(429);
      expect((await chat(counted, {}, key)).status).toBe(429);
      expect(upstream.requests).toHaveLength(1);
    });
  });
});
