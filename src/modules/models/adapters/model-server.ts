import { Pool, type Dispatcher } from 'undici';
import type { TargetConfig } from '../../../common/config/config.schema.js';
import { UpstreamFailure } from '../../../common/upstream-failure.js';
import { PlainExchange } from './plain-exchange.js';
import type { Endpoint } from './providers.js';
import { failureOfStatus } from './upstream-errors.js';

const MIN_CONNECTIONS = 100;
/** Larger answers than this are not chat answers. */
const MAX_RESPONSE_BYTES = 64 * 1024 * 1024;
/** Enough of an error body to find its message. */
const MAX_ERROR_BYTES = 64 * 1024;
const MAX_HEADER_BYTES = 32 * 1024;

export type OpenResponse = Dispatcher.ResponseData;

/** The connections to one target's server. Redirects are not followed: where requests go is configuration alone. */
export class ModelServer {
  private readonly pool: Pool;
  private readonly path: string;

  constructor(
    target: TargetConfig,
    private readonly endpoint: Endpoint,
  ) {
    this.path = endpoint.url.pathname + endpoint.url.search;
    this.pool = new Pool(endpoint.url.origin, {
      connections: Math.max(MIN_CONNECTIONS, target.concurrency),
      connect: { timeout: target.timeouts.connectMs, noDelay: true },
      // CallTimer is the one clock of a call; undici's own limits would count other things.
      headersTimeout: 0,
      bodyTimeout: 0,
      maxResponseSize: MAX_RESPONSE_BYTES,
      maxHeaderSize: MAX_HEADER_BYTES,
    });
  }

  /**
   * Sends one chat request and resolves with its whole answer.
   *
   * @param limitMs milliseconds until it must be complete
   * @throws UpstreamFailure for a status other than 2xx, an encoded body, and a timeout; undici's errors; the signal's
   *   reason
   */
  async exchange(body: string, limitMs: number, signal: AbortSignal): Promise<string> {
    const headers = await this.headersFor('application/json');
    const exchange = new PlainExchange(limitMs, signal);
    this.pool.dispatch({ method: 'POST', path: this.path, headers, body }, exchange);
    const response = await exchange.response;
    if (response.status >= 200 && response.status <= 299) return response.text;
    throw failureOfStatus(response.status, response.text, response.headers);
  }

  /**
   * Sends one chat request; resolves with the response once its headers say 2xx.
   *
   * @throws UpstreamFailure for any other status and for an encoded body, which was not asked for
   */
  async open(body: string, accept: string, signal: AbortSignal): Promise<OpenResponse> {
    const headers = await this.headersFor(accept);
    const response = await this.pool.request({ method: 'POST', path: this.path, headers, body, signal });
    if (response.statusCode < 200 || response.statusCode > 299) {
      throw failureOfStatus(response.statusCode, await cappedText(response), response.headers);
    }
    const encoding = response.headers['content-encoding'];
    if (encoding !== undefined && encoding !== 'identity') {
      discard(response);
      throw new UpstreamFailure('bad_answer', `content-encoding ${String(encoding)} was not asked for`);
    }
    return response;
  }

  private async headersFor(accept: string): Promise<string[]> {
    const headers = ['content-type', 'application/json', 'accept', accept, 'user-agent', 'hybrid-llm-router'];
    const { auth } = this.endpoint;
    if (auth) headers.push(auth.header, await auth.value());
    return headers;
  }

  /** Lets calls in flight finish, then closes the connections. */
  async close(): Promise<void> {
    await this.pool.close();
  }

  /** Ends everything at once. */
  async destroy(): Promise<void> {
    await this.pool.destroy();
  }
}

/**
 * Throws an unread body away together with its connection. undici tells such an end as an error of the body, and an
 * error nobody listens for ends the process.
 */
export function discard({ body }: OpenResponse): void {
  body.on('error', () => undefined).destroy();
}

/** The beginning of an error body; the rest is thrown away together with the connection. */
async function cappedText({ body }: OpenResponse): Promise<string> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of body as AsyncIterable<Buffer>) {
    pieces.push(piece);
    bytes += piece.length;
    if (bytes > MAX_ERROR_BYTES) break;
  }
  return Buffer.concat(pieces).subarray(0, MAX_ERROR_BYTES).toString('utf8');
}
