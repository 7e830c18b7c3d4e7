import type { ChatFrame, Completion } from './chat.js';

/** A text, or the numbers of its tokens. */
export type EmbeddingInput = string | readonly number[];

export const VECTOR_FORMS = ['float', 'base64'] as const;
/** How a vector is written: a list of numbers, or base64 of its little-endian 32-bit floats. */
export type VectorForm = (typeof VECTOR_FORMS)[number];

/**
 * What `POST /v1/embeddings` asks of a model server. Fields that nobody here knows go to it unchanged.
 *
 * @see https://platform.openai.com/docs/api-reference/embeddings/create
 */
export interface EmbeddingRequest {
  readonly model: string;
  readonly input: readonly EmbeddingInput[];
  readonly encoding_format: VectorForm;
  readonly [field: string]: unknown;
}

/** A server's answer to one call, as the one frame of a stream: what is known of chat answers holds for it, too. */
export class VectorsFrame implements ChatFrame {
  readonly text = '';
  readonly json: Completion;

  /**
   * @param vectors base64, in the order of the inputs
   * @param model as the server names it; `null` = it does not
   * @param usage as the server says it
   */
  constructor(
    readonly vectors: readonly string[],
    model: string | null,
    usage: unknown,
  ) {
    this.json = { ...(model === null ? {} : { model }), usage };
  }
}

const BYTES_PER_NUMBER = 4;
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

/** The base64 of little-endian 32-bit floats. */
export function base64Of(numbers: readonly number[]): string {
  const bytes = Buffer.allocUnsafe(numbers.length * BYTES_PER_NUMBER);
  for (let i = 0; i < numbers.length; i += 1) bytes.writeFloatLE(numbers[i]!, i * BYTES_PER_NUMBER);
  return bytes.toString('base64');
}

/** Numbers of a vector in base64. */
export const lengthOf = (base64: string): number => Math.floor(Buffer.byteLength(base64, 'base64') / BYTES_PER_NUMBER);

/** What `base64Of` wrote. @returns `null` when it is no list of finite floats */
export function numbersOf(base64: string): number[] | null {
  if (!BASE64.test(base64)) return null;
  const bytes = Buffer.from(base64, 'base64');
  if (bytes.length % BYTES_PER_NUMBER !== 0) return null;
  const numbers = new Array<number>(bytes.length / BYTES_PER_NUMBER);
  for (let i = 0; i < numbers.length; i += 1) {
    const number = bytes.readFloatLE(i * BYTES_PER_NUMBER);
    if (!Number.isFinite(number)) return null; // JSON has no word for it
    numbers[i] = number;
  }
  return numbers;
}
