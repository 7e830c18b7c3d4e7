import { isUtf8 } from 'node:buffer';
import type { FastifyInstance } from 'fastify';
import { InvalidRequest } from '../app-error.js';

/** Deeper than any tool schema or message; recursion over accepted bodies is safe below it. */
const MAX_DEPTH = 128;

/**
 * JSON text to data, or a 400 that says what is wrong: not UTF-8 (RFC 8259 section 8.1), not JSON, nested deeper than
 * 128, or a string with a lone surrogate, which no model server could be sent.
 *
 * @throws InvalidRequest
 */
export function parseJsonBody(body: Buffer): unknown {
  if (!isUtf8(body)) throw new InvalidRequest('The request body is not valid UTF-8.');
  let value: unknown;
  try {
    value = JSON.parse(body.toString('utf8'));
  } catch (error) {
    throw new InvalidRequest(`The request body is not valid JSON: ${(error as Error).message}`, null, { cause: error });
  }
  assertPlain(value);
  return value;
}

function assertPlain(root: unknown): void {
  const pending: { value: unknown; depth: number }[] = [{ value: root, depth: 0 }];
  for (let item = pending.pop(); item; item = pending.pop()) {
    const { value, depth } = item;
    if (typeof value === 'string') {
      if (!value.isWellFormed()) throw new InvalidRequest('A string in the request body has a lone UTF-16 surrogate.');
    } else if (typeof value === 'object' && value !== null) {
      if (depth >= MAX_DEPTH) {
        throw new InvalidRequest(`The request body is nested deeper than ${MAX_DEPTH} levels.`);
      }
      for (const child of Object.values(value)) {
        if (typeof child === 'object' || typeof child === 'string') pending.push({ value: child, depth: depth + 1 });
      }
    }
  }
}

/** Makes `application/json` bodies, and no others, go through `parseJsonBody`; an empty body stays `undefined`. */
export function useJsonBody(fastify: FastifyInstance): void {
  fastify.removeContentTypeParser(['application/json', 'text/plain']);
  fastify.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => {
    try {
      done(null, body.length === 0 ? undefined : parseJsonBody(body as Buffer));
    } catch (error) {
      done(error as Error);
    }
  });
}
