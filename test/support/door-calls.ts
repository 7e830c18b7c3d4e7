import { isFields, ownField, type Fields } from '../../src/common/json/fields.js';
import { post } from './router-calls.js';

/** The doors that stand in front of the same recipe as chat completions. */
export const DOORS = ['responses', 'messages'] as const;
export type Door = (typeof DOORS)[number];

export const PATHS: Record<Door, string> = { responses: '/v1/responses', messages: '/v1/messages' };

/** What a caller of a door got, in whatever protocol. */
export interface DoorView {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** `type` or `code` of the error, as the door's protocol names it; `null` = none. */
  readonly error: string | null;
  readonly message: string;
  /** Whether the answer ended as a complete one does. */
  readonly isComplete: boolean;
  /** Tokens of the answer; `null` = nobody said. */
  readonly outputTokens: number | null;
  readonly model: string | null;
  readonly ids: number;
  readonly raw: string;
  readonly ms: number;
}

interface DoorBody {
  readonly question?: string;
  readonly stream?: boolean;
  readonly model?: string;
  readonly [field: string]: unknown;
}

export function bodyFor(door: Door, { question = 'hi', model = 'auto', ...rest }: DoorBody): Fields {
  if (door === 'responses') return { model, input: question, store: false, ...rest };
  return { model, max_tokens: 1_000, messages: [{ role: 'user', content: question }], ...rest };
}

/** Asks through a door and reads the answer to its end. */
export async function askedThrough(
  door: Door,
  { url }: { readonly url: string },
  body: DoorBody = {},
  headers: Record<string, string> = {},
  signal?: AbortSignal,
): Promise<DoorView> {
  const startedAt = performance.now();
  const response = await post(url + PATHS[door], bodyFor(door, body), headers, signal);
  const raw = await response.text();
  const ms = performance.now() - startedAt;
  const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') ?? false;
  const events = isStream ? eventsOf(raw) : [JSON.parse(raw) as Fields];
  const read = isStream ? STREAMS[door](events) : PLAIN[door](events[0]!);
  return { status: response.status, headers: response.headers, raw, ms, ...read };
}

/** The JSON of each event. @throws Error for an event whose two lines disagree, as its reader would skip it */
export function eventsOf(raw: string): Fields[] {
  return raw.split('\n\n').flatMap((event) => {
    if (event === '' || event.startsWith(':')) return [];
    const [, name, data] = /^event: (\S+)\ndata: (.*)$/s.exec(event) ?? [];
    if (data === undefined) throw new Error(`no event of this protocol: ${event}`);
    const json = JSON.parse(data) as Fields;
    if (json['type'] !== name) throw new Error(`event ${name} carries ${String(json['type'])}`);
    return [json];
  });
}

type Read = Pick<DoorView, 'text' | 'error' | 'message' | 'isComplete' | 'outputTokens' | 'model' | 'ids'>;

const STREAMS: Record<Door, (events: readonly Fields[]) => Read> = {
  responses: (events) => {
    const last = at(events.at(-1), 'response');
    const error = at(last, 'error');
    return {
      text: textOf(events, 'response.output_text.delta', (event) => event['delta']),
      error: word(error['code']),
      message: word(error['message']) ?? '',
      isComplete: events.at(-1)?.['type'] === 'response.completed',
      outputTokens: count(at(last, 'usage')['output_tokens']),
      model: word(last['model']),
      ids: new Set(events.flatMap((event) => word(at(event, 'response')['id']) ?? [])).size,
    };
  },
  messages: (events) => {
    const error = at(
      events.find(({ type }) => type === 'error'),
      'error',
    );
    const started = events.filter(({ type }) => type === 'message_start').map((event) => at(event, 'message'));
    const end = events.findLast(({ type }) => type === 'message_delta');
    return {
      text: textOf(events, 'content_block_delta', (event) => at(event, 'delta')['text']),
      error: word(error['type']),
      message: word(error['message']) ?? '',
      isComplete: events.at(-1)?.['type'] === 'message_stop',
      outputTokens: count(at(end, 'usage')['output_tokens']),
      model: word(started[0]?.['model']),
      ids: new Set(started.map(({ id }) => id)).size,
    };
  },
};

const PLAIN: Record<Door, (body: Fields) => Read> = {
  responses: (body) => {
    const error = at(body, 'error');
    return {
      text: joined(listAt(body, 'output').flatMap((item) => listAt(item, 'content'))),
      error: word(error['code']),
      message: word(error['message']) ?? '',
      isComplete: body['status'] === 'completed',
      outputTokens: count(at(body, 'usage')['output_tokens']),
      model: word(body['model']),
      ids: 1,
    };
  },
  messages: (body) => {
    const error = at(body, 'error');
    return {
      text: joined(listAt(body, 'content')),
      error: word(error['type']),
      message: word(error['message']) ?? '',
      isComplete: body['type'] === 'message' && word(body['stop_reason']) !== null,
      outputTokens: count(at(body, 'usage')['output_tokens']),
      model: word(body['model']),
      ids: 1,
    };
  },
};

const NOTHING: Fields = {};

function at(fields: Fields | undefined, name: string): Fields {
  const value = fields && ownField(fields, name);
  return isFields(value) ? value : NOTHING;
}

function listAt(fields: Fields, name: string): Fields[] {
  const value = ownField(fields, name);
  return Array.isArray(value) ? value.filter(isFields) : [];
}

const word = (value: unknown): string | null => (typeof value === 'string' ? value : null);
const count = (value: unknown): number | null => (typeof value === 'number' ? value : null);
const joined = (parts: readonly Fields[]): string => parts.map(({ text }) => word(text) ?? '').join('');

const textOf = (events: readonly Fields[], type: string, of: (event: Fields) => unknown): string =>
  events
    .filter((event) => event['type'] === type)
    .map((event) => word(of(event)) ?? '')
    .join('');
