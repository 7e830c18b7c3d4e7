import type { ValidateFunction } from 'ajv';
import type { Api, DocumentedResponse } from './api.js';
import type { Call } from './call.js';
import type { Answer, Outcome } from './wire.js';

/** Headers of this service, which the document names where they come. Those of all HTTP servers go without. */
const OWN_HEADER = /^(x-(request-id|router|ratelimit|should-retry)|retry-after$|www-authenticate$|age$)/;
/** A model server that misbehaves has these as its right answers; 529 is Anthropic's 503. */
const OF_UPSTREAM = new Set([502, 503, 504, 529]);

/** What is wrong with how a call went, in a few words each; nothing = all is as the OpenAPI document says. */
export function problemsOf(api: Api, call: Call, outcome: Outcome): string[] {
  if (typeof outcome === 'string') {
    if (outcome === 'left' || (outcome === 'closed' && (call.isBroken || call.leaves !== null))) return [];
    return [OUTCOMES[outcome]];
  }
  const problems = [...statusProblems(call, outcome)];
  if (call.method === 'HEAD') return problems;
  const response = call.isBroken ? undefined : call.operation?.responses.get(outcome.status);
  if (response) problems.push(...documentedProblems(response, outcome));
  else if (outcome.status >= 400) problems.push(...errorProblems(api, outcome));
  if (call.operation && !call.isBroken && !response) problems.push(`status ${outcome.status} is not documented`);
  return problems;
}

const OUTCOMES = {
  closed: 'the connection ended without an answer',
  late: 'no answer in time',
  garbled: 'the answer is no HTTP',
};

function* statusProblems(call: Call, { status, headers, body }: Answer): Generator<string> {
  if (status < 200) yield `status ${status} is no answer`;
  if (headers.get('x-request-id') === undefined) yield 'no x-request-id';
  if (status < 500 || (call.mayFail && OF_UPSTREAM.has(status)) || isOverload(status, body)) return;
  yield `status ${status}`;
}

/** A replica that has too much to do may say so. */
export const isOverload = (status: number, body: Buffer): boolean =>
  (status === 503 || status === 529) && body.includes('"code":"overloaded"');

function* documentedProblems(response: DocumentedResponse, { headers, body }: Answer): Generator<string> {
  for (const [name, { required }] of response.headers) {
    if (required && !headers.has(name)) yield `header ${name} is missing`;
  }
  for (const name of headers.keys()) {
    if (OWN_HEADER.test(name) && !response.headers.has(name)) yield `header ${name} is not documented`;
  }
  const type = mediaType(headers);
  const check = response.bodies.get(type);
  if (!check) yield `content type ${type || 'none'} is not documented`;
  else if (type === 'text/event-stream') yield* streamProblems(check, body);
  else if (type === 'application/json') yield* jsonProblems(check, body.toString('utf8'));
}

/** Without parameters; empty = none. */
export const mediaType = (headers: ReadonlyMap<string, string>): string =>
  headers.get('content-type')?.split(';')[0]?.trim() ?? '';

function* errorProblems({ isError }: Api, { headers, body }: Answer): Generator<string> {
  const type = mediaType(headers);
  if (type !== 'application/json') yield `an error of content type ${type || 'none'}`;
  else yield* jsonProblems(isError, body.toString('utf8'));
}

function* jsonProblems(check: ValidateFunction, text: string): Generator<string> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    yield 'the body is no JSON';
    return;
  }
  if (check(json)) return;
  const [fault] = check.errors ?? [];
  // names and numbers in a path would make each fault one of its own
  yield `the body is not as documented: ${fault?.instancePath.replace(/\d+/g, '*')} ${fault?.message} ${JSON.stringify(fault?.params)}`;
}

/** An event, with its name in front where the protocol names them. */
const EVENT = /^(?:event: \S+\n)?data: (.*)$/;
/** What a stream of named events ends with. */
const LAST_EVENT = /^\{"type":"(?:message_stop|error|response\.(?:completed|incomplete|failed))"/;

/** Server-sent events as this service writes them: one line of data each, comments, and at the end the event that says so. */
function* streamProblems(check: ValidateFunction, body: Buffer): Generator<string> {
  const text = body.toString('utf8');
  if (!text.endsWith('\n\n')) yield 'the stream ends within an event';
  const events = text.split('\n\n').filter((event) => event !== '' && !event.startsWith(':'));
  for (const [at, event] of events.entries()) {
    const isLast = at === events.length - 1;
    const [, data] = EVENT.exec(event) ?? [];
    if (data === undefined) yield 'an event is no line of data';
    else if (data === '[DONE]') {
      if (!isLast) yield 'an event comes after [DONE]';
    } else if (data.startsWith('{"error":')) {
      if (!isLast) yield 'an event comes after an error';
    } else {
      yield* jsonProblems(check, data);
      if (isLast && !LAST_EVENT.test(data)) yield 'the stream has no end';
    }
  }
  if (events.length === 0) yield 'the stream is empty';
}
