import { listedPrice } from '../../src/common/prices/price-lists.js';
import { ratesOf } from '../../src/common/cost.js';
import type { Rates } from '../../src/common/prices/price.js';
import { PRICES_DATE } from './azure-prices.js';

export const ENVIRONMENTS = ['dev', 'staging', 'prod'] as const;
export type Environment = (typeof ENVIRONMENTS)[number];

/** A purchase for years; 0 = none. */
export type Term = 0 | 1 | 3;

/** What the bill is asked for: the load, and how the deployment is set up. */
export interface Workload {
  readonly users: number;
  /** Of a user and day. */
  readonly requests: number;
  /** Of a request, with the turns of its session in front. */
  readonly promptTokens: number;
  readonly answerTokens: number;
  /** Share of requests that the router's cache answers. */
  readonly cacheHit: number;
  /** Share of the others that goes to the strong model. */
  readonly strongShare: number;
  /** Share of prompt tokens that the provider still has. */
  readonly providerCached: number;
  readonly environment: Environment;
  readonly regions: number;
  readonly smallModel: string;
  readonly strongModel: string;
  /** Share of requests whose trace is kept (`telemetry.traceRatio`). */
  readonly traceRatio: number;
}

/** How it is bought and set up beyond what `infra/` says; each lever changes one thing. */
export interface Setup {
  readonly replica: Replica;
  /** Outside of the busy hours; `null` = as by day. */
  readonly nightReplicas: number | null;
  readonly appPlan: Term;
  readonly cosmosReserved: Term;
  readonly redisReserved: Term;
  readonly cosmosServerless: boolean;
  /** Tables that no alert reads are Basic logs. */
  readonly basicLogs: boolean;
  /** No probe reaches a replica that has nothing to do, so that it is billed at the idle rate. */
  readonly idleRate: boolean;
}

export interface Replica {
  readonly vCpu: number;
  readonly gib: number;
}

export const HOURS_A_MONTH = 730;
export const SECONDS_A_MONTH = HOURS_A_MONTH * 3_600;
export const DAYS_A_MONTH = HOURS_A_MONTH / 24;
export const GB = 1e9;

const WHOLE_REPLICA: Replica = { vCpu: 1, gib: 2 };
/** Half the size, which is what Container Apps sells next below. */
export const HALF_REPLICA: Replica = { vCpu: 0.5, gib: 1 };

/** As `infra/` sets it up. */
export const setupOf = ({ environment }: Workload): Setup => ({
  replica: environment === 'prod' ? WHOLE_REPLICA : HALF_REPLICA,
  nightReplicas: null,
  appPlan: 0,
  cosmosReserved: 0,
  redisReserved: 0,
  cosmosServerless: environment === 'dev',
  basicLogs: false,
  idleRate: false,
});

/** The prices of a model of Azure OpenAI for such prompts; `null` = the table of `src/common/prices/` does not know it. */
export function modelRates(model: string, promptTokens: number): Rates | null {
  const price = listedPrice('azure', model);
  return price && ratesOf(price, promptTokens, Date.parse(PRICES_DATE));
}

/** USD of one request to a model, its answer and a share of its prompt that the provider still has. */
export function requestUsd(model: string, { promptTokens, answerTokens, providerCached }: Workload): number {
  const rates = modelRates(model, promptTokens);
  if (!rates) throw new Error(`${model} has no price`);
  const { input, output, cachedInput = input } = rates;
  const prompt = promptTokens * ((1 - providerCached) * input + providerCached * cachedInput);
  return (prompt + answerTokens * output) / 1e6;
}
