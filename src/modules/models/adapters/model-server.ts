import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import type { Dispatcher } from 'undici';
import type { TargetConfig } from '../../../common/config/config.schema.js';
import { decodedBeginning, decodedBytes, decodedStream, isEncoded } from './content-coding.js';
import { Connections } from './fresh-retry.js';
import { MAX_ERROR_BYTES, PlainExchange } from './plain-exchange.js';
import type { Endpoint } from './providers.js';
import { failureOfStatus } from './upstream-errors.js';

const MIN_CONNECTIONS = 100;
/** Larger answers than this are not chat answers. */
const MAX_RESPONSE_BYTES = 64 * 1024 * 1024;
const MAX_HEADER_BYTES = 32 * 1024;

export interface WholeResponse {
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

export interface OpenResponse {
  readonly headers: IncomingHttpHeaders;
  /** Decoded. */
  readonly body: Readable;
  /** As it comes from the connection; the same where nothing is encoded. */
  readonly source: Dispatcher.ResponseData['body'];
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
   * @throws UpstreamFailure for a status other than 2xx and a timeout; undici's errors; the signal's reason
   */
  async exchange(body: string, limitMs: number, signal: AbortSignal): Promise<WholeResponse> {
    const requestHeaders = await this.headersFor('application/json');
    const exchange = new PlainExchange(limitMs, signal);
    const request = { method: 'POST', path: this.path, headers: requestHeaders, body } as const;
    this.connections.dispatch(request, exchange);
    const { status, headers, body: bytes } = await exchange.response;
    if (status < 200 || status > 299) throw failureOfStatus(status, await errorText(bytes, headers), headers);
    const plain = isEncoded(headers) ? await decodedBytes(bytes, headers, MAX_RESPONSE_BYTES) : bytes;
    return { headers, text: plain.toString('utf8') };
  }

  /**
   * Sends one chat request; resolves with the response once its headers say 2xx.
   *
   * @throws UpstreamFailure for any other status, and for a body that is encoded in a way nobody knows
   */
  async open(body: string, accept: string, signal: AbortSignal): Promise<OpenResponse> {
    const requestHeaders = await this.headersFor(accept);
    const request = { method: 'POST', path: this.path, headers: requestHeaders, body, signal } as const;
    const { statusCode, headers, body: source } = await this.connections.dispatcher.request(request);
    if (statusCode < 200 || statusCode > 299) {
      throw failureOfStatus(statusCode, await errorText(await beginningOf(source), headers), headers);
    }
    if (!isEncoded(headers)) return { headers, body: source, source };
    try {
      return { headers, body: decodedStream(source, headers), source };
    } catch (error) {
      discard({ source });
      throw error;
    }
  }

  private async headersFor(accept: string): Promise<string[]> {
    const headers = ['content-type', 'application/json', 'accept', accept, 'user-agent', 'hybrid-llm-router'];
    headers.push('accept-encoding', 'identity'); // left out, it would leave the choice to the server
    const { auth } = this.endpoint;
    if (auth) headers.push(auth.header, await auth.value());
    return headers;
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

/**
 * Throws an unread body away together with its connection. undici tells such an end as an error of the body, and an
 * error nobody listens for ends the process.
 */
export function discard({ source }: Pick<OpenResponse, 'source'>): void {
  source.on('error', () => undefined).destroy();
}

/** The first 64 KiB of a body; the rest is thrown away together with the connection. */
export async function beginningOf(body: Readable): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of body as AsyncIterable<Buffer>) {
    pieces.push(piece);
    bytes += piece.length;
    if (bytes > MAX_ERROR_BYTES) break;
  }
  return Buffer.concat(pieces).subarray(0, MAX_ERROR_BYTES);
}

/** The text of the beginning of an error body, without half a character at its end. */
async function errorText(body: Buffer, headers: IncomingHttpHeaders): Promise<string> {
  const plain = isEncoded(headers) ? await decodedBeginning(body, headers, MAX_ERROR_BYTES) : body;
  return new StringDecoder('utf8').write(plain);
}
