import { timingSafeEqual } from 'node:crypto';
import type { Caller } from '../../common/caller.js';
import type { RouterConfig } from '../../common/config/config.schema.js';
import { knownCaller } from './known-caller.js';

/** Of a digest in hex: 32 bits. */
const PREFIX_DIGITS = 8;

/**
 * The API keys of one configuration, by SHA-256. Keys are found by the first 32 bits of their digest and then compared
 * in constant time, so the time of an answer tells nothing about a key. One `Caller` object per key, made once.
 */
export class ApiKeys {
  private readonly byPrefix: ReadonlyMap<number, readonly { readonly digest: Buffer; readonly caller: Caller }[]>;

  constructor({ auth, limits }: Pick<RouterConfig, 'auth' | 'limits'>) {
    const known = auth.keys.map((key) => ({
      digest: Buffer.from(key.sha256, 'hex'),
      caller: knownCaller(key, limits, key.limits),
    }));
    this.byPrefix = Map.groupBy(known, ({ digest }) => digest.readUInt32BE(0));
  }

  /** Whose key this is; `null` for an unknown one. @param sha256 of the key, hex */
  find(sha256: string): Caller | null {
    const candidates = this.byPrefix.get(Number.parseInt(sha256.slice(0, PREFIX_DIGITS), 16));
    if (!candidates) return null;
    const digest = Buffer.from(sha256, 'hex');
    return candidates.find((known) => timingSafeEqual(known.digest, digest))?.caller ?? null;
  }
}
