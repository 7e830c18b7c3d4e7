import { hash, randomBytes } from 'node:crypto';
import type { Caller } from '../../common/caller.js';
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
 * Fields that change the form of an answer and not its content: either form is replayed as the other. Every other
 * field is in the key, known or not (`user`, `metadata`, `store` too): a field left out is a way to plant an answer
 * under somebody else's question.
 */
const FORM_ONLY: ReadonlySet<string> = new Set(['stream', 'stream_options']);

/**
 * JSON with sorted object keys: equal data gives equal text and different data different text. An absent field differs
 * from `null`, a number from its digits in a string. Accepted bodies are at most 128 levels deep.
 */
export function canonicalJson(value: unknown, leaveOut?: ReadonlySet<string>): string {
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : 'null';
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  let text = '';
  if (Array.isArray(value)) {
    for (const item of value) text += text ? `,${canonicalJson(item)}` : canonicalJson(item);
    return `[${text}]`;
  }
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
  const rights = Object.entries(config.tenants).map(([tenant, { targets: own }]) => [tenant, own ?? null]);
  return hash('sha256', canonicalJson([targets, config.models, config.privacy, rights]), 'base64url');
}

const BLOCK_BYTES = 64;
const DIGEST_BYTES = 32;
const INNER_PAD = 0x36;
const OUTER_PAD = 0x5c;

/**
 * HMAC-SHA-256 (RFC 2104) of texts, with a key of one block that is made here. Of two one-shot hashes: `createHmac` makes
 * a stream for each text, which takes twice as long. Bytes of the key have seven bits, so that key and text are hashed
 * as one string.
 */
export class KeyedHash {
  private readonly inner: string;
  private readonly outer = Buffer.alloc(BLOCK_BYTES + DIGEST_BYTES);

  constructor(key = randomBytes(BLOCK_BYTES).map((byte) => byte & 0x7f)) {
    this.inner = String.fromCharCode(...key.map((byte) => byte ^ INNER_PAD));
    this.outer.set(key.map((byte) => byte ^ OUTER_PAD));
  }

  /** base64url */
  of(text: string): string {
    this.outer.write(hash('sha256', this.inner + text, 'hex'), BLOCK_BYTES, 'hex');
    return hash('sha256', this.outer, 'base64url');
  }
}

/**
 * The name of an answer: HMAC-SHA-256, base64url, over the canonical JSON of everything in `parts`. The secret keeps
 * somebody who sees a key from testing guesses of the prompt against it.
 */
export function cacheKey(secret: KeyedHash, parts: KeyParts): string {
  const { scope, caller, request, turns, strategy, policy } = parts;
  const head = JSON.stringify([scopeIdentity(scope, caller), parts.rights?.toSorted() ?? null, policy, strategy]);
  const earlier = canonicalJson(turns.flatMap(({ messages }) => messages));
  // numbers that data cannot hold are told apart by the text they came in
  const exact = sourceOf(request)?.lostInData ?? '';
  const text = `[${head},${earlier},${canonicalJson(request, FORM_ONLY)}]${exact}`;
  return secret.of(text);
}
