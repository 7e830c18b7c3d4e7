import { readApi, type Api } from './api.js';
import type { Call } from './call.js';
import { problemsOf } from './judge.js';
import type { Outcome } from './wire.js';

const text = { type: 'string' };
const chunk = { type: 'object', required: ['n'], properties: { n: { type: 'integer', nullable: true } } };
const code = { type: 'string', enum: ['invalid_request'] };
const error = {
  type: 'object',
  required: ['error'],
  properties: { error: { type: 'object', required: ['code'], properties: { code } } },
};
const api: Api = readApi({
  openapi: '3.0.3',
  paths: {
    '/a': {
      get: {
        responses: {
          200: {
            headers: { 'X-Request-Id': { required: true }, Age: {} },
            content: {
              'application/json': { schema: chunk },
              'text/event-stream': { schema: { ...text, 'x-event': chunk } },
            },
          },
          400: { headers: { 'X-Request-Id': { required: true } }, content: { 'application/json': { schema: error } } },
        },
      },
    },
  },
});

const call: Call = {
  operation: api.operations[0]!,
  ...{ method: 'GET', path: '/a', headers: [], body: null, mutations: [] },
  ...{ leaves: null, isBroken: false, mayFail: false },
};
const astray: Call = { ...call, operation: null };

function answer(status: number, type: string, body: string, more: Record<string, string> = {}): Outcome {
  const headers = new Map(Object.entries({ 'x-request-id': 'r', 'content-type': type, ...more }));
  return { status, headers, body: Buffer.from(body), ms: 1 };
}
const json = (status: number, value: unknown, more?: Record<string, string>) =>
  answer(status, 'application/json; charset=utf-8', JSON.stringify(value), more);
const stream = (body: string) => answer(200, 'text/event-stream; charset=utf-8', body);
const whole = { error: { message: 'm', type: 't', param: null, code: 'invalid_request' } };

it.each<[string, Call, Outcome, string[]]>([
  ['an answer as documented', call, json(200, { n: 1 }, { age: '1' }), []],
  ['null where it is allowed', call, json(200, { n: null }), []],
  ['another body', call, json(200, { n: 'x' }), ['the body is not as documented: /n must be integer']],
  ['no JSON', call, answer(200, 'application/json', '{'), ['the body is no JSON']],
  ['another media type', call, answer(200, 'text/html', ''), ['content type text/html is not documented']],
  ['another status', call, json(404, whole), ['status 404 is not documented']],
  [
    'an undocumented header',
    call,
    json(200, { n: 1 }, { 'x-router-target': 'a' }),
    ['header x-router-target is not documented'],
  ],
  ['a failure', call, json(500, whole), ['status 500', 'status 500 is not documented']],
  ['a failure of a model server that misbehaves', { ...astray, mayFail: true }, json(502, whole), []],
  [
    'overload',
    astray,
    json(503, { error: { ...whole.error, code: 'overloaded' } }),
    ['the body is not as documented: /error/code'],
  ],
  ['an error of no route', astray, json(404, whole), []],
  [
    'an error with a code that nobody knows',
    astray,
    json(404, { error: { ...whole.error, code: 'x' } }),
    ['/error/code'],
  ],
  ['a page instead of an error', astray, answer(404, 'text/html', ''), ['an error of content type text/html']],
  ['silence', call, 'late', ['no answer in time']],
  ['a hang-up', call, 'closed', ['the connection ended without an answer']],
  ['a hang-up on a request that is none', { ...call, isBroken: true }, 'closed', []],
  ['a stream', call, stream(': hi\n\ndata: {"n":1}\n\ndata: [DONE]\n\n'), []],
  ['a stream that ends with an error', call, stream('data: {"n":1}\n\ndata: {"error":{}}\n\n'), []],
  ['a stream without an end', call, stream('data: {"n":1}\n\n'), ['the stream has no end']],
  ['a stream that goes on', call, stream('data: [DONE]\n\ndata: {"n":1}\n\n'), ['after [DONE]', 'no end']],
  ['an event of another form', call, stream('data: {}\n\ndata: [DONE]\n\n'), ["must have required property 'n'"]],
  ['half an event', call, stream('data: {"n":1}\n\ndata: [DONE]'), ['the stream ends within an event']],
])('%s', (_, asked, outcome, expected) => {
  expect(problemsOf(api, asked, outcome)).toEqual(expected.map((words) => expect.stringContaining(words) as string));
});
