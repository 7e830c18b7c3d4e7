import { z } from 'zod';
import { emptyOr, httpUrl } from './url-schemas.js';

export const redis = z.strictObject({
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

export const cosmos = z.strictObject({
  endpoint: emptyOr(httpUrl).describe('Where turns are kept. Left out: SQLite in ROUTER_DATA_DIR.'),
  key: z.string().default('').describe('From the environment: ${VAR}. Without a key: managed identity.'),
  database: z.string().min(1).default('router').describe('Its database; made where it is missing.'),
});

export const tables = z.strictObject({
  endpoint: emptyOr(httpUrl).describe('Where the list of sessions is kept, with managed identity. Left out: SQLite.'),
  connectionString: z.string().default('').describe('From the environment: ${VAR}. In place of endpoint.'),
});
