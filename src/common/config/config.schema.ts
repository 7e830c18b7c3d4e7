import { z } from 'zod';
import { SCOPES } from '../caller.js';
import {
  alertSecret,
  emptyOr,
  httpUrl,
  milliseconds,
  name,
  origin,
  TIMER_MAX_MS,
  webhookUrl,
} from './config-scalars.js';
import { jwtSchema } from './jwt.schema.js';
import { targetSchema } from './target.schema.js';
import { telemetrySchema } from './telemetry.schema.js';

export const STRATEGIES = ['hybrid', 'learned', 'rules', 'cost', 'latency', 'weighted', 'priority', 'cascade'] as const;
export type Strategy = (typeof STRATEGIES)[number];

export const serverSchema = z.strictObject({
  host: z
    .string()
    .min(1)
    .default('127.0.0.1')
    .describe('Address to listen on. Off loopback needs auth.keys or auth.jwt.'),
  port: z.int().min(0).max(65_535).default(8080).describe('TCP port; 0 takes a free one.'),
  bodyLimitBytes: z.int().min(1024).max(1_073_741_824).default(4_194_304).describe('Largest request body, bytes.'),
  drainSeconds: z.int().min(0).max(3600).default(45).describe('How long a shutdown waits for requests in flight.'),
  corsOrigins: z
    .array(origin)
    .default([])
    .describe('Origins whose web pages may call this service, as browsers write them: https://app.example.com.'),
  trustedProxies: z.int().min(0).max(16).default(0).describe('Proxies in front whose X-Forwarded-For is believed.'),
});

/** A year: longer than anybody means, and short of what a timer or Redis refuses. */
const MOST_TTL_SECONDS = 31_536_000;

const perUser = {
  requestsPerMinute: z.int().min(1).describe('Requests within any 60 s.'),
  tokensPerMinute: z.int().min(1).describe('Tokens of prompts and answers within any 60 s.'),
  concurrent: z.int().min(1).describe('Requests at the same time.'),
  usdPerMonth: z
    .number()
    .min(0)
    .describe('Money until the month ends, at 00:00 UTC of the first; needs target prices.'),
};

const someLimits = z.strictObject(perUser).partial();

const model = z.strictObject({
  name: name.describe('What callers write as model; auto always exists.'),
  strategy: z.enum(STRATEGIES).default('hybrid').describe('How a target is chosen; docs/ROUTING.md.'),
  targets: z.array(name).min(1).describe('Target ids; their order is the fallback order after the chosen one.'),
  strong: z
    .array(name)
    .min(1)
    .optional()
    .describe(
      'Target ids of the strong side; left out: the cloud tier, or the dearest target where all are of one tier.',
    ),
  strongShare: z.number().min(0).max(1).default(0.4).describe('Share of queries that may go to the strong side.'),
  weights: z.record(name, z.number().min(0)).optional().describe('strategy weighted: target id -> weight, default 1.'),
  cache: z.boolean().default(true).describe('false: no answer to this name is kept, and none is shared.'),
  limits: someLimits
    .optional()
    .describe(
      'Of each user for this name, beside what limits allows in all. A target named directly is no name of a model: tenants.<t>.targets says who may.',
    ),
});

export const keySchema = z.strictObject({
  id: name.describe('What this key is called here; never shown to callers.'),
  sha256: z
    .string()
    .regex(/^[0-9a-fA-F]{64}$/, 'expected the SHA-256 of the key as 64 hex digits')
    .toLowerCase()
    .describe('SHA-256 of the key: printf %s "$KEY" | sha256sum'),
  tenant: name.describe('Whose sessions, cached answers and targets this key has.'),
  user: name.describe('Whose limits and budget this key draws on.'),
  scopes: z
    .array(z.enum(SCOPES))
    .min(1)
    .default(['chat'])
    .describe(
      'chat: the API; admin: /admin for its tenant, and draining of the targets it may use, for all; operator: /admin for all, with what model servers said.',
    ),
  limits: someLimits.optional().describe('Replaces the general limits, field by field.'),
});

const auth = z.strictObject({
  keys: z.array(keySchema).default([]),
  jwt: jwtSchema.prefault({}),
});

const limits = z.strictObject({
  requestsPerMinute: perUser.requestsPerMinute.default(10),
  tokensPerMinute: perUser.tokensPerMinute.default(100_000),
  concurrent: perUser.concurrent.default(20),
  usdPerMonth: perUser.usdPerMonth.default(50),
  unpriced: z
    .enum(['count', 'refuse'])
    .default('count')
    .describe(
      'Targets without a price: count = in budgets at the dearest known price of their tier, else of all; refuse = not for callers with a budget.',
    ),
  alertUrl: emptyOr(webhookUrl).describe(
    'Told by POST when 80 % and 90 % of a budget are used; https://, or http:// on this machine. Left out: the log and the metrics alone.',
  ),
  alertSecret: alertSecret.describe(
    'From the environment: ${VAR}. Signs what goes to alertUrl (standardwebhooks.com).',
  ),
});

const resilience = z.strictObject({
  retries: z.int().min(0).max(10).default(2).describe('Further tries of a request, over all its targets.'),
  deadlineMs: milliseconds(100_000).describe(
    'From arrival until the answer begins (stream) or is complete (plain; at least plainMs of the target).',
  ),
  breaker: z
    .strictObject({
      failures: z.int().min(1).default(5).describe('Failures in a row after which a target is left alone.'),
      resetSeconds: z
        .int()
        .min(1)
        .default(60)
        .describe('Longest wait until it is probed again; the first probes come after about 2, 4, 8 and 16 s.'),
    })
    .prefault({}),
  hedgeAfterMs: z.int().min(0).max(TIMER_MAX_MS).default(0).describe('0 = no hedging.'),
  streamRecovery: z
    .enum(['resume', 'error', 'buffer'])
    .default('resume')
    .describe(
      'A stream that breaks off: resume = joined with another attempt; error = ended; buffer = sent only when complete.',
    ),
});

