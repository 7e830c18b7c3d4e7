import { z } from 'zod';
import { VECTOR_FORMS, type EmbeddingInput } from '../../common/embeddings.js';

const MAX_NAME = 256;
/** Of one request at OpenAI. */
export const MOST_INPUTS = 2048;
/** More than any model has. */
const MOST_DIMENSIONS = 65_536;

const FORMS = 'a text, a list of texts, a list of tokens, or a list of such lists';

/** The path is seen from `input`. */
interface Fault {
  readonly path: (string | number)[];
  readonly message: string;
}

const isToken = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/**
 * Checked up to the first fault, and not by zod's own list: a list of a million tokens would be a hundred times the work of
 * parsing it.
 */
const input = z
  .unknown()
  .check(({ value, issues }) => {
    const fault = faultOf(value);
    if (fault) issues.push({ code: 'custom', input: value, path: fault.path, message: fault.message });
  })
  .meta({
    anyOf: [
      { type: 'string' },
      { type: 'array', items: { anyOf: [{ type: 'string' }, { type: 'array', items: { type: 'integer' } }] } },
      { type: 'array', items: { type: 'integer' } },
    ],
  })
  .describe(
    `What vectors are made of: ${FORMS}; none of them empty, at most ${MOST_INPUTS}.`,
  ) as z.ZodType<unknown> as z.ZodType<string | number[] | EmbeddingInput[]>;

function faultOf(value: unknown): Fault | null {
  if (!Array.isArray(value)) return textFault(value, []) && { path: [], message: textMessage(value) };
  if (value.length === 0) return { path: [], message: 'expected at least one input' };
  if (typeof value[0] === 'number') return tokensFault(value, []);
  if (value.length > MOST_INPUTS) {
    return {
      path: [],
      message: `expected at most ${MOST_INPUTS} inputs, got ${value.length}; send them in several requests`,
    };
  }
  const ofTexts = typeof value[0] === 'string';
  for (const [at, item] of value.entries()) {
    const fault = ofTexts ? textFault(item, [at]) : tokensFault(item, [at]);
    if (fault) return fault;
  }
  return null;
}

function textFault(value: unknown, path: number[]): Fault | null {
  if (typeof value !== 'string') return { path, message: 'expected a text, as the inputs before it' };
  return value === '' ? { path, message: 'expected a text that is not empty' } : null;
}

const textMessage = (value: unknown): string =>
  value === '' ? 'expected a text that is not empty' : `expected ${FORMS}`;

function tokensFault(value: unknown, path: number[]): Fault | null {
  if (!Array.isArray(value))
    return { path, message: `expected ${path.length === 0 ? FORMS : 'a text or a list of tokens'}` };
  if (value.length === 0) return { path, message: 'expected at least one token' };
  const at = value.findIndex((token) => !isToken(token));
  return at < 0 ? null : { path: [...path, at], message: 'expected a token, which is a whole number of at least 0' };
}

/**
 * The body of `POST /v1/embeddings`, as OpenAI defines it. Everything else passes through to the model server.
 *
 * @see https://platform.openai.com/docs/api-reference/embeddings/create
 */
export const embeddingRequestSchema = z.looseObject({
  model: z
    .string()
    .min(1)
    .max(MAX_NAME)
    .describe('A model of GET /v1/models, a target id, the name of an embedding model, or `auto`.'),
  input,
  dimensions: z
    .int()
    .min(1)
    .max(MOST_DIMENSIONS)
    .nullish()
    .describe('Length of the vectors; only some models have a choice.'),
  encoding_format: z.enum(VECTOR_FORMS).nullish().describe('float: lists of numbers; base64: of 32-bit floats.'),
  user: z.string().nullish(),
});

export type EmbeddingBody = z.output<typeof embeddingRequestSchema>;

/** The inputs one by one, whatever form they came in. */
export function inputsOf(given: EmbeddingBody['input']): readonly EmbeddingInput[] {
  if (typeof given === 'string') return [given];
  return typeof given[0] === 'number' ? [given as number[]] : (given as EmbeddingInput[]);
}

/** Whether the inputs came as a list, so that one of them has a number. */
export const isList = (given: EmbeddingBody['input']): boolean => Array.isArray(given) && typeof given[0] !== 'number';
