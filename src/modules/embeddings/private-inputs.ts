import type { PrivateKind } from '../../common/config/config.schema.js';
import type { EmbeddingInput } from '../../common/embeddings.js';
import type { Fields } from '../../common/json/fields.js';
import { findPrivateText } from '../../common/privacy/private-text.js';
import type { PrivateInputs } from './embedding-targets.js';

/** In place of a kind: tokens are numbers of a vocabulary that only the model has. */
const TOKENS = 'tokens, which cannot be looked through';

/**
 * What of a request for vectors must not leave: private text in an input or in any other field, read as that of a
 * conversation is. Tokens are to be treated as private.
 *
 * @param others the other fields of the request
 * @param isList whether the inputs came as a list
 */
export function privateInputs(
  inputs: readonly EmbeddingInput[],
  others: Readonly<Fields>,
  isList: boolean,
  kinds: readonly PrivateKind[],
): PrivateInputs | null {
  if (typeof inputs[0] !== 'string') return { kinds: [TOKENS], field: 'input' };
  const messages = inputs.map((content) => ({ role: 'user', content: content as string }));
  const found = findPrivateText({ ...others, model: '', messages }, [], kinds);
  if (found.kinds.length === 0) return null;
  const inInput = found.field.startsWith('messages');
  const field = !inInput ? found.field : isList ? found.field.replace('messages', 'input') : 'input';
  return { kinds: found.kinds, field };
}
