import type { Model } from 'openai/resources/models';
import type { Capability } from '../../../common/target.js';
import { isFields, ownField, type Fields } from '../../../common/json/fields.js';

export type ServerKind = 'ollama' | 'lmstudio' | 'llamacpp' | 'vllm' | 'foundry';

/** A model that a local server offers for chat. */
export interface FoundModel {
  /** As the server names it. */
  readonly name: string;
  /** The most tokens that can fit, as far as the server tells: what it serves, else what the model can. */
  readonly contextWindow?: number | undefined;
  readonly capabilities: readonly Capability[];
  /** How many; see `parameterCount`. */
  readonly parameters?: number | undefined;
  /** The server did not get to tell all it knows; what it told before still holds. */
  readonly partial?: true;
}

export interface FoundServer {
  /** Prefix of the target ids. */
  readonly kind: ServerKind;
  /** For people. */
  readonly label: string;
  /** OpenAI-compatible base URL. */
  readonly baseUrl: string;
  readonly models: readonly FoundModel[];
  /** What the person at the console should know or do, one sentence. */
  readonly hint?: string | undefined;
}

/** A server with hundreds of models is a catalogue, not a choice; more are left out. */
export const MAX_MODELS = 16;

const MAX_CONTEXT = 100_000_000;
const MIN_CONTEXT = 256; // the configuration's own limit
const MAX_NAME = 256;
/** Names go out in headers; a file's may have spaces inside. */
const PRINTABLE = /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/;
/** Models for embedding, ranking, speech, pictures: they cannot chat. For what a server does not say itself. */
const NOT_FOR_CHAT =
  /embed|rerank|whisper|diffusion|speech|(^|[/:._-])(bge|gte|gtr|e5|(all-)?minilm|paraphrase|colbert|colpali|clip|siglip|tts|stt|asr|wav2vec2?|parakeet|moonshine|kokoro|piper|bark|orpheus|musicgen|sdxl|flux|dall-?e|image|vae|moderation)([/:._-]|\d|$)/i;

export type JsonObject = Readonly<Fields>;

/** A field that should be an object; what is none counts as empty. */
export function objectIn(value: unknown, field: string): JsonObject {
  const found = isFields(value) ? ownField(value, field) : undefined;
  return isFields(found) ? found : {};
}

/** The objects in a list field; everything that is not one is left out. */
export function objectsIn(value: unknown, field: string): readonly JsonObject[] {
  const list = isFields(value) ? ownField(value, field) : undefined;
  return Array.isArray(list) ? list.filter(isFields) : [];
}

/** A field that should be a list of words; `null` when it is no list. */
export function wordsIn(value: JsonObject, field: string): readonly unknown[] | null {
  const list = ownField(value, field);
  return Array.isArray(list) ? (list as unknown[]) : null;
}

/** The first of the values that can be a number of tokens. */
export function tokensOf(...values: unknown[]): number | undefined {
  return values.find(
    (value): value is number => Number.isInteger(value) && Number(value) >= MIN_CONTEXT && Number(value) <= MAX_CONTEXT,
  );
}

/** Whether a name can be a chat model's: printable, of sane length, not that of another kind of model. */
export function isChatModelName(name: unknown): name is string {
  return typeof name === 'string' && PRINTABLE.test(name) && name.length <= MAX_NAME && !NOT_FOR_CHAT.test(name);
}

/**
 * The entries of an OpenAI model list (`GET /v1/models`) whose owner is the expected one; none = another server. Servers
 * that imitate one on its port may leave the owner out; a proxy, or another router, names one.
 */
export function modelsOwnedBy(list: unknown, owner: Model['owned_by']): readonly (JsonObject & Pick<Model, 'id'>)[] {
  return objectsIn(list, 'data').filter(
    (entry): entry is JsonObject & Pick<Model, 'id'> =>
      (entry['owned_by'] ?? owner) === owner && typeof entry['id'] === 'string',
  );
}

/** At most `MAX_MODELS`, loaded ones before others as they answer at once, in the server's own order. */
export function choice<T>(models: readonly T[], isLoaded: (model: T) => boolean = () => false): readonly T[] {
  if (models.length <= MAX_MODELS) return models;
  const chosen = new Set([...new Set([...models.filter(isLoaded), ...models])].slice(0, MAX_MODELS));
  return models.filter((model) => chosen.has(model));
}
