import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readApi, type ApiDocument } from './api.js';
import { campaign } from './campaign.js';
import type { Call } from './call.js';
import { fuzzService } from './run.js';
import { Wire } from './wire.js';

const code = { type: 'string', enum: ['invalid_api_key'] };
const error = { type: 'object', properties: { error: { type: 'object', properties: { code } } } };
const answers = (schema: object) => ({ content: { 'application/json': { schema } } });
const DOCUMENT = {
  openapi: '3.0.3',
  paths: {
    '/health': { get: { responses: { 200: answers({}) } } },
    '/v1/models': {
      get: { responses: { 200: answers({}), 401: answers(error), 404: answers(error), 405: answers(error) } },
    },
  },
} as unknown as ApiDocument;
const SECONDS = 1;
const PLAN = { seconds: SECONDS, seed: 1, keepIn: 'node_modules/.cache/fuzz' };
const CALLS = { keysFor: () => ['some-key'], known: {}, oddModel: null };
const FIELDS = { message: 'm', type: 't', param: null };

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json', 'x-request-id': 'r' }).end(JSON.stringify(body));
}

describe('a fuzz run', () => {
  let server: Server;
  let url: URL;
  let models: (response: ServerResponse) => void;
  beforeEach(async () => {
    server = createServer(({ url: path = '' }, response) => {
      if (path === '/openapi.json') send(response, 200, DOCUMENT);
      else if (path === '/v1/models') models(response);
      else
        send(
          response,
          path === '/health' ? 200 : 404,
          path === '/health' ? {} : { error: { ...FIELDS, code: 'not_found' } },
        );
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  });
  afterEach(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });

  const NO_ACCESS = expect.stringContaining('is it the right one');
  it.each([
    ['is one finding where its key opens nothing', 401, { error: { ...FIELDS, code: 'invalid_api_key' } }, [NO_ACCESS]],
    ['has none where its key opens something', 200, {}, []],
  ])('%s', async (_, status, body, found) => {
    models = (response) => send(response, status, body);
    const report = await fuzzService(url, CALLS, PLAN);
    expect(report.result.requests).toBeGreaterThan(0);
    expect(report.remains.filter((one) => one.includes('key'))).toEqual(found);
  });

  it('fails with what its own parts throw', async () => {
    const bug = new TypeError('a bug of the harness');
    models = (response) => send(response, 200, {});
    const check = () => {
      throw bug;
    };
    const api = readApi(DOCUMENT);
    const response = { headers: new Map(), bodies: new Map([['application/json', check]]) };
    const operations = api.operations.map((one) => ({ ...one, responses: new Map([[200, response]]) }));
    const options = { ...CALLS, ...PLAN, url, callersAtOnce: 1, deadlineMs: 1_000 };
    await expect(campaign({ ...api, operations } as unknown as typeof api, options)).rejects.toBe(bug);
  });

  it('leaves no connection behind, whatever is under way at its end', async () => {
    const asked = new Promise<ServerResponse>((settle) => (models = settle));
    const wire = new Wire(url, 5_000);
    const path = '/v1/models';
    const call = { operation: null, method: 'GET', path, headers: [], body: null, mutations: [] };
    const outcome = wire.send({ ...call, leaves: null, isBroken: false, mayFail: false } satisfies Call);
    const response = await asked;
    const gone = once(response.socket!, 'close');
    wire.close();
    send(response, 200, {});
    await gone;
    expect(await outcome).toBe('closed');
  });
});
