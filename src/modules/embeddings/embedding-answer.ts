import { numbersOf, type VectorForm } from '../../common/embeddings.js';
import { Turn } from '../../common/turn.js';
import type { Usage } from '../../common/usage.js';

/** Characters that are made bytes of at a time. */
const PIECE = 1024 * 1024;

/** What an answer says. */
export interface EmbeddingAnswerParts {
  /** Base64, in the order of the inputs. */
  readonly vectors: readonly string[];
  readonly form: VectorForm;
  /** As its server names it. */
  readonly model: string;
  readonly simulated: boolean;
  readonly usage: Usage | null;
}

/**
 * The body of an answer, as OpenAI writes it, in pieces: made one after the other, with turns for others in between.
 *
 * @see https://platform.openai.com/docs/api-reference/embeddings/object
 */
export async function answerPieces(parts: EmbeddingAnswerParts): Promise<Buffer[]> {
  const { vectors, form, model, simulated, usage } = parts;
  const pieces: Buffer[] = [];
  const turn = new Turn();
  let text = '{"object":"list","data":[';
  for (const [index, vector] of vectors.entries()) {
    const embedding = form === 'base64' ? `"${vector}"` : JSON.stringify(numbersOf(vector));
    text += `${index === 0 ? '' : ','}{"object":"embedding","index":${index},"embedding":${embedding}}`;
    if (text.length >= PIECE) {
      pieces.push(Buffer.from(text));
      text = '';
    }
    if (turn.isOver) await turn.next();
  }
  const { prompt_tokens = 0, total_tokens = 0 } = usage ?? {};
  const counted = { prompt_tokens, total_tokens, ...(usage?.estimated ? { estimated: true } : {}) };
  const rest = JSON.stringify({ model, usage: counted, ...(simulated ? { simulated } : {}) });
  pieces.push(Buffer.from(`${text}],${rest.slice(1)}`));
  return pieces;
}
