/** Why there is no connection, in words that name no address. */
export interface RedisTrouble {
  readonly reason: string;
  /** What a person has to do; empty where trying again is enough. */
  readonly cure: string;
}

/** Code of a connection without TLS that the server ended before it had said anything. */
export const CLOSED_UNHEARD = 'CLOSED_UNHEARD';
/** Code of a connection that the server took without ever answering TLS. */
export const TLS_UNANSWERED = 'TLS_UNANSWERED';

type Kind = RedisTrouble & { readonly codes: RegExp };

/** Codes of OpenSSL's verification (`X509_V_ERR_...` without its beginning), of Node and of Redis' ACL. */
const KINDS: readonly Kind[] = [
  {
    codes: /SELF_SIGNED_CERT|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER|CERT_UNTRUSTED|CERT_SIGNATURE_FAILURE/,
    reason: 'its TLS certificate is not trusted',
    cure: 'write the certificate of its CA to a PEM file, name the file in NODE_EXTRA_CA_CERTS and start again',
  },
  {
    codes: /ERR_TLS_CERT_ALTNAME_INVALID/,
    reason: 'its TLS certificate is for another name',
    cure: 'redis.url must hold a name or an address that the certificate lists',
  },
  {
    codes: /CERT_HAS_EXPIRED|CERT_NOT_YET_VALID/,
    reason: 'its TLS certificate is not valid now',
    cure: 'renew the certificate of the server, or set the clock of this machine',
  },
  {
    codes: /^(ERR_SSL|EPROTO)/,
    reason: 'it does not agree on TLS',
    cure: 'rediss:// needs a port that speaks TLS and asks for no client certificate',
  },
  {
    codes: new RegExp(`^${TLS_UNANSWERED}$`),
    reason: 'it takes connections and does not answer TLS',
    cure: 'unless the server is frozen, redis.url names a port without TLS',
  },
  {
    codes: new RegExp(`^${CLOSED_UNHEARD}$`),
    reason: 'it closes connections without a word',
    cure: 'if it speaks TLS, redis.url must begin with rediss://',
  },
  {
    codes: /^(OOM|MISCONF)/,
    reason: 'it refuses to write',
    cure: 'give it memory (maxmemory) or disk, or let it evict; what it holds can still be read',
  },
  {
    codes: /^(READONLY|MASTERDOWN)/,
    reason: 'it is a replica that takes no writes',
    cure: 'redis.url must name the primary',
  },
  {
    codes: /^(MOVED|ASK|CROSSSLOT)/,
    reason: 'it is part of a cluster',
    cure: 'set redis.cluster: true',
  },
  {
    codes: /^(LOADING|CLUSTERDOWN|TRYAGAIN)/,
    reason: 'it is not ready yet',
    cure: '',
  },
  {
    codes: /^(WRONGPASS|NOAUTH|NOPERM)/,
    reason: 'it refuses the sign-in',
    cure: 'check user name and password of redis.url, or with redis.entra the access policy of the identity',
  },
];

/** @param error of a socket, or a reply of the server. @returns `null` when it says nothing about the cause */
export function troubleOf(error: Error): RedisTrouble | null {
  const code = codeOf(error);
  if (!code) return null;
  const kind = KINDS.find(({ codes }) => codes.test(code));
  return { reason: kind ? `${kind.reason} (${code})` : code, cure: kind?.cure ?? '' };
}

function codeOf(error: Error): string | undefined {
  const { code } = error as NodeJS.ErrnoException;
  if (typeof code === 'string') return code;
  // ioredis puts its own words before the reply to its first INFO; a reply of the server begins with its kind.
  const signIn = /\b(WRONGPASS|NOAUTH|NOPERM)\b/.exec(error.message)?.[0];
  return signIn ?? (error.name === 'ReplyError' ? /^[A-Z]{3,}\b/.exec(error.message)?.[0] : undefined);
}
