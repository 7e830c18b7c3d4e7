import type { Model } from 'openai/resources/models';
import type { Capability } from '../../../common/target.js';
import { ownField } from '../../../common/own-field.js';

/** A model that a local server offers for chat. */
export interface FoundModel {
  /** As the server names it. */
  readonly name: string;
  /** Tokens the server really serves; `undefined` when it does not tell. */
  readonly contextWindow?: number | undefined;
  readonly capabilities: readonly Capability[];
}

export interface FoundServer {
  /** Prefix of the target ids. */
  readonly kind: 'ollama' | 'lmstudio' | 'llamacpp' | 'vllm' | 'foundry';
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
/**
 * What Ollama (below 24 GB of VRAM) and LM Studio load a model with when nobody said otherwise. Ollama cuts a longer
 * prompt silently, so a window that nobody told must not be guessed larger.
 *
 * @see https://docs.ollama.com/context-length
 */
export const USUAL_CONTEXT = 4096;

const MAX_CONTEXT = 100_000_000;
const MIN_CONTEXT = 256; // the configuration's own limit
const MAX_NAME = 256;
/** For servers that do not say what a model is for: embedding, ranking and speech models cannot chat. */
const NOT_FOR_CHAT = /embed|rerank|whisper|(^|[/-])(bge|gte|e5|minilm)-/i;

export type JsonObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The objects in a list field; everything that is not one is left out. */
export function objectsIn(value: unknown, field: string): readonly JsonObject[] {
  const list = isObject(value) ? ownField(value, field) : undefined;
  return Array.isArray(list) ? list.filter(isObject) : [];
}

/** The first of the values that can be a number of tokens. */
export function tokensOf(...values: unknown[]): number | undefined {
  return values.find(
    (value): value is number => Number.isInteger(value) && Number(value) >= MIN_CONTEXT && Number(value) <= MAX_CONTEXT,
  );
}

/** Whether a name can be a chat model's: printable, of sane length, not that of another kind of model. */
export function isChatModelName(name: unknown): name is string {
  return typeof name === 'string' && /^[\x21-\x7e]+$/.test(name) && name.length <= MAX_NAME && !NOT_FOR_CHAT.test(name);
}

/** The entries of an OpenAI model list (`GET /v1/models`) whose owner is the expected one; none = another server. */
export function modelsOwnedBy(list: unknown, owner: Model['owned_by']): readonly (JsonObject & Pick<Model, 'id'>)[] {
  return objectsIn(list, 'data').filter(
    (entry): entry is JsonObject & Pick<Model, 'id'> => entry['owned_by'] === owner && isChatModelName(entry['id']),
  );
}

/** Loaded models first, as they answer at once; otherwise the server's own order. At most `MAX_MODELS`. */
export function choice<T>(models: readonly T[], isLoaded: (model: T) => boolean = () => false): readonly T[] {
  return [...models].sort((a, b) => Number(isLoaded(b)) - Number(isLoaded(a))).slice(0, MAX_MODELS);
}
