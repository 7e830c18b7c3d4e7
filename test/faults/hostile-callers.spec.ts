import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { figure } from '../support/figure.js';
import { Fleet } from '../support/fleet.js';
import { BROKEN, HOSTILE_BODIES, ODD_JSON, POST, SMUGGLED } from '../support/hostile-requests.js';
import { attributesOf, OtlpCollector } from '../support/otlp-collector.js';
import { sendRaw, type RawAnswer } from '../support/raw-http.js';
import { ask, chat, eventually, jsonOf, post, targetsOf, type ErrorJson } from '../support/router-calls.js';
import { GENEROUS, keyFor } from '../support/router-targets.js';
import { errorBody, status } from '../support/upstream-behaviours.js';
import type { UpstreamServer } from '../support/upstream-server.js';

const SLOW = 60_000;
/** A batch waits a second for others, and the machine may be busy. */
const SENT_MS = 15_000;
const ALICE = { authorization: 'Bearer alice-key' };
const OLGA = { authorization: 'Bearer olga-key' };
const OPERATOR = { authorization: 'Bearer operator-key' };

/** What callers might write, and words that only one of them knows. */
const WORD = 'zoemarker';
const LOGGED_WORD = 'olgamarker';
const PRIVATE = [
  `${WORD}@example.com`,
  '4111111111111111',
  'sk-abcdefghijklmnop0123456789qrstuv',
  '+49 171 5551234',
  'DE89 3704 0044 0532 0130 00',
];
const ORDERS = '\r\n{"level":"error","msg":"forged"}\r\nx-forged: 1\u001b[2J\u001b]0;forged\u0007\u009b31m';

