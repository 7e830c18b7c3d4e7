import { Agent, request, type Dispatcher } from 'undici';
import { jsonWithin } from '../adapters/bounded-json.js';

/** A catalogue of models is a few kB; whatever sends more is no model server. */
const MAX_BODY_BYTES = 1024 * 1024;
/** Error codes that say that no program listens there. */
const NOBODY: ReadonlySet<unknown> = new Set([
  ...['ECONNREFUSED', 'EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOTFOUND', 'EAI_AGAIN'],
]);

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

/** One look at one server: GET, or POST when there is a body. Never rejects. */
export type ProbeJson = (url: string, body?: unknown) => Promise<ProbeAnswer>;

/**
 * Connections for one round of discovery. Redirects are not followed and proxies not asked. `openai`'s own
 * `models.list()` is not used here: it follows redirects, reads bodies of any size, and its import takes 0.1 s and
 * 36 MB, which a start has better use for.
 */
export class ProbeConnections {
  private readonly agent = new Agent({ connections: 16 });

  /** @param deadline aborts what is still under way; the answer is then `silent` */
  probe(deadline: AbortSignal): ProbeJson {
    return async (url, body) => {
      try {
        const response = await request(url, { ...requestOf(body), dispatcher: this.agent, signal: deadline });
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
    const json = await jsonWithin(body, MAX_BODY_BYTES);
    return json === undefined ? { state: 'other' } : { state: 'json', json };
  }
  body.on('error', () => undefined).destroy();
  if (statusCode === 401 || statusCode === 403) return { state: 'denied' };
  return { state: statusCode >= 500 || statusCode === 429 ? 'silent' : 'other' };
}

function stateOf(error: unknown): ProbeState {
  const code = (error as NodeJS.ErrnoException).code;
  if (NOBODY.has(code)) return 'none';
  return /^HPE_/.test(code ?? '') ? 'other' : 'silent'; // the parser's word for what is no HTTP
}
