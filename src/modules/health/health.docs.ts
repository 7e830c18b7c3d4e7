import type { Readiness } from './readiness.js';

const CHECK_SCHEMA = {
  type: 'object' as const,
  required: ['status'],
  properties: {
    status: { type: 'string' as const, enum: ['up', 'down', 'disabled'] },
    detail: { type: 'string' as const, description: 'For a person; programs read `status`.' },
    checked_at: { type: 'string' as const, format: 'date-time', description: '`verbose`: when this was looked at.' },
    age_ms: { type: 'number' as const, description: '`verbose`: how old that is; of a store at most 1000.' },
    took_ms: { type: 'number' as const, description: '`verbose`: how long the look took.' },
    since: { type: 'string' as const, format: 'date-time', description: '`verbose`: first seen in this state.' },
    last_error: {
      type: 'object' as const,
      nullable: true,
      description: '`verbose`: the latest time it was seen down, also when it is up again.',
      properties: { at: { type: 'string' as const, format: 'date-time' }, detail: { type: 'string' as const } },
    },
  },
};

const VERBOSE_SCHEMA = {
  targets: {
    type: 'object' as const,
    nullable: true,
    description: '`verbose`: targets of each tier, breakers by state, calls in flight and waiting. Counts, no names.',
    additionalProperties: { type: 'object' as const },
  },
  outboxes: {
    type: 'object' as const,
    nullable: true,
    description: '`verbose`: turns that wait for their store, and turns that no store takes.',
  },
  process: {
    type: 'object' as const,
    description:
      '`verbose`: `version`, `replica` (the first 12 hex digits of the SHA-256 of its name), `started_at`, ' +
      '`uptime_seconds`, `event_loop_stall_ms`.',
  },
};

const readinessSchema = (...statuses: Readiness['status'][]) => ({
  type: 'object' as const,
  required: ['status', 'checks'],
  properties: {
    status: { type: 'string' as const, enum: statuses },
    checks: {
      type: 'object' as const,
      description: 'One entry per part: router, targets, sessions, redis, cosmos, tables.',
      additionalProperties: CHECK_SCHEMA,
    },
    ...VERBOSE_SCHEMA,
  },
});

const STORES = {
  redis: { status: 'disabled', detail: 'not configured' },
  cosmos: { status: 'disabled', detail: 'not configured' },
  tables: { status: 'disabled', detail: 'not configured' },
} as const;

const READY: Readiness = {
  status: 'ready',
  checks: {
    router: { status: 'up' },
    targets: { status: 'up', detail: '2 of 3 targets can answer (1 drained); 1 simulated' },
    sessions: { status: 'up', detail: 'SQLite' },
    ...STORES,
  },
};

const UNREADY: Readiness = {
  status: 'unready',
  checks: {
    ...READY.checks,
    targets: { status: 'down', detail: '0 of 3 targets can answer (3 with an open breaker)' },
  },
};

export const VERBOSE_DOCS = {
  name: 'verbose',
  required: false,
  allowEmptyValue: true,
  schema: { type: 'string' as const },
  description:
    'For people: indented, with the time and duration of each check, since when its part is in its state and its last ' +
    'error. Every value but `false`, `0`, `no` and `off` asks for it.',
};

export const HEALTH_DOCS = {
  description: 'The process answers.',
  schema: {
    type: 'object' as const,
    required: ['status'],
    properties: { status: { type: 'string' as const, enum: ['ok'] } },
    example: { status: 'ok' },
  },
};

export const READY_DOCS = {
  description: 'Requests are served.',
  schema: { ...readinessSchema('ready', 'degraded'), example: READY },
};

export const UNREADY_DOCS = {
  description: 'Send requests elsewhere.',
  headers: { 'Retry-After': { description: 'Seconds.', schema: { type: 'integer' as const } } },
  schema: { ...readinessSchema('unready', 'draining'), example: UNREADY },
};