const cache = z.strictObject({
  enabled: z.boolean().default(true).describe('Whether equal requests may get a kept answer; docs/CACHE.md.'),
  ttlSeconds: z
    .int()
    .min(1)
    .max(MOST_TTL_SECONDS)
    .default(3600)
    .describe('How long an answer is kept, or up to 10 % less.'),
  scope: z.enum(['user', 'tenant', 'global']).default('tenant').describe('Who may be given the same answer.'),
  maxBytes: z
    .int()
    .min(0)
    .default(67_108_864)
    .describe('Memory of each replica for answers, bytes; the one longest not asked for leaves. 0 = none.'),
  maxEntryBytes: z.int().min(1).default(1_048_576).describe('A longer answer is given and not kept, bytes.'),
  staleSeconds: z
    .int()
    .min(0)
    .max(MOST_TTL_SECONDS)
    .default(0)
    .describe('So long after its life an answer is still given while one request renews it; 0 = not at all.'),
  secret: z
    .string()
    .regex(/^$|^(?=\s*\S).{16,}$/s, 'use at least 16 characters')
    .default('')
    .describe(
      'From the environment: ${VAR}; at least 16 characters. Names and seals what is kept in Redis; the same on every replica. Left out: the replicas share one through Redis.',
    ),
});

const redis = z.strictObject({
  url: emptyOr(z.url({ protocol: /^rediss?$/, error: 'expected a redis:// or rediss:// URL' })).describe(
    'Hot conversations and the outbox of all replicas; rediss:// for TLS. Left out: each replica has its own memory.',
  ),
  cluster: z.boolean().default(false).describe('Redis Cluster, or Azure Managed Redis with policy OSSCluster.'),
  entra: z.boolean().default(false).describe('Sign in with Microsoft Entra (managed identity), not with a password.'),
  expectedReplicas: z
    .int()
    .min(1)
    .max(1_000)
    .default(1)
    .describe(
      'Replicas that share this Redis. While it is away each enforces its share of every limit; the number last seen ' +
        'in Redis or Table Storage counts, this one until there was any.',
    ),
});

const cosmos = z.strictObject({
  endpoint: emptyOr(httpUrl).describe('Where turns are kept. Left out: SQLite in ROUTER_DATA_DIR.'),
  key: z.string().default('').describe('From the environment: ${VAR}. Without a key: managed identity.'),
  database: z.string().min(1).default('router').describe('Its database; made where it is missing.'),
});

const tables = z.strictObject({
  endpoint: emptyOr(httpUrl).describe('Where the list of sessions is kept, with managed identity. Left out: SQLite.'),
  connectionString: z.string().default('').describe('From the environment: ${VAR}. In place of endpoint.'),
});

export const PRIVATE_KINDS = ['email', 'phone', 'creditCard', 'iban', 'ssn', 'ipAddress', 'apiKey'] as const;
export type PrivateKind = (typeof PRIVATE_KINDS)[number];

/**
 * `router.config.yaml`, after interpolation. Unknown keys are errors, so that a misspelt limit is never silently none.
 * What its parts say of each other (a model names existing targets) is checked by cross-references.ts.
 */
export const routerConfigSchema = z.strictObject({
  server: serverSchema.prefault({}),
  targets: z.array(targetSchema).default([]),
  models: z.array(model).default([]),
  resilience: resilience.prefault({}),
  sessions: z
    .strictObject({
      ttlSeconds: z
        .int()
        .min(1)
        .default(3600)
        .describe('How long the hot copy of a conversation lives after its last use.'),
      maxTurns: z.int().min(1).max(10_000).default(50).describe('Latest turns of a conversation that a request gets.'),
      retentionDays: z.int().min(1).max(3650).default(30).describe('How long turns are kept.'),
      requireDurable: z
        .boolean()
        .default(false)
        .describe('true: /ready is 503 while no store can keep a turn, so that no traffic comes here.'),
    })
    .prefault({}),
  cache: cache.prefault({}),
  redis: redis.prefault({}),
  cosmos: cosmos.prefault({}),
  tables: tables.prefault({}),
  auth: auth.prefault({}),
  limits: limits.prefault({}),
  tenants: z
    .record(
      name,
      z.strictObject({
        targets: z.array(name).min(1).optional().describe('The only targets of this tenant. Left out: every target.'),
        limits: someLimits.optional().describe('Of the tenant as a whole, beside those of its users. Left out: none.'),
        logContent: z
          .boolean()
          .optional()
          .describe('true: its log lines have the messages and the answer, redacted and cut. Left out: false.'),
      }),
    )
    .default({})
    .describe('Tenant -> what it may use; a tenant that is not listed may use every target.'),
  privacy: z
    .strictObject({
      localOnly: z.boolean().default(false).describe('true: text with any of these never goes to a cloud target.'),
      detect: z
        .array(z.enum(PRIVATE_KINDS))
        .default([...PRIVATE_KINDS])
        .describe('What counts as private.'),
    })
    .prefault({}),
  telemetry: telemetrySchema,
});

export type { TargetConfig } from './target.schema.js';
export type RouterConfig = z.output<typeof routerConfigSchema>;
export type ModelConfig = RouterConfig['models'][number];
