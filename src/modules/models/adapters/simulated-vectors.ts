import { hash } from 'node:crypto';
import type { ChatChunk } from '../../../common/chat.js';
import { IteratedStream } from '../../../common/chunk-stream.js';
import { base64Of, VectorsFrame, type EmbeddingInput, type EmbeddingRequest } from '../../../common/embeddings.js';
import { estimateInputTokens } from '../../../common/token-estimate.js';
import { Turn } from '../../../common/turn.js';
import type { ModelStream } from '../models.messages.js';

const DIMENSIONS = 256;
const BYTES_PER_NUMBER = 4;
const HALF = 2 ** 31;

/**
 * Vectors without a model: of length one, the same for the same input, and without any meaning. Ends with the signal's
 * reason once that is aborted.
 */
export class SimulatedVectors extends IteratedStream implements ModelStream {
  readonly upstreamMs = 0;
  readonly isSent = false;

  /** @param model as the answer names it */
  constructor(
    private readonly model: string,
    private readonly request: EmbeddingRequest,
    private readonly signal: AbortSignal,
  ) {
    super();
  }

  protected async *chunks(): AsyncGenerator<ChatChunk> {
    this.signal.throwIfAborted();
    const { input, dimensions } = this.request;
    const length = typeof dimensions === 'number' ? dimensions : DIMENSIONS;
    let tokens = 0;
    for (const one of input) tokens += estimateInputTokens(one);
    const vectors: string[] = [];
    const turn = new Turn();
    for (const one of input) {
      vectors.push(base64Of(unitVector(one, length)));
      if (!turn.isOver) continue;
      await turn.next();
      this.signal.throwIfAborted();
    }
    yield { frames: [new VectorsFrame(vectors, this.model, { prompt_tokens: tokens, total_tokens: tokens })] };
  }
}

function unitVector(input: EmbeddingInput, length: number): number[] {
  const seed = hash('sha256', JSON.stringify(input), 'hex');
  const numbers: number[] = [];
  for (let block = 0; numbers.length < length; block += 1) {
    const bytes = hash('sha256', `${seed}${block}`, 'buffer');
    for (let at = 0; at < bytes.length && numbers.length < length; at += BYTES_PER_NUMBER) {
      numbers.push(bytes.readInt32LE(at) / HALF);
    }
  }
  let squares = 0;
  for (const number of numbers) squares += number * number;
  const size = Math.sqrt(squares);
  return numbers.map((number) => number / size);
}
