import { hash } from 'node:crypto';
import { BoundedMap } from '../../../common/bounded-map.js';
import type { Caller } from '../../../common/caller.js';

/** Whose a record is: of one user of one tenant, and of nobody else. */
export type Owner = Pick<Caller, 'tenant' | 'user'>;

/** Characters of a digest: 132 bits. */
const CHARACTERS = 22;
const MOST_REMEMBERED = 10_000;
const digests = new BoundedMap<string, string>(MOST_REMEMBERED);

/** A name of fixed length and harmless characters. The lengths keep two names from running together. */
export function ownerDigest({ tenant, user }: Owner): string {
  const name = `${tenant.length}:${tenant}${user.length}:${user}`;
  let digest = digests.get(name);
  if (digest === undefined) {
    digest = hash('sha256', name, 'base64url').slice(0, CHARACTERS);
    digests.set(name, digest);
  }
  return digest;
}
