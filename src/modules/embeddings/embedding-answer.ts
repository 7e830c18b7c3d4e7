import { setImmediate } from 'node:timers/promises';
import { numbersOf, type VectorForm } from '../../common/embeddings.js';
import type { Usage } from '../../common/usage.js';

/** Vectors that are written before other requests have their turn. */
const AT_A_TIME = 32;

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
 * The body of an answer, as OpenAI writes it.
 *
 * @see https://platform.openai.com/docs/api-reference/embeddings/object
 */
export async function answerText({ vectors, form, model, simulated, usage }: EmbeddingAnswerParts): Promise<string> {
  const items: string[] = [];
  for (const [index, vector] of vectors.entries()) {
    const embedding = form === 'base64' ? `"${vector}"` : JSON.stringify(numbersOf(vector));
    items.push(`{"object":"embedding","index":${index},"embedding":${embedding}}`);
    if (form === 'float' && index % AT_A_TIME === AT_A_TIME - 1) await setImmediate();
  }
  const { prompt_tokens = 0, total_tokens = 0 } = usage ?? {};
  const counted = { prompt_tokens, total_tokens, ...(usage?.estimated ? { estimated: true } : {}) };
  const rest = JSON.stringify({ model, usage: counted, ...(simulated ? { simulated } : {}) });
  return `{"object":"list","data":[${items.join(',')}],${rest.slice(1)}`;
}