describe('hostile callers of three replicas', () => {
  let fleet: Fleet;
  let upstream: UpstreamServer;
  let trap: Server;
  let trapped = 0;
  let trapUrl: string;
  let collector: OtlpCollector;
  let slow: Promise<RawAnswer[]>;

  const listen = async (server: Server): Promise<string> => {
    await new Promise<void>((settle) => server.listen(0, '127.0.0.1', settle));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };

  beforeAll(async () => {
    trap = createServer((_, response) => {
      trapped += 1;
      response.end('{}');
    });
    trapUrl = await listen(trap);
    collector = await OtlpCollector.start();
    fleet = await Fleet.start(3, {
      limits: GENEROUS,
      resilience: { retries: 0, breaker: { failures: 1_000 } },
      auth: {
        keys: [
          keyFor('alice-key'),
          keyFor('olga-key', { tenant: 'open' }),
          keyFor('operator-key', { scopes: ['chat', 'operator'] }),
        ],
      },
      tenants: { open: { logContent: true } },
      telemetry: { otlpEndpoint: collector.url },
    });
    upstream = fleet.upstream;
    // they take as long as the timer that ends them, and everything else goes on meanwhile
    slow = Promise.all(
      fleet.urls.map((url) => sendRaw(url, 'POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n')),
    );
  }, SLOW);
  beforeEach(() => upstream.reset());
  afterAll(async () => {
    await fleet.close();
    trap.close();
    await collector.close();
  }, SLOW);

  /** Nothing is left of an attack: who comes next is served, and nothing is under way. */
  const allAreWell = async (): Promise<void> => {
    for (const replica of fleet.replicas) {
      expect((await chat(replica, {}, ALICE)).status).toBe(200);
      const targets = await targetsOf(replica, OPERATOR);
      expect(targets.map(({ in_flight, queued }) => [in_flight, queued])).toEqual([[0, 0]]);
    }
    await fleet.allAre('ready');
  };

  it(
    'L05 broken HTTP to each: refused, hung up, no model called',
    async () => {
      for (const [name, { bytes, status: code }] of Object.entries(BROKEN)) {
        const answers = await Promise.all(fleet.urls.map((url) => sendRaw(url, bytes)));
        expect([name, ...answers.map((answer) => answer.status)]).toEqual([name, code, code, code]);
        for (const { head } of answers) expect(head.toLowerCase()).toContain('connection: close');
      }
      const smuggling = `${POST}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${SMUGGLED}`;
      for (const url of fleet.urls) {
        const { status: code, body } = await sendRaw(url, smuggling);
        expect([code, body.includes('HTTP/1.1 200')]).toEqual([400, false]);
      }
      expect(upstream.requests).toEqual([]);
      await allAreWell();
    },
    SLOW,
  );

  it(
    'L04 hostile bodies to each: refused before any call, and the next request works',
    async () => {
      for (const [name, { body, status: code }] of Object.entries(HOSTILE_BODIES)) {
        if (name === 'a million tokens') continue; // these targets tell no window
        const bytes = new Uint8Array(Buffer.from(body as string));
        const statuses = await Promise.all(
          fleet.urls.map(async (url) => {
            const headers = { ...ALICE, 'content-type': 'application/json' };
            const response = await fetch(`${url}/v1/chat/completions`, { method: 'POST', headers, body: bytes });
            await response.text();
            return response.status;
          }),
        );
        expect([name, ...statuses]).toEqual([name, code, code, code]);
      }
      expect(upstream.requests).toEqual([]);
      await allAreWell();
    },
    SLOW,
  );

  it(
    'L04b odd but legal JSON to each is plain data for who comes next',
    async () => {
      for (const replica of fleet.replicas) {
        for (const body of ODD_JSON) {
          const response = await post(`${replica.url}/v1/chat/completions`, body, ALICE);
          expect([200, 400]).toContain(response.status);
          await response.text();
        }
        upstream.reset();
        expect(await (await chat(replica, {}, ALICE)).text()).not.toContain('polluted');
        expect(upstream.requests.at(-1)?.body).toEqual({ model: upstream.model, messages: ask('hi') });
      }
      await allAreWell();
    },
    SLOW,
  );

  it(
    'S04 no address from a request or a model server is ever called',
    async () => {
      const urls = [`${trapUrl}/a`, trapUrl.replace('127.0.0.1', 'localhost'), 'file:///etc/passwd'];
      urls.push('http://169.254.169.254/latest/meta-data/', 'gopher://127.0.0.1:1/', `//${new URL(trapUrl).host}/`);
      for (const replica of fleet.replicas) {
        for (const url of urls) {
          const parts = [
            { type: 'text', text: url },
            { type: 'image_url', image_url: { url } },
            { type: 'file', file: { file_data: url, file_id: url, filename: url } },
            { type: 'input_audio', input_audio: { data: url, format: 'wav' } },
          ];
          const named = { base_url: url, api_base: url, baseUrl: url, endpoint: url, url, webhook: url, callback: url };
          const tools = [{ type: 'mcp', server_url: url, server_label: 'x' }];
          const headers = {
            'x-forwarded-host': new URL(trapUrl).host,
            'x-base-url': url,
            'x-original-url': url,
            forwarded: `host=${url}`,
          };
          upstream.reset();
          const response = await chat(
            replica,
            { messages: [{ role: 'user', content: parts }], metadata: { url }, tools, ...named },
            { ...ALICE, ...headers },
          );
          await response.text();
          expect(response.status).toBe(200);
          expect(upstream.requests).toHaveLength(1); // there it goes, as it came
          expect(upstream.requests[0]?.body).toMatchObject({ messages: [{ content: parts }] });
          expect((await chat(replica, { model: url }, ALICE)).status).toBe(404);
          expect((await post(`${replica.url}/query`, { query: url, ...named }, ALICE)).status).toBe(400);
          await sendRaw(
            replica.url,
            `GET ${trapUrl}/metrics HTTP/1.1\r\nHost: ${new URL(trapUrl).host}\r\nConnection: close\r\n\r\n`,
          );
        }
        for (const code of [300, 301, 302, 303, 307, 308]) {
          for (const stream of [false, true]) {
            upstream.always(
              status(code, errorBody('elsewhere', 'moved'), { location: `${trapUrl}/v1/chat/completions` }),
            );
            const moved = await chat(replica, { stream }, ALICE);
            expect([code, moved.status, (await jsonOf<ErrorJson>(moved)).error.code]).toEqual([
              code,
              502,
              'upstream_error',
            ]);
          }
        }
      }
      expect(trapped).toBe(0);
      upstream.reset();
      await allAreWell();
      figure('S04', `${urls.length} addresses in 20 places, 6 redirects: calls 0`);
    },
    SLOW,
  );

  it(
    'S07 nothing that was written is in a log, span, metric, record or error, unless the tenant wants it',
    async () => {
      const texts = [WORD, ...PRIVATE, `${WORD}${ORDERS}`];
      const bodies: string[] = [];
      const take = async (asked: Promise<Response>): Promise<void> => {
        const response = await asked;
        const text = await response.text();
        if (response.status >= 400) bodies.push(text);
        for (const [name, value] of response.headers) bodies.push(`${name}: ${value}`);
      };
      for (const replica of fleet.replicas) {
        const { url } = replica;
        for (const text of texts) {
          // the id of a request is the caller's own choice and stands everywhere; one with private text in it is not taken
          const header = text.replace(/[^\x20-\x7e]/g, '');
          const said = { messages: ask(`${text} ${PRIVATE.join(' ')}`), user: text, metadata: { [text]: text } };
          upstream.always(status(400, errorBody(`no: ${text}`, text, text, text)));
          await take(chat(replica, { ...said, model: text }, ALICE));
          await take(
            chat(replica, said, {
              ...ALICE,
              'x-session-id': header,
              'x-request-id': text === WORD ? 'mine' : header,
              traceparent: header,
            }),
          );
          upstream.always(status(500, errorBody(`no: ${text}`, text, text, text)));
          await take(
            chat(
              replica,
              { ...said, stream: true },
              { ...ALICE, 'x-router-strategy': header, 'idempotency-key': header },
            ),
          );
          upstream.reset();
          await take(
            chat(replica, said, { ...ALICE, 'user-agent': header, referer: header, 'x-forwarded-for': header }),
          );
          await take(chat(replica, {}, { authorization: `Bearer ${header}` }));
          await take(post(`${url}/query`, { query: text, session_id: text, [text]: text }, ALICE));
          await take(post(`${url}/v1/route`, { query: text, strategy: text }, ALICE));
          await take(post(`${url}/v1/feedback`, { request_id: text, score: 1, comment: text }, ALICE));
          await take(post(`${url}/v1/chat/completions`, `{"model":"auto","messages": ${text}`, ALICE));
          for (const path of ['v1/models', 'v1/sessions', 'admin/targets', 'v1', '.'])
            await take(
              fetch(`${url}/${path}/${encodeURIComponent(text)}?${encodeURIComponent(text)}`, { headers: OPERATOR }),
            );
        }
        await take(
          post(
            `${url}/v1/feedback`,
            { request_id: 'latest', score: 1, comment: `good, says ${PRIVATE.join(' ')}` },
            ALICE,
          ),
        );
        const told = { messages: ask(`${LOGGED_WORD} asks.${ORDERS}\n Tell ${PRIVATE.join('.\n')}`) };
        await take(chat(replica, told, OLGA));
        await take(chat(replica, { ...told, stream: true }, OLGA));
      }
      const metrics = await Promise.all(fleet.urls.map(async (url) => (await fetch(`${url}/metrics`)).text()));
      const listed = await Promise.all(
        fleet.urls.flatMap((url) =>
          ['/admin/targets', '/admin/usage', '/admin/requests?format=jsonl', '/ready'].map(async (path) =>
            (await fetch(url + path, { headers: OPERATOR })).text(),
          ),
        ),
      );
      expect(listed.join('\n')).toContain('"request_id"');
      const output = fleet.replicas.flatMap((replica) => replica.output);
      const open = (line: string): boolean => line.includes('"tenant":"open"');
      const sent = () => collector.logs.map((log) => attributesOf(log));
      const isOpen = ({ tenant }: Record<string, unknown>): boolean => tenant === 'open';
      await eventually(
        'the last request line of each has been sent',
        SENT_MS,
        () => sent().filter(isOpen).length === 6,
      );
      const places = {
        log: output.filter((line) => !open(line)).join('\n'),
        spans: JSON.stringify(collector.spans),
        'lines that were sent': JSON.stringify(sent().filter((line) => !isOpen(line))),
        metrics: metrics.join('\n'),
        listed: listed.join('\n').replaceAll(`"session_id":"${WORD}"`, ''), // a conversation is found by its name
      };
      const forged = ['forged', '\u001b', '\u009b', '\u0007'];
      for (const [place, text] of Object.entries(places)) {
        const found = [WORD, LOGGED_WORD, ...PRIVATE, ...forged].filter((planted) => text.includes(planted));
        const shown = found.map((planted) => text.slice(Math.max(0, text.indexOf(planted) - 200)).slice(0, 300));
        expect({ place, shown }).toEqual({ place, shown: [] });
      }
      const secrets = PRIVATE.slice(0, 3);
      for (const text of bodies) expect([text, secrets.filter((secret) => text.includes(secret))]).toEqual([text, []]);
      expect(bodies.filter((text) => /^x-forged/i.test(text))).toEqual([]);

      const contents = output
        .filter(open)
        .map((line) => JSON.parse(line) as { content: { messages: string; answer: string | null } });
      expect(contents).toHaveLength(6);
      for (const { content } of contents) {
        expect(content.messages).toContain(`user: ${LOGGED_WORD} asks.`);
        expect(content.answer).toMatch(/^assistant: /);
        for (const text of PRIVATE) expect(content.messages).not.toContain(text);
      }
      for (const line of output) expect(line).toMatch(/^[\x20-\x7e]*$|^ {2}/); // no line that a caller made, and no order to a terminal
      figure(
        'S07',
        `planted in ${bodies.length} answers of three replicas: found 0; content of the tenant that wants it: 6 lines`,
      );
    },
    SLOW,
  );

  it(
    'L05 headers that never end: 408 and hung up, on each',
    async () => {
      const answers = await slow;
      expect(answers.map(({ status: code }) => code)).toEqual([408, 408, 408]);
      await allAreWell();
    },
    SLOW,
  );
});
