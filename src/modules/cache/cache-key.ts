import { hash } from 'node:crypto';
import type { Caller } from '../../common/caller.js';
import type { EmbeddingInput } from '../../common/embeddings.js';
import type { Fields } from '../../common/json/fields.js';
import { isRawNumber, parseKeepingNumbers } from '../../common/json/numbers.js';
import { sourceOf } from '../../common/json/source.js';
import type { RouterConfig } from '../../common/config/config.schema.js';
import type { AnswerLookup } from './cache.messages.js';

export type CacheScope = RouterConfig['cache']['scope'];

/** Everything that decides what an answer may be. */
export interface KeyParts extends Omit<AnswerLookup, 'cacheControl'> {
  readonly scope: CacheScope;
  /** Ids of the targets that the caller may use; `null` = all. Answers are shared among equal rights only. */
  readonly rights: readonly string[] | null;
  /** Of `policyFingerprint`: what the model names mean. */
  readonly policy: string;
}

/**
 * Fields of a request that say how an answer is delivered, filed or accounted for, and nothing about what it is to be
 * (docs/CACHE.md has each). Every other field is in the key, known or not: one left out is a way to plant an answer under
 * somebody else's question.
 *
 * @see https://platform.openai.com/docs/api-reference/chat/create
 */
const CANNOT_CHANGE_THE_ANSWER: ReadonlySet<string> = new Set([
  'stream',
  'stream_options',
  'user',
  'metadata',
  'store',
]);

/**
 * JSON with sorted object keys: equal data gives equal text and different data different text. An absent field differs
 * from `null`, a number from its digits in a string, and a number that was kept as its text (`parseKeepingNumbers`) is
 * that text. Accepted bodies are at most 128 levels deep.
 */
export function canonicalJson(value: unknown, leaveOut?: ReadonlySet<string>): string {
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : 'null';
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  let text = '';
  if (Array.isArray(value)) {
    for (const item of value) text += text ? `,${canonicalJson(item)}` : canonicalJson(item);
    return `[${text}]`;
  }
  if (isRawNumber(value)) return JSON.stringify(value);
  const fields = value as Record<string, unknown>;
  for (const name of Object.keys(fields).sort()) {
    // eslint-disable-next-line local/outside-names -- one of the object's own keys, read for every field of every request
    const field = fields[name];
    if (field === undefined || leaveOut?.has(name)) continue;
    if (text) text += ',';
    text += `${JSON.stringify(name)}:${canonicalJson(field)}`;
  }
  return `{${text}}`;
}

/** Whose answers these are. As JSON, so that no two names of tenant and user run together. */
function scopeIdentity(scope: CacheScope, { tenant, user }: Caller): string[] {
  if (scope === 'user') return [scope, tenant, user];
  return scope === 'tenant' ? [scope, tenant] : [scope];
}

/**
 * Changes when model names come to mean something else: targets, models, privacy rules or what tenants may use were
 * reloaded. Keys of model servers and limits are not part of it, so changing those keeps the cache.
 */
export function policyFingerprint(config: Pick<RouterConfig, 'targets' | 'models' | 'privacy' | 'tenants'>): string {
  const targets = config.targets.map((target) => ({ ...target, apiKey: undefined }));
  const rights = Object.entries(config.tenants).flatMap(([tenant, { targets: own }]) => (own ? [[tenant, own]] : []));
  const models = config.models.map((model) => ({ ...model, limits: undefined }));
  return hash('sha256', canonicalJson([targets, models, config.privacy, rights]), 'base64url');
}

const BLOCK_BYTES = 64;
const DIGEST_BYTES = 32;
const INNER_PAD = 0x36;
const OUTER_PAD = 0x5c;

/**
 * HMAC-SHA-256 (RFC 2104) of texts. Of two one-shot hashes: `createHmac` makes a stream for each text, which takes twice as
 * long. The block of the key is the SHA-256 of the secret in hexadecimal: 64 bytes of seven bits, so that key and text are
 * hashed as one string.
 */
export class KeyedHash {
  private readonly inner: string;
  private readonly outer = Buffer.alloc(BLOCK_BYTES + DIGEST_BYTES);

  /** @param secret any text */
  constructor(secret: string) {
    const key = Buffer.from(hash('sha256', secret, 'hex'), 'latin1');
    this.inner = String.fromCharCode(...key.map((byte) => byte ^ INNER_PAD));
    this.outer.set(key.map((byte) => byte ^ OUTER_PAD));
  }

  /** base64url */
  of(text: string): string {
    this.outer.write(hash('sha256', this.inner + text, 'hex'), BLOCK_BYTES, 'hex');
    return hash('sha256', this.outer, 'base64url');
  }
}

/** Everything that decides what a vector may be, but its input. */
export interface VectorKeyParts extends Pick<KeyParts, 'scope' | 'rights' | 'policy' | 'caller'> {
  readonly model: string;
  readonly settings: Readonly<Fields>;
}

/** The names of vectors, as `cacheKey` makes those of answers. */
export function vectorKeys(
  secret: KeyedHash,
  { scope, caller, rights, policy, model, settings }: VectorKeyParts,
  inputs: readonly EmbeddingInput[],
): string[] {
  const owner = JSON.stringify([scopeIdentity(scope, caller), rights?.toSorted() ?? null, policy, model]);
  const head = `vector [${owner},${canonicalJson(settings)},`;
  return inputs.map((input) => secret.of(`${head}${JSON.stringify(input)}]`));
}

/**
 * The name of an answer: HMAC-SHA-256, base64url, over the canonical JSON of everything in `parts`. The secret keeps
 * somebody who sees a key from testing guesses of the prompt against it.
 */
export function cacheKey(secret: KeyedHash, parts: KeyParts): string {
  const { scope, caller, request, turns, strategy, policy } = parts;
  const head = JSON.stringify([scopeIdentity(scope, caller), parts.rights?.toSorted() ?? null, policy, strategy]);
  const earlier = canonicalJson(turns.flatMap(({ messages }) => messages));
  const source = sourceOf(request);
  // what data cannot hold: the digits of large numbers are read again, of two members of one name the whole text counts
  const asked = source?.wideNumbers ? parseKeepingNumbers(source.text) : request;
  const repeats = source?.hasRepeats || source?.hidesMembers ? source.text : '';
  return secret.of(`[${head},${earlier},${canonicalJson(asked, CANNOT_CHANGE_THE_ANSWER)}]${repeats}`);
}
