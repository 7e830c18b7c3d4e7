import type { Model } from 'openai/resources/models';
import { Agent, request, type Dispatcher } from 'undici';
import { isFields, ownField, type Fields } from '../../../common/json/fields.js';
import { readableJson } from '../../../common/json/readable.js';

/** A catalogue of models is a few kB; whatever sends more is no model server. */
const MAX_BODY_BYTES = 1024 * 1024;
/** Error codes that say that no program listens there. */
const NOBODY: ReadonlySet<unknown> = new Set([
  ...['ECONNREFUSED', 'EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOTFOUND', 'EAI_AGAIN'],
]);

/** Error codes of undici for what is no HTTP, and for a body that is too long. */
const NO_ANSWER = /^(HPE_|UND_ERR_RES_EXCEEDED_MAX_SIZE)/;

/**
 * How a look ended: `json` = 200 with JSON; `none` = nobody listens there; `silent` = somebody does, but said nothing in
 * time, cut the answer or is not well (5xx, 429); `denied` = wants a key; `other` = an answer of another kind.
 */
export type ProbeState = 'json' | 'none' | 'silent' | 'denied' | 'other';

export interface ProbeAnswer {
  readonly state: ProbeState;
  /** `undefined` unless `state` is `json`. */
  readonly json?: unknown;
}

/**
 * Asks a server for JSON: GET, or POST when there is a body. Never rejects.
 *
 * @param path behind the server's root, such as `/v1/models`
 */
export type Ask = (path: string, body?: unknown) => Promise<ProbeAnswer>;

/**
 * Connections for one round of discovery. Redirects are not followed and proxies not asked. `openai`'s own
 * `models.list()` is not used here: it follows redirects, reads bodies of any size, and its import takes 0.1 s and
 * 36 MB, which a start has better use for.
 */
export class ProbeConnections {
  private readonly agent = new Agent({ connections: 16, maxResponseSize: MAX_BODY_BYTES });

  /**
   * @param root what comes before every path, such as `http://127.0.0.1:11434`
   * @param deadline aborts what is still under way; the answer is then `silent`
   */
  to(root: string, deadline: AbortSignal): Ask {
    return async (path, body) => {
      try {
        const response = await request(`${root}${path}`, {
          ...requestOf(body),
          dispatcher: this.agent,
          signal: deadline,
        });
        return await answerOf(response);
      } catch (error) {
        return { state: stateOf(error) };
      }
    };
  }

  async close(): Promise<void> {
    await this.agent.destroy();
  }
}

function requestOf(body: unknown): Pick<Dispatcher.RequestOptions, 'method' | 'headers' | 'body'> {
  const headers = { accept: 'application/json', 'accept-encoding': 'identity', 'user-agent': 'hybrid-llm-router' };
  if (body === undefined) return { method: 'GET', headers };
  return { method: 'POST', headers: { ...headers, 'content-type': 'application/json' }, body: JSON.stringify(body) };
}

async function answerOf({ statusCode, body }: Dispatcher.ResponseData): Promise<ProbeAnswer> {
  if (statusCode === 200) {
    const json = readableJson(await body.text());
    return json === undefined ? { state: 'other' } : { state: 'json', json };
  }
  body.on('error', () => undefined).destroy();
  if (statusCode === 401 || statusCode === 403) return { state: 'denied' };
  return { state: statusCode >= 500 || statusCode === 429 ? 'silent' : 'other' };
}

function stateOf(error: unknown): ProbeState {
  const code = (error as NodeJS.ErrnoException).code;
  if (NOBODY.has(code)) return 'none';
  return NO_ANSWER.test(code ?? '') ? 'other' : 'silent';
}

export type JsonObject = Readonly<Fields>;

/** A field that should be an object; what is none counts as empty. */
export function objectIn(value: unknown, field: string): JsonObject {
  const found = isFields(value) ? ownField(value, field) : undefined;
  return isFields(found) ? found : {};
}

/** A field that should be a list; `null` when it is none. */
export function listIn(value: unknown, field: string): readonly unknown[] | null {
  const list = isFields(value) ? ownField(value, field) : undefined;
  return Array.isArray(list) ? (list as unknown[]) : null;
}

/** The objects in a list field; everything that is not one is left out. */
export const objectsIn = (value: unknown, field: string): readonly JsonObject[] =>
  (listIn(value, field) ?? []).filter(isFields);

/**
 * The entries of an OpenAI model list (`GET /v1/models`) whose owner is the expected one; `null` where there is none: it
 * is another server's. Servers that imitate one on its port may leave the owner out; a proxy, or another router, names
 * one.
 */
export function modelsOwnedBy(list: unknown, owner: Model['owned_by']) {
  const owned = objectsIn(list, 'data').filter(
    (entry): entry is JsonObject & Pick<Model, 'id'> =>
      (entry['owned_by'] ?? owner) === owner && typeof entry['id'] === 'string',
  );
  return owned.length > 0 ? owned : null;
}
