/** `chat` calls models and reads the sessions of the own tenant, `admin` steers targets, `operator` sees every tenant. */
export const SCOPES = ['chat', 'admin', 'operator'] as const;
export type Scope = (typeof SCOPES)[number];

/** Per-minute, in-flight and monthly limits of one user; an absent field means no limit. */
export interface CallerLimits {
  readonly requestsPerMinute?: number;
  readonly tokensPerMinute?: number;
  readonly concurrent?: number;
  readonly usdPerMonth?: number;
}

/** Who is calling, taken from the credential alone; never from the body or a header of the caller's choice. */
export interface Caller {
  readonly tenant: string;
  readonly user: string;
  readonly scopes: readonly Scope[];
  readonly limits: CallerLimits;
}

/** The caller of an unauthenticated service on a loopback address. */
export const LOOPBACK_CALLER: Caller = Object.freeze({
  tenant: 'local',
  user: 'local',
  scopes: SCOPES,
  limits: Object.freeze({}),
});
