import { createHmac } from 'node:crypto';

/** A secret as services show it: the key in base64 behind this. */
const PREFIX = 'whsec_';
const MS_PER_SECOND = 1000;

const keyOf = (secret: string): Buffer =>
  secret.startsWith(PREFIX) ? Buffer.from(secret.slice(PREFIX.length), 'base64') : Buffer.from(secret);

/**
 * The headers by which a receiver knows who sent a message, when, and that it is the same one again.
 *
 * @param secret empty = not signed
 * @param now milliseconds since 1970
 * @see https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 */
export function webhookHeaders(id: string, body: string, secret: string, now: number): Record<string, string> {
  const timestamp = String(Math.floor(now / MS_PER_SECOND));
  const headers = { 'webhook-id': id, 'webhook-timestamp': timestamp };
  if (secret === '') return headers;
  const signature = createHmac('sha256', keyOf(secret)).update(`${id}.${timestamp}.${body}`).digest('base64');
  return { ...headers, 'webhook-signature': `v1,${signature}` };
}
