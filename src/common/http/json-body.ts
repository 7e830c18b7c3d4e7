import { isUtf8 } from 'node:buffer';
import type { FastifyInstance } from 'fastify';
import { InvalidRequest } from '../app-error.js';
import { outlineOf, type JsonBounds, type JsonOutline } from '../json/outline.js';
import { JsonSource, keepSource } from '../json/source.js';
import { countFields } from '../json/repeats.js';
import { together } from '../together.js';
import { readBody } from './request-body.js';
import { jsonFault } from '../logging/outside-text.js';

/**
 * What one body may hold, so that none takes more than a few hundredths of a second to read. A conversation of 5,000
 * messages, half of them tool calls, has some 15,000 objects and lists with 27,000 fields; an embeddings request of
 * 300,000 tokens as many numbers.
 * Depth: more than any tool schema or message has; recursion over accepted bodies is safe.
 */
const MOST: JsonBounds = { depth: 128, containers: 20_000, fields: 30_000, commas: 300_000 };

/**
 * Numbers that JavaScript may round are read once more, digit by digit, at up to 8 us each. Schemas have a handful; ten
 * vectors of 1,536 numbers in the arguments of tools have 15,360.
 */
const MOST_WIDE_NUMBERS = 20_000;

/** Only an escape can bring half a surrogate pair into valid UTF-8. */
const SURROGATE_ESCAPE = /\\u[dD][89a-fA-F]/;

/** A byte order mark, which some systems put in front of every text; RFC 8259 section 8.1 lets it be ignored. */
const UTF8_MARK = Buffer.from('\ufeff');
const startsWithMark = (body: Buffer): boolean => body[0] === UTF8_MARK[0] && body.subarray(0, 3).equals(UTF8_MARK);

/**
 * JSON text to data, or a 400 that says what is wrong: not UTF-8 (RFC 8259 section 8.1), not JSON, nested deeper than
 * 128, more values than anybody needs, or a string with a lone surrogate, which no model server could be sent. Objects keep
 * their text beside them (`sourceOf`).
 *
 * @throws InvalidRequest
 */
export function parseJsonBody(body: Buffer): unknown {
  if (!isUtf8(body)) throw new InvalidRequest('The request body is not valid UTF-8.');
  const text = body.toString('utf8', startsWithMark(body) ? UTF8_MARK.length : 0);
  const outline = outlineOf(text, 0, text.length, MOST);
  assertBounded(outline);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new InvalidRequest(`The request body is not valid JSON: ${jsonFault(error)}`, null, { cause: error });
  }
  if (SURROGATE_ESCAPE.test(text)) assertWellFormed(value);
  if (typeof value !== 'object' || value === null) return value;
  return keepSource(value, new JsonSource(text, outline, countFields(value) !== outline.fields));
}

function assertBounded({ depth, containers, fields, commas, wideNumbers }: JsonOutline): void {
  if (depth > MOST.depth) throw new InvalidRequest(`The request body is nested deeper than ${MOST.depth} levels.`);
  if (containers > MOST.containers) throw tooMany('objects and lists', MOST.containers);
  if (fields > MOST.fields) throw tooMany('fields', MOST.fields);
  if (commas > MOST.commas) throw tooMany('values', MOST.commas);
  if (wideNumbers > MOST_WIDE_NUMBERS) {
    throw new InvalidRequest(
      `The request body has more than ${MOST_WIDE_NUMBERS} numbers of more than 15 characters or with an exponent, the most ` +
        'that is read. Write them with fewer digits, or as strings.',
    );
  }
}

const tooMany = (what: string, most: number): InvalidRequest =>
  new InvalidRequest(
    `The request body has more than ${most} ${what}, the most that is read. Send less in one request.`,
  );

function assertWellFormed(value: unknown): void {
  if (typeof value === 'string') {
    if (!value.isWellFormed()) throw new InvalidRequest('A string in the request body has a lone UTF-16 surrogate.');
  } else if (typeof value === 'object' && value !== null) {
    for (const [name, child] of Object.entries(value)) {
      assertWellFormed(name);
      if (typeof child === 'object' || typeof child === 'string') assertWellFormed(child);
    }
  }
}

/** Makes `application/json` bodies, and no others, go through `parseJsonBody`; an empty body stays `undefined`. */
export function useJsonBody(fastify: FastifyInstance, limitBytes: number): void {
  fastify.removeContentTypeParser(['application/json', 'text/plain']);
  fastify.addContentTypeParser('application/json', (request, payload, done) => {
    readBody(request.headers, payload, limitBytes, (error, body) => {
      if (error) return done(error);
      together(() => {
        try {
          done(null, body.length === 0 ? undefined : parseJsonBody(body));
        } catch (problem) {
          done(problem as Error);
        }
      });
    });
  });
}
