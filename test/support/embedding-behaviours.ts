import { hash } from 'node:crypto';
import type { EmbeddingInput } from '../../src/common/embeddings.js';
import { errorBody, status } from './upstream-behaviours.js';
import type { Behaviour } from './upstream-script.js';

const DIMENSIONS = 8;

/** The vector of an input at a model: the same each time, another one at another model. 32-bit floats. */
export function vectorFor(input: EmbeddingInput, model: string, dimensions = DIMENSIONS): number[] {
  return Array.from({ length: dimensions }, (_, i) => {
    const bytes = hash('sha256', JSON.stringify([model, i, input]), 'buffer');
    return Math.fround(bytes.readInt32LE(0) / 2 ** 31);
  });
}

export interface EmbeddingOptions {
  /** More in one call are refused. */
  readonly mostInputs?: number;
  /** More in one call are refused: a token is a character here. */
  readonly mostTokens?: number;
  /** A server that knows one form only. Left out: as it is asked for. */
  readonly form?: 'float' | 'base64';
  /** Gives them in another order than they are asked for. */
  readonly backwards?: boolean;
  /** Length of its vectors, whatever is asked for. */
  readonly dimensions?: number;
  readonly usage?: unknown;
  /** Fields of the answer that replace those of an ordinary one. */
  readonly changes?: object;
}

const tokensOf = (input: EmbeddingInput): number => input.length;

/** Answers a request for vectors as OpenAI does. */
export function embeddings({
  mostInputs = Infinity,
  mostTokens = Infinity,
  ...options
}: EmbeddingOptions = {}): Behaviour {
  return (request, model) => {
    const { input, dimensions, encoding_format: asked } = (request.body ?? {}) as Record<string, unknown>;
    const inputs = (Array.isArray(input) && typeof input[0] !== 'number' ? input : [input]) as EmbeddingInput[];
    const tokens = inputs.reduce((sum, one) => sum + tokensOf(one), 0);
    if (inputs.length > mostInputs) {
      const message = `Too many inputs. The max number of inputs is ${mostInputs}.`;
      return status(400, errorBody(message, 'invalid_request_error'))(request, model);
    }
    if (tokens > mostTokens) {
      const message = `This model's maximum context length is ${mostTokens} tokens, however you requested ${tokens} tokens.`;
      return status(400, errorBody(message, 'invalid_request_error'))(request, model);
    }
    const form = options.form ?? asked ?? 'float';
    const data = inputs.map((one, index) => {
      const numbers = vectorFor(one, model, options.dimensions ?? (dimensions as number | undefined));
      const bytes = Buffer.from(Float32Array.from(numbers).buffer);
      return { object: 'embedding', index, embedding: form === 'base64' ? bytes.toString('base64') : numbers };
    });
    if (options.backwards) data.reverse();
    const usage = 'usage' in options ? options.usage : { prompt_tokens: tokens, total_tokens: tokens };
    return status(200, { object: 'list', data, model, usage, ...options.changes })(request, model);
  };
}
