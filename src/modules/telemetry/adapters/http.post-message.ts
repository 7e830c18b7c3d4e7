import { Agent, request } from 'undici';
import { retryAfterMs } from '../../../common/retry-after.js';
import type { PostMessage } from '../alerts/alert-webhook.js';

const CONNECT_MS = 3_000;
/** A receiver has nothing to say; what it says all the same is not read. */
const MOST_BYTES = 65_536;

/** By HTTP, on a connection of its own; redirects are not followed and proxies not asked. */
export const postMessage: PostMessage = async (url, body, headers, deadlineMs) => {
  const agent = new Agent({ connections: 1, maxResponseSize: MOST_BYTES, connect: { timeout: CONNECT_MS } });
  try {
    const answer = await request(url, {
      method: 'POST',
      dispatcher: agent,
      signal: AbortSignal.timeout(deadlineMs),
      headers: { 'content-type': 'application/json', 'user-agent': 'hybrid-llm-router', ...headers },
      body,
    });
    answer.body.on('error', () => undefined).destroy();
    return { status: answer.statusCode, retryAfterMs: retryAfterMs(answer.headers) ?? 0 };
  } catch {
    return { status: null, retryAfterMs: 0 }; // which is told; what a socket says besides may name addresses
  } finally {
    await agent.destroy();
  }
};
