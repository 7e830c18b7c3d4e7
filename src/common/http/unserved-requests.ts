import { NotFound, UpgradeRequired, type AppError } from '../app-error.js';

/** What is read of a request that no route takes. */
export interface UnservedRequest {
  readonly method: string;
  /** With the query string. */
  readonly url: string;
  /** `Upgrade` of the request. */
  readonly upgrade: string | undefined;
}

const RESPONSES = '/v1/responses';

/** Routes of other services that clients ask for by themselves, and what their user can do. */
const CURES: ReadonlyMap<string, string> = new Map([
  [
    `POST ${RESPONSES}/compact`,
    'Conversations are not compacted here; have the client do it itself (Codex does so by default for providers of model_providers).',
  ],
  [
    `POST ${RESPONSES}/input_tokens`,
    'Input is not counted before it is answered; `usage` of the response says what it took.',
  ],
]);

const CONVERSATIONS =
  'Conversations are not created here: send any name of yours as `conversation` with POST /v1/responses; GET and DELETE ' +
  '/v1/sessions/{name} show and delete it.';

const isConversations = (path: string): boolean => /^\/v1\/conversations(\/|$)/.test(path);

/**
 * What to tell clients of other services about routes that are not here, where more can be said than that.
 *
 * A WebSocket on the route of responses, which Codex tries first, gets 426: with it Codex goes on over HTTP at once, while
 * any other answer costs it five attempts (openai/codex#43353).
 *
 * @returns `null` where nothing is known about it
 */
export function unserved({ method, url, upgrade }: UnservedRequest): AppError | null {
  const path = url.split('?')[0]!;
  if (method === 'GET' && path === RESPONSES && upgrade?.toLowerCase().includes('websocket')) {
    const message = `WebSockets are not spoken here; send POST ${path} over HTTP, in Codex with supports_websockets = false.`;
    return new UpgradeRequired(message);
  }
  const cure = isConversations(path) ? CONVERSATIONS : CURES.get(`${method} ${path}`);
  return cure === undefined ? null : new NotFound(`No route ${method} ${path}. ${cure}`);
}
