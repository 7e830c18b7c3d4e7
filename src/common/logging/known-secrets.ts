import type { RouterConfig } from '../config/config.schema.js';

/** Anything shorter is as likely a word. */
const SHORTEST = 8;
/** Replaced after a reload, the old ones are still secret: a server may quote the key it was called with before. */
const known = new Set<string>();

/** Those of the configuration, which have no shape of their own. */
export function knowSecretsOf({ targets, redis, cosmos, tables, cache, limits }: RouterConfig): void {
  const password = URL.parse(redis.url)?.password ?? '';
  const accountKey = /AccountKey=([^;]+)/i.exec(tables.connectionString)?.[1];
  const all = [
    ...targets.map(({ apiKey }) => apiKey),
    password,
    decoded(password),
    cosmos.key,
    accountKey,
    cache.secret,
    limits.alertSecret,
  ];
  for (const secret of all) if (secret !== undefined && secret.length >= SHORTEST) known.add(secret);
}

/** A text with something else in place of every secret that the configuration has. */
export function withoutKnownSecrets(text: string, instead: string): string {
  let shown = text;
  for (const secret of known) if (shown.includes(secret)) shown = shown.replaceAll(secret, instead);
  return shown;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
