import { base64Of, numbersOf, VectorsFrame, type EmbeddingRequest } from '../../../common/embeddings.js';
import { isFields } from '../../../common/json/fields.js';
import { Turn } from '../../../common/turn.js';
import { UpstreamFailure } from '../../../common/upstream-failure.js';
import { failureIn } from './upstream-errors.js';

/**
 * A server's answer to a call for vectors: one for each input, in their order, whatever order it has them in, and base64
 * whatever form it has them in: some servers know one form only. All have one length, and every number is a finite 32-bit
 * float: JSON has no word for others, and a vector with one is of no use.
 *
 * @throws UpstreamFailure when it is none
 * @see https://platform.openai.com/docs/api-reference/embeddings/object
 */
export async function vectorsIn(json: unknown, { input }: Pick<EmbeddingRequest, 'input'>): Promise<VectorsFrame> {
  const data = isFields(json) ? json['data'] : null;
  if (!isFields(json) || !Array.isArray(data)) {
    throw failureIn(json) ?? new UpstreamFailure('bad_answer', 'the answer has no list of vectors');
  }
  const vectors = new Array<string | undefined>(input.length);
  let length: number | undefined;
  const turn = new Turn();
  for (const [place, item] of data.entries()) {
    const at = isFields(item) && Number.isInteger(item['index']) ? (item['index'] as number) : place;
    if (at < 0 || at >= input.length || vectors[at] !== undefined) throw wrongCount(data.length, input.length);
    vectors[at] = vectorIn(isFields(item) ? item['embedding'] : null);
    length ??= vectors[at].length;
    if (vectors[at].length !== length) throw new UpstreamFailure('bad_answer', 'vectors of different lengths');
    if (turn.isOver) await turn.next();
  }
  if (data.length !== input.length) throw wrongCount(data.length, input.length);
  const { model, usage } = json;
  return new VectorsFrame(vectors as string[], typeof model === 'string' && model !== '' ? model : null, usage);
}

const wrongCount = (got: number, asked: number): UpstreamFailure =>
  new UpstreamFailure('bad_answer', `${got} vectors do not belong to ${asked} inputs one by one`);

function vectorIn(value: unknown): string {
  if (typeof value === 'string' && numbersOf(value) !== null) return value;
  if (Array.isArray(value) && value.length > 0 && value.every(isFloat)) {
    return base64Of(value as number[]);
  }
  throw new UpstreamFailure('bad_answer', 'a vector is neither a list of finite floats nor base64 of such');
}

const isFloat = (value: unknown): boolean => typeof value === 'number' && Number.isFinite(Math.fround(value));
