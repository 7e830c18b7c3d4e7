import { ownField } from '../../../common/json/fields.js';
import type { Capability } from '../../../common/target.js';
import type { Ask, JsonObject } from './probe-json.js';

export type ServerKind = 'ollama' | 'lmstudio' | 'llamacpp' | 'vllm' | 'foundry';

/** One kind of local server: how it differs from the others. A server is known by how it answers, not by its port. */
export interface LocalServer {
  /** Prefix of the target ids. */
  readonly kind: ServerKind;
  /** For people. */
  readonly label: string;
  /** The models it offers for chat; `null` where nobody answers, or another program. */
  models(ask: Ask): Promise<readonly FoundModel[] | null>;
  /** What the person at the console should know or do, one sentence. */
  hint?(models: readonly FoundModel[]): string | undefined;
}

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

export interface FoundServer extends Pick<LocalServer, 'kind' | 'label'> {
  /** OpenAI-compatible base URL. */
  readonly baseUrl: string;
  readonly models: readonly FoundModel[];
  readonly hint?: string | undefined;
}

/** What a server says of a model, as it says it. */
export interface ToldModel {
  /** What may be its context window, tokens; the first that can be one counts. */
  readonly windows: readonly unknown[];
  readonly can: Partial<Record<Capability, boolean>>;
  /** See `parameterCount`. */
  readonly size?: unknown;
  readonly isPartial?: boolean;
}

export const foundModel = (name: string, { windows, can, size, isPartial }: ToldModel): FoundModel => ({
  name,
  contextWindow: tokensOf(windows),
  capabilities: (Object.keys(can) as Capability[]).filter((capability) => can[capability]),
  parameters: parameterCount(size, name),
  ...(isPartial ? { partial: true } : {}),
});

/** A server with hundreds of models is a catalogue, not a choice; more are left out. */
const MAX_MODELS = 16;
const MAX_CONTEXT = 100_000_000;
const MIN_CONTEXT = 256; // the configuration's own limit
const MAX_NAME = 256;
/** Names go out in headers; a file's may have spaces inside. */
const PRINTABLE = /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/;
/** Models for embedding, ranking, speech, pictures: they cannot chat. For what a server does not say itself. */
const NOT_FOR_CHAT =
  /embed|rerank|whisper|diffusion|speech|(^|[/:._-])(bge|gte|gtr|e5|(all-)?minilm|paraphrase|colbert|colpali|clip|siglip|tts|stt|asr|wav2vec2?|parakeet|moonshine|kokoro|piper|bark|orpheus|musicgen|sdxl|flux|dall-?e|image|vae|moderation)([/:._-]|\d|$)/i;

/** The first of the values that can be a number of tokens. */
export function tokensOf(values: readonly unknown[]): number | undefined {
  return values.find(
    (value): value is number => Number.isInteger(value) && Number(value) >= MIN_CONTEXT && Number(value) <= MAX_CONTEXT,
  );
}

/** Whether a name can be a chat model's: printable, of sane length, not that of another kind of model. */
function isChatModelName(name: unknown): name is string {
  return typeof name === 'string' && PRINTABLE.test(name) && name.length <= MAX_NAME && !NOT_FOR_CHAT.test(name);
}

/**
 * The entries that name a chat model: at most `MAX_MODELS`, loaded ones before others as they answer at once, in the
 * server's own order.
 *
 * @param nameField where an entry has its model's name
 */
export function chatModels<T extends JsonObject>(
  entries: readonly T[],
  nameField: string,
  isLoaded: (entry: T) => boolean = () => false,
): readonly T[] {
  const models = entries.filter((entry) => isChatModelName(ownField(entry, nameField)));
  if (models.length <= MAX_MODELS) return models;
  const chosen = new Set([...new Set([...models.filter(isLoaded), ...models])].slice(0, MAX_MODELS));
  return models.filter((model) => chosen.has(model));
}

const UNIT: ReadonlyMap<string, number> = new Map([
  ['m', 1e6],
  ['b', 1e9],
  ['t', 1e12],
]);
/**
 * `7b`, `0.6B`, `8x7b`, `e4b`, `30b-a3b`, `1_6b` (after a hyphen), `135m`, `494.03M`; not the `4b` of `4bit` nor the
 * context of `chat-1m`.
 */
const SIZE =
  /(?<![a-z0-9.])[ea]?(?:(\d{1,3})x)?(?:(\d{1,4}(?:\.\d{1,3})?|(?<=-)\d_\d)([bt])|(\d{2,4}(?:\.\d{1,3})?)(m))(?![a-z0-9])/gi;
/** Smaller numbers are no count of parameters. */
const LEAST = 1e5;

/**
 * How many parameters a model has: as its server tells it (a number, also as text, or a size such as "7.6B" or "35B-A3B"), else from its
 * name; `undefined` when neither says. Of several sizes the largest is the whole model, the others its active part.
 */
export function parameterCount(told: unknown, name: string): number | undefined {
  if (Number(told) >= LEAST) return Number(told);
  return (typeof told === 'string' ? largestIn(told) : undefined) ?? largestIn(name);
}

function largestIn(text: string): number | undefined {
  const sizes = [...text.matchAll(SIZE)].map(([, experts = '1', size, unit, millions, mega]) => {
    const number = Number((size ?? millions ?? '').replace('_', '.'));
    return Number(experts) * number * UNIT.get((unit ?? mega ?? '').toLowerCase())!;
  });
  return sizes.length > 0 ? Math.max(...sizes) : undefined;
}
