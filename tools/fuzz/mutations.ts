import { gzipSync } from 'node:zlib';
import fc, { type Arbitrary } from 'fast-check';
import { headerOf, setHeader, type Call } from './call.js';

/** Which mutation, and two numbers that say where and how. */
interface Mutation {
  readonly name: keyof typeof MUTATIONS;
  readonly at: number;
  readonly how: number;
}

const pick = <T>(list: readonly T[], at: number): T => list[at % list.length] as T;

const DEEP = 200;
const LONG = 100_000;
/** JSON texts, valid or not, that readers of JSON are known to get wrong. */
const NASTY: readonly string[] = [
  ...[
    'null',
    'true',
    'false',
    '0',
    '-0',
    '-1',
    '1.5',
    '1e400',
    '-1e400',
    '1e-400',
    '9007199254740993',
    '99999999999999999999999',
  ],
  ...[
    '""',
    '" "',
    '"\\ud800"',
    '"\\udfff\\ud800"',
    '"\\u0000"',
    '"\\u2028"',
    '"\\ufeff"',
    '"__proto__"',
    '"constructor"',
    '"toString"',
  ],
  ...['[]', '{}', '[[]]', '[null]', '[{}]', '{"a":{"a":{}}}', '["a","b"]', '[1,2,3]'],
  ...[
    '{"__proto__":{"polluted":true}}',
    '{"constructor":{"prototype":{"polluted":true}}}',
    '{"toString":1,"valueOf":2,"length":-1}',
  ],
  ...[
    '{"type":"text"}',
    '{"type":"image_url","image_url":{"url":"file:///etc/passwd"}}',
    '{"type":"image_url","image_url":null}',
  ],
  ...['[{"type":"text","text":5}]', '[{"type":"input_audio"}]', '{"then":true}', '{"toJSON":1}', '{"$ref":"#"}'],
  ...[
    'NaN',
    'Infinity',
    'undefined',
    "'a'",
    '01',
    '+1',
    '.5',
    '1.',
    '0x10',
    '"\\x41"',
    '"\u0001"',
    '[1,]',
    '{"a":1,}',
    '{a:1}',
    '/*c*/1',
  ],
  ...['[', '{', ']', '"', '\\', '{"a"', '{"a":', '[1', '"\\u12'],
  '['.repeat(DEEP) + ']'.repeat(DEEP),
  '{"a":'.repeat(DEEP) + '1' + '}'.repeat(DEEP),
  '['.repeat(100) + ']'.repeat(100),
  `"${'a'.repeat(LONG)}"`,
  `"${'\\u4e2d'.repeat(5000)}"`,
  `[${'0,'.repeat(5000)}0]`,
  `{${Array.from({ length: 500 }, (_, i) => `"k${i}":${i}`).join(',')}}`,
];
const KEYS = [
  '__proto__',
  'constructor',
  'prototype',
  'hasOwnProperty',
  'toString',
  'then',
  '',
  ' ',
  '\\ud800',
  '\\u0000',
  'model',
  'messages',
  'stream',
  'query',
  'n',
  'tools',
  'stop',
  'a'.repeat(5000),
];

