import type { IncomingHttpHeaders } from 'node:http';
import { StringDecoder } from 'node:string_decoder';
import type { Dispatcher } from 'undici';
import type { TargetConfig } from '../../../common/config/config.schema.js';
import { decodedBeginning, decodedBytes, isEncoded } from './content-coding.js';
import { Connections } from './fresh-retry.js';
import { MAX_ERROR_BYTES, PlainExchange } from './plain-exchange.js';
import type { Endpoint } from './providers.js';
import { failureOfStatus } from './upstream-errors.js';

const MIN_CONNECTIONS = 100;
/** Larger answers than this are not chat answers. */
export const MAX_RESPONSE_BYTES = 64 * 1024 * 1024;
const MAX_HEADER_BYTES = 32 * 1024;

export interface WholeResponse {
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** The connections to one target's server. Redirects are not followed: where requests go is configuration alone. */
export class ModelServer {
  private readonly connections: Connections;
  private readonly path: string;

  constructor(
    target: TargetConfig,
    private readonly endpoint: Endpoint,
  ) {
    this.path = endpoint.url.pathname + endpoint.url.search;
    this.connections = new Connections(endpoint.url.origin, {
      connections: Math.max(MIN_CONNECTIONS, target.concurrency),
      connect: { timeout: target.timeouts.connectMs, noDelay: true },
      // a call has one clock of its own (StreamClock, PlainExchange); undici's own limits would count other things.
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
   * @throws UpstreamFailure for a status other than 2xx and a timeout; undici's errors; the signal's reason
   */
  async exchange(body: string, limitMs: number, signal: AbortSignal): Promise<WholeResponse> {
    const waited = this.headersFor('application/json');
    const requestHeaders = Array.isArray(waited) ? waited : await waited;
    const exchange = new PlainExchange(limitMs, signal);
    const request = { method: 'POST', path: this.path, headers: requestHeaders, body } as const;
    this.connections.dispatch(request, exchange);
    const { status, headers, body: bytes } = await exchange.response;
    if (status < 200 || status > 299) throw failureOfStatus(status, await errorText(bytes, headers), headers);
    const plain = isEncoded(headers) ? await decodedBytes(bytes, headers, MAX_RESPONSE_BYTES) : bytes;
    return { headers, text: plain.toString('utf8') };
  }

  /** Sends one chat request whose answer `handler` reads as it comes. @throws UpstreamFailure where it cannot sign in */
  async stream(body: string, handler: Dispatcher.DispatchHandler): Promise<void> {
    const waited = this.headersFor('text/event-stream');
    const headers = Array.isArray(waited) ? waited : await waited;
    this.connections.dispatch({ method: 'POST', path: this.path, headers, body }, handler);
  }

  private headersFor(accept: 'application/json' | 'text/event-stream'): string[] | Promise<string[]> {
    const { auth } = this.endpoint;
    if (!auth) return headersWith(accept);
    const value = auth.value();
    if (typeof value === 'string') return headersWith(accept, auth.header, value);
    return value.then((token) => headersWith(accept, auth.header, token));
  }

  /** Lets calls in flight finish, then closes the connections. */
  async close(): Promise<void> {
    await this.connections.close();
  }

  /** Ends everything at once. */
  async destroy(): Promise<void> {
    await this.connections.destroy();
  }
}

/** Names and values in turn. */
const headersWith = (accept: string, ...auth: string[]): string[] => [
  ...['content-type', 'application/json', 'accept', accept, 'user-agent', 'hybrid-llm-router'],
  ...['accept-encoding', 'identity'], // left out, it would leave the choice to the server
  ...auth,
];

/** The text of the beginning of an error body, without half a character at its end. */
export async function errorText(body: Buffer, headers: IncomingHttpHeaders): Promise<string> {
  const plain = isEncoded(headers) ? await decodedBeginning(body, headers, MAX_ERROR_BYTES) : body;
  return new StringDecoder('utf8').write(plain);
}
