import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Caller } from '../../common/caller.js';
import type { EmbeddingInput, VectorForm } from '../../common/embeddings.js';
import { arrivalOf, type Arrival } from '../../common/http/arrival.js';
import { setOwnField, type Fields } from '../../common/json/fields.js';
import { parseKeepingNumbers } from '../../common/json/numbers.js';
import { sourceOf } from '../../common/json/source.js';
import { inputsOf, isList, type EmbeddingBody } from './embedding-request.schema.js';

/** A checked request for vectors and where it came from. */
export interface EmbeddingAsk extends Arrival {
  readonly caller: Caller;
  readonly body: EmbeddingBody;
  readonly inputs: readonly EmbeddingInput[];
  /** Whether they came as a list, so that one of them has a number. */
  readonly isList: boolean;
  readonly form: VectorForm;
  /** Fields of the request that decide what a vector is beside its input: `dimensions`, and what nobody here knows. */
  readonly settings: Readonly<Fields>;
}

/** What is asked, who asks, and how the vectors are written. */
const NO_SETTING: ReadonlySet<string> = new Set(['model', 'input', 'encoding_format', 'user']);

/** @throws InvalidRequest that names the header */
export function askOf(
  body: EmbeddingBody,
  caller: Caller,
  incoming: FastifyRequest,
  reply: FastifyReply,
): EmbeddingAsk {
  return {
    ...arrivalOf(incoming, reply),
    ...{ caller, body, inputs: inputsOf(body.input), isList: isList(body.input) },
    form: body.encoding_format ?? 'float',
    settings: settingsOf(body, incoming.body),
  };
}

/** With every digit of numbers that JavaScript would round; `null` is absent. */
function settingsOf(body: EmbeddingBody, sent: unknown): Fields {
  const source = sourceOf(sent);
  const fields = source?.wideNumbers ? (parseKeepingNumbers(source.text) as Fields) : body;
  const settings: Fields = {};
  for (const [name, value] of Object.entries(fields)) {
    if (!NO_SETTING.has(name) && value !== null && value !== undefined) setOwnField(settings, name, value);
  }
  return settings;
}