const METHODS = [
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
  'TRACE',
  'CONNECT',
  'PROPFIND',
  'SEARCH',
  'M-SEARCH',
  'BREW',
  'get',
  'X'.repeat(300),
  'PRI',
  'QUERY',
];
const PATH_ENDS = [
  '/',
  '//',
  '/..',
  '/../admin/targets',
  '/%2e%2e/',
  '%',
  '%0',
  '%zz',
  '%00',
  '%c0%ae',
  '%ff',
  '\xff\xfe',
  ';a=b',
  '#x',
  '?',
  '?a',
  '?a=%',
  '?limit=1&limit=2',
  '?limit[]=1',
  '?__proto__[x]=1',
  '?after=%ff',
  '?limit=1e9',
  '?tenant=&model=',
  '/a'.repeat(500),
  `/${'x'.repeat(3000)}`,
  `?${'q=1&'.repeat(2000)}`,
  '/%2f%2f',
  '\\..\\',
  '/__proto__',
  '/constructor',
  '?order=__proto__',
];
const PATH_HEADS = [
  '/',
  '//',
  '/v1',
  '/v1/v1',
  '/api',
  '/openai/v1',
  '/..',
  'http://example.com',
  '*',
  '',
  'x',
  '/\x80',
  '/docs/..',
  '/docs/%2e%2e/%2e%2e/package.json',
  '/docs/swagger-ui-init.js/',
];
const HEADER_NAMES = [
  'x-request-id',
  'x-session-id',
  'x-router-strategy',
  'idempotency-key',
  'cache-control',
  'authorization',
  'x-api-key',
  'api-key',
  'host',
  'connection',
  'expect',
  'upgrade',
  'content-length',
  'transfer-encoding',
  'content-type',
  'accept',
  'accept-encoding',
  'cookie',
  'origin',
  'referer',
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'traceparent',
  'tracestate',
  'baggage',
  'range',
  'if-none-match',
  'if-match',
  'te',
  'trailer',
  'access-control-request-method',
  'access-control-request-headers',
  'sec-fetch-site',
  'user-agent',
  '__proto__',
  'constructor',
  'x-http-method-override',
  'anthropic-version',
  'bad name',
  'bad(name)',
  '',
  'x\x00y',
  '\xe9',
];
const HEADER_VALUES = [
  '',
  ' ',
  'a',
  '0',
  '-1',
  '1e9',
  '999999999999999999999',
  'null',
  '__proto__',
  'constructor',
  '\xff\xfe',
  '\x01\x02',
  'a\x00b',
  'é',
  'a\tb',
  'a, b',
  'a;b=c',
  '"',
  '*',
  '*/*;q=x',
  'close',
  'upgrade',
  'keep-alive',
  'websocket',
  '100-continue',
  '200-ok',
  'chunked',
  'gzip, chunked',
  'identity',
  'gzip',
  'deflate',
  'br',
  'no-store',
  'no-cache',
  'max-age=x',
  'Bearer',
  'Bearer ',
  'Bearer a b',
  'Basic Og==',
  'bytes=0-',
  '127.0.0.1',
  'evil.example',
  'http://evil.example',
  'null',
  'cross-site',
  '00-00000000000000000000000000000000-0000000000000000-00',
  '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
  'ff-x',
  'x'.repeat(200),
  'x'.repeat(9000),
  'x'.repeat(20_000),
  '../..',
  '${jndi:ldap://x}',
  "' or 1=1 --",
  'a\r\nx-injected: 1',
];
const CONTENT_TYPES = [
  '',
  'text/plain',
  'application/xml',
  'multipart/form-data',
  'multipart/form-data; boundary=',
  'application/x-www-form-urlencoded',
  'application/json; charset=utf-16',
  'application/json; charset="',
  'APPLICATION/JSON',
  'application/json,application/json',
  'application/json;',
  'application/vnd.api+json',
  '*/*',
  'json',
  'application',
  'application/json; __proto__=1',
  '\xff',
];
const CODINGS = [
  'gzip',
  'deflate',
  'br',
  'zstd',
  'identity',
  'gzip, gzip',
  'x-gzip',
  'compress',
  '',
  'chunked',
  'GZIP',
  'a'.repeat(2000),
];

const textOf = (call: Call): string => call.body?.toString('utf8') ?? '';
const setText = (call: Call, text: string): void => {
  if (call.body) call.body = Buffer.from(text);
};

/** Somewhere in a text behind one of its marks; the whole text where it has none. */
function placesOf(text: string, mark: RegExp): RegExpExecArray[] {
  return [...text.matchAll(mark)];
}

