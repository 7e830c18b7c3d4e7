import type { Readiness } from './readiness.js';

const CHECK_SCHEMA = {
  type: 'object' as const,
  required: ['status'],
  properties: {
    status: { type: 'string' as const, enum: ['up', 'down', 'disabled'] },
    detail: { type: 'string' as const, description: 'For a person; programs read `status`.' },
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
    targets: { status: 'up', detail: '2 of 3 targets can answer (1 drained); simulated: simulated-local' },
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
