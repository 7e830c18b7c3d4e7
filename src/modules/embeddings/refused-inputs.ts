import { ContentFiltered, ContextLengthExceeded, InvalidRequest } from '../../common/app-error.js';

/** How servers name an input of a call: `input[3]` (OpenAI), `input.3` (pydantic, as vLLM). */
const NAMED_INPUT = /\binput(?:\[(\d+)\]|\.(\d+)\b)/g;

/**
 * A server's refusal of a call, in its message and its `param` by the fields as the caller knows them: its server knows the
 * inputs of the call alone, and their places there.
 *
 * @param fields of each input of the call, such as `input[3]` @returns any other error as it is
 */
export function asCallerKnows(error: unknown, fields: readonly string[]): unknown {
  if (error instanceof ContextLengthExceeded && fields.length === 1) {
    const [field] = fields;
    const message = `${field}: ${withFields(error.message, fields)}`;
    return new ContextLengthExceeded(message, field, { innererror: error.innererror });
  }
  const Refusal = [InvalidRequest, ContextLengthExceeded, ContentFiltered].find((one) => error instanceof one);
  if (!Refusal) return error;
  const { message, param, innererror } = error as InvalidRequest;
  return new Refusal(withFields(message, fields), param === null ? null : withFields(param, fields), { innererror });
}

const withFields = (text: string, fields: readonly string[]): string =>
  text.replace(NAMED_INPUT, (named, item?: string, part?: string) => fields[Number(item ?? part)] ?? named);