/** A value behind a colon, a bracket or a comma: a string, a number, a word, or the opening of something. */
const VALUE = /(?<=[:[,]\s*)("(?:[^"\\]|\\.)*"|-?[\d.eE+-]+|true|false|null|\{\}|\[\])(?=\s*[,\]}])/g;
const OPENING = /\{/g;
const MEMBER = /"(?:[^"\\]|\\.)*":("(?:[^"\\]|\\.)*"|-?[\d.eE+-]+|true|false|null|\{\}|\[\]),?/g;

function spliced(text: string, { index, 0: found }: RegExpExecArray, with_: string): string {
  return text.slice(0, index) + with_ + text.slice(index + found.length);
}

/** Method or path may lead elsewhere now. */
function astray(call: Call): void {
  call.operation = null;
}

const MUTATIONS = {
  /** Another value in the place of one, mostly of the wrong type. */
  value(call: Call, at: number, how: number) {
    const text = textOf(call);
    const places = placesOf(text, VALUE);
    if (places.length > 0) setText(call, spliced(text, pick(places, at), pick(NASTY, how)));
    else setText(call, pick(NASTY, how));
  },
  /** One field more: one that is there already, or one with a meaning in JavaScript. */
  field(call: Call, at: number, how: number) {
    const text = textOf(call);
    const places = placesOf(text, OPENING);
    if (places.length === 0) return;
    setText(call, spliced(text, pick(places, at), `{"${pick(KEYS, how)}":${pick(NASTY, at + how)},`));
  },
  missing(call: Call, at: number) {
    const text = textOf(call);
    const places = placesOf(text, MEMBER);
    if (places.length > 0) setText(call, spliced(text, pick(places, at), '').replace(/,\s*([}\]])/g, '$1'));
  },
  truncated(call: Call, at: number) {
    if (call.body) call.body = call.body.subarray(0, at % (call.body.length + 1));
  },
  /** Bytes that are no UTF-8, or no text. */
  bytes(call: Call, at: number, how: number) {
    if (!call.body) return;
    const added = pick(
      [[0xff], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0], [0xef, 0xbb, 0xbf], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82]],
      how,
    );
    const place = at % (call.body.length + 1);
    call.body = Buffer.concat([call.body.subarray(0, place), Buffer.from(added), call.body.subarray(place)]);
  },
  /** A body where none belongs, or another one altogether. */
  body(call: Call, _at: number, how: number) {
    call.body = Buffer.from(pick(NASTY, how));
    if (headerOf(call, 'content-type') === undefined) setHeader(call, 'content-type', 'application/json');
  },
  'no body'(call: Call) {
    call.body = null;
  },
  'content type'(call: Call, at: number) {
    setHeader(call, 'content-type', pick(CONTENT_TYPES, at));
  },
  /** Compressed as it says, or not. */
  coding(call: Call, at: number, how: number) {
    setHeader(call, 'content-encoding', pick(CODINGS, at));
    if (call.body && how % 2 === 0) call.body = gzipSync(call.body);
  },
  /** In pieces of other sizes than the network's. */
  chunked(call: Call, at: number) {
    const { body } = call;
    if (!body || body.length === 0 || headerOf(call, 'transfer-encoding') !== undefined) return;
    const size = 1 + (at % Math.min(body.length, 997));
    const pieces: Buffer[] = [];
    const step = Math.max(size, Math.ceil(body.length / 50));
    for (let from = 0; from < body.length; from += step) {
      const piece = body.subarray(from, from + step);
      pieces.push(Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from('\r\n'));
    }
    call.body = Buffer.concat([...pieces, Buffer.from('0\r\n\r\n')]);
    call.headers.push(['transfer-encoding', 'chunked']);
  },
  method(call: Call, at: number) {
    call.method = pick(METHODS, at);
    astray(call);
  },
  'path end'(call: Call, at: number) {
    call.path += pick(PATH_ENDS, at);
    astray(call);
  },
  'path head'(call: Call, at: number) {
    call.path = pick(PATH_HEADS, at) + call.path;
    astray(call);
  },
  header(call: Call, at: number, how: number) {
    const name = pick(HEADER_NAMES, at);
    const value = pick(HEADER_VALUES, how);
    call.headers.push([name, value]);
    if (FRAMING.test(name) || !isHeader(name, value)) call.isBroken = true;
  },
  'no credential'(call: Call) {
    const at = call.headers.findIndex(([name]) => name === 'authorization');
    if (at >= 0) call.headers.splice(at, 1);
  },
  'wrong length'(call: Call, at: number) {
    call.headers.push([
      'content-length',
      String(pick([0, 1, 5, -1, (call.body?.length ?? 0) + 10, '1e3', '0x10', '5, 5', ''], at)),
    ]);
    call.isBroken = true;
  },
  'leaves while asking'(call: Call, at: number) {
    call.leaves = at;
  },
  'leaves the answer'(call: Call) {
    call.leaves = 'answer';
  },
} satisfies Record<string, (call: Call, at: number, how: number) => void>;

/** They say where a request ends, or what is to be done with the connection. */
const FRAMING = /^(host|connection|expect|upgrade|content-length|transfer-encoding|te|trailer|)$/i;
const isHeader = (name: string, value: string): boolean =>
  /^[!#$%&'*+.^`|~\w-]+$/.test(name) && /^[\t\x20-\x7e\x80-\xff]*$/.test(value) && value.length < 9000;

const NAMES = Object.keys(MUTATIONS) as (keyof typeof MUTATIONS)[];
const one: Arbitrary<Mutation> = fc.record({
  name: fc.constantFrom(...NAMES),
  at: fc.nat({ max: 100_000 }),
  how: fc.nat({ max: 10_000 }),
});

/** None, often; mostly one; rarely more. */
export const mutations: Arbitrary<readonly Mutation[]> = fc.oneof(
  { weight: 3, arbitrary: fc.constant([]) },
  { weight: 5, arbitrary: fc.array(one, { minLength: 1, maxLength: 1 }) },
  { weight: 2, arbitrary: fc.array(one, { minLength: 2, maxLength: 4 }) },
);

/** Bodies are changed first and framed last, in whatever order the mutations come. */
const ORDER = new Map(NAMES.map((name, at) => [name, at]));

export function mutate(call: Call, all: readonly Mutation[]): void {
  const ordered = [...all].sort((a, b) => ORDER.get(a.name)! - ORDER.get(b.name)!);
  for (const { name, at, how } of ordered) {
    MUTATIONS[name](call, at, how);
    call.mutations.push(name);
  }
}
