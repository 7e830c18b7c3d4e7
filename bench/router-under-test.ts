import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { RouterProcess, type RouterConfigInput } from '../test/support/router-process.js';
import type { BenchModel } from './payloads.js';

const KEY = 'bench-key';
const ENDLESS = 1_000_000_000;
const MODELS: readonly BenchModel[] = ['plain', 'firehose', 'each', 'burst', 'paced'];

export const CHAT = '/v1/chat/completions';

/** The credential of every benchmark request. */
export const AUTHORIZED = { authorization: `Bearer ${KEY}` };

/**
 * Everything on: an API key with limits (so quota is reserved and settled), prices (so cost is counted), the log, and
 * the hybrid strategy choosing between two targets, both of which are the bench upstream.
 */
export function benchConfig(upstreamPort: number, cache: boolean): RouterConfigInput {
  const limits = {
    requestsPerMinute: ENDLESS,
    tokensPerMinute: ENDLESS * 1000,
    concurrent: ENDLESS,
    usdPerMonth: ENDLESS,
  };
  return {
    targets: MODELS.flatMap((model) =>
      (['local', 'cloud'] as const).map((tier) => ({
        id: `${model}-${tier}`,
        tier,
        baseUrl: `http://127.0.0.1:${upstreamPort}/${model}/v1`,
        model: 'bench-model',
        price: { input: 0.1, output: 0.4 },
        concurrency: 5_000,
      })),
    ),
    models: MODELS.map((name) => ({ name, strategy: 'hybrid', targets: [`${name}-local`, `${name}-cloud`] })),
    cache: { enabled: cache },
    auth: {
      keys: [
        {
          id: 'bench',
          sha256: createHash('sha256').update(KEY).digest('hex'),
          tenant: 'bench',
          user: 'bench',
          scopes: ['chat', 'admin'],
          limits,
        },
      ],
    },
    limits,
  };
}

export const portOf = (router: RouterProcess): number => Number(new URL(router.url).port);

/** A process under load. */
export interface Side {
  readonly port: number;
  readonly pid: number;
}

export const sideOf = (router: RouterProcess): Side => ({ port: portOf(router), pid: router.pid });

/** What `npm start` (tools/start.mjs, tools/hand-over.mjs) adds to the flags of tools/node-flags.json. */
const START_FLAGS = [
  '--disable-warning=ExperimentalWarning',
  `--import=${pathToFileURL(resolve('tools/launched.mjs')).href}`,
];

const READY_WITHIN_MS = 30_000;

async function answersReady(url: string): Promise<boolean> {
  const response = await fetch(`${url}/ready`).catch(() => null);
  await response?.arrayBuffer();
  return response?.status === 200;
}

/** Starts the built router (`null` = embedded default) and resolves once `/ready` says 200, with the milliseconds since the process was spawned. */
export async function startRouter(
  config: RouterConfigInput | null,
  { NODE_OPTIONS = '', ...env }: Readonly<Record<string, string>> = {},
): Promise<{ router: RouterProcess; readyMs: number }> {
  const start = performance.now();
  const flags = [...START_FLAGS, NODE_OPTIONS].join(' ').trim();
  const router = await RouterProcess.start({
    config,
    env: { ...env, NODE_OPTIONS: flags },
    startWithinMs: READY_WITHIN_MS,
  });
  while (!(await answersReady(router.url))) {
    if (performance.now() - start > READY_WITHIN_MS) {
      await router.kill();
      throw new Error(`/ready was not 200 within ${READY_WITHIN_MS} ms`);
    }
    await setTimeout(5);
  }
  return { router, readyMs: performance.now() - start };
}
