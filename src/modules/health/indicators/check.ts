import type { HealthIndicatorResult } from '@nestjs/terminus';

/** What one check may take, milliseconds. */
export const CHECK_DEADLINE_MS = 500;
export const LATE = `timeout of ${CHECK_DEADLINE_MS}ms exceeded`;
/** Anything more could name an internal address. */
export const CHECK_FAILED = 'the check failed';

/** What `/ready` says of one part. */
export interface Check {
  readonly status: 'up' | 'down' | 'disabled';
  readonly detail?: string;
}

/**
 * One part of the service, as `/ready` shows it: `down` means unready, `degraded` that requests are served all the same.
 * Never rejects, and takes 500 ms at most.
 */
export abstract class PartIndicator {
  abstract readonly part: string;
  abstract check(): Promise<HealthIndicatorResult>;
}

/** What an indicator says of its part besides whether it is up. */
export interface PartData extends Record<string, unknown> {
  /** For a person: no address, no name of a target, nobody else's words. */
  readonly detail?: string;
  /** It is not configured. */
  readonly disabled?: true;
  /** When it was looked, milliseconds since 1970, and how long that took; left out: now, for as long as the check took. */
  readonly at?: number;
  readonly tookMs?: number;
}
