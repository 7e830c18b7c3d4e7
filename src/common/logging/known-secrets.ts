import type { RouterConfig } from '../config/config.schema.js';

/** Anything shorter is as likely a word. */
const SHORTEST = 8;
/** Of a part of a path or query: tokens have digits, or are longer than words. */
const TOKEN = /^(?=.*\d).{8,}$|^.{20,}$/s;
/** Replaced after a reload, the old ones are still secret: a server may quote the key it was called with before. */
const known = new Set<string>();

/** Those of the configuration, which have no shape of their own. */
export function knowSecretsOf({ targets, redis, cosmos, tables, cache, limits, telemetry }: RouterConfig): void {
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
    ...tokensIn(limits.alertUrl),
    ...Object.values(telemetry.otlpHeaders).flatMap((value) => [value, ...value.split(' ')]), // `Bearer <token>`
    /InstrumentationKey=([^;]+)/i.exec(telemetry.azureMonitorConnectionString)?.[1],
  ];
  for (const secret of all) if (secret !== undefined && secret.length >= SHORTEST) known.add(secret);
}

/** A text with something else in place of every secret that the configuration has. */
export function withoutKnownSecrets(text: string, instead: string): string {
  let shown = text;
  for (const secret of known) if (shown.includes(secret)) shown = shown.replaceAll(secret, instead);
  return shown;
}

/** Webhook services say who may send in the path or the query of their address. */
function tokensIn(address: string): string[] {
  const { pathname = '', search = '' } = URL.parse(address) ?? {};
  const parts = [...pathname.split('/'), ...search.split(/[?&=]/)];
  return parts.flatMap((part) => [part, decoded(part)]).filter((part) => TOKEN.test(part));
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
