import { billOf, cents } from './bill.js';
import { HALF_REPLICA, modelRates, setupOf, type Setup, type Workload } from './workload.js';

export interface Lever {
  readonly name: string;
  /** A month; the bill as it is less the bill with this one thing changed. Levers do not add up. */
  readonly saves_usd: number;
  readonly how: string;
}

interface Change {
  readonly name: string;
  readonly how: string;
  /** `null` = has nothing to change here. */
  readonly workload?: (workload: Workload) => Workload | null;
  readonly setup?: (setup: Setup, workload: Workload) => Setup | null;
}

/** A tenth of all requests, in each direction. */
const POINTS = 0.1;
const SMALLER_MODEL = 'gpt-5-nano';

const CHANGES: readonly Change[] = [
  {
    name: 'cache hits +10 points',
    how: 'cache.scope tenant instead of user, a longer cache.ttlSeconds (docs/CACHE.md)',
    workload: (one) => (one.cacheHit >= 1 ? null : { ...one, cacheHit: Math.min(1, one.cacheHit + POINTS) }),
  },
  {
    name: 'strong share -10 points',
    how: 'models[].strongShare; npm run whatif says which decisions move (docs/ROUTING.md)',
    workload: (one) => (one.strongShare <= 0 ? null : { ...one, strongShare: Math.max(0, one.strongShare - POINTS) }),
  },
  {
    name: `small model ${SMALLER_MODEL}`,
    how: 'another deployment on the small side; npm run eval before and after, as its answers differ',
    workload: (one) => (isCheaper(SMALLER_MODEL, one) ? { ...one, smallModel: SMALLER_MODEL } : null),
  },
  {
    name: 'savings plan for compute, 1 year',
    how: 'Container Apps have no Reserved Instances; a savings plan over what the lowest number of replicas takes replaces them',
    setup: (one) => ({ ...one, appPlan: 1 }),
  },
  {
    name: 'savings plan for compute, 3 years',
    how: 'the same for three years',
    setup: (one) => ({ ...one, appPlan: 3 }),
  },
  {
    name: 'Cosmos DB reserved capacity, 1 year',
    how: 'RU/s that are billed at every hour; not for serverless',
    setup: (one) => (one.cosmosServerless ? null : { ...one, cosmosReserved: 1 }),
  },
  {
    name: 'Cosmos DB reserved capacity, 3 years',
    how: 'the same for three years',
    setup: (one) => (one.cosmosServerless ? null : { ...one, cosmosReserved: 3 }),
  },
  {
    name: 'Managed Redis reservation, 1 year',
    how: 'of the size that runs; it cannot be made smaller during the term',
    setup: (one, { environment }) => (environment === 'dev' ? null : { ...one, redisReserved: 1 }),
  },
  {
    name: 'Managed Redis reservation, 3 years',
    how: 'the same for three years',
    setup: (one, { environment }) => (environment === 'dev' ? null : { ...one, redisReserved: 3 }),
  },
  {
    name: 'Cosmos DB serverless',
    how: 'one region only, without the SLA of provisioned throughput; for dev and staging',
    setup: (one, { environment, regions }) =>
      one.cosmosServerless || environment === 'prod' || regions > 1 ? null : { ...one, cosmosServerless: true },
  },
  {
    name: 'fewer replicas at night',
    how: 'minReplicas 1 outside of the busy hours; in dev 0, which takes probes that do not reach the app',
    setup: (one, { environment }) => ({ ...one, nightReplicas: environment === 'dev' ? 0 : 1 }),
  },
  {
    name: 'probes that the app does not answer',
    how: 'API Management answers Front Door itself: replicas without a request cost the idle rate, and a dead app is found by alerts',
    setup: (one) => ({ ...one, idleRate: true }),
  },
  {
    name: 'replicas of half the size',
    how: '0.5 vCPU and 1 GiB; docs/COST.md says what that leaves',
    setup: (one) => (one.replica === HALF_REPLICA ? null : { ...one, replica: HALF_REPLICA }),
  },
  {
    name: 'one trace in ten',
    how: 'telemetry.traceRatio 0.1; lines and metrics stay whole',
    workload: (one) => (one.traceRatio <= POINTS ? null : { ...one, traceRatio: POINTS }),
  },
  {
    name: 'Basic logs',
    how: 'for the tables of consoles and access logs, which no alert reads',
    setup: (one) => ({ ...one, basicLogs: true }),
  },
];

function isCheaper(model: string, { smallModel, promptTokens }: Workload): boolean {
  const [other, own] = [modelRates(model, promptTokens), modelRates(smallModel, promptTokens)];
  return other !== null && own !== null && other.input < own.input && other.output < own.output;
}

/** What each lever saves, by the same model with one thing changed. The dearest first; what saves nothing stands at the end. */
export function leversOf(workload: Workload): Lever[] {
  const setup = setupOf(workload);
  const { totalUsd } = billOf(workload, setup);
  const levers = CHANGES.flatMap(({ name, how, ...change }): Lever[] => {
    const changed = change.workload ? change.workload(workload) : workload;
    const set = change.setup ? change.setup(setup, workload) : setup;
    if (!changed || !set) return [];
    return [{ name, saves_usd: cents(totalUsd - billOf(changed, set).totalUsd), how }];
  });
  return levers.sort((a, b) => b.saves_usd - a.saves_usd);
}
