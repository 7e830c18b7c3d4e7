import { cents } from './bill.js';
import { BUSY_HOURS, PEAK_FACTOR, type Load } from './load.js';
import { HOURS_A_MONTH, requestUsd, SECONDS_A_MONTH, type Workload } from './workload.js';

/** A machine that serves a small open model (8 billion parameters) by itself. All of it is assumed as of `PRICES_DATE`. */
export interface Machine {
  readonly name: string;
  /** USD; 0 = rented. */
  readonly price: number;
  readonly years: number;
  readonly hourUsd: number;
  /** At work, of the whole machine. */
  readonly kilowatts: number;
  /** Tokens a second, all requests together. */
  readonly promptSpeed: number;
  readonly answerSpeed: number;
  readonly source: string;
}

const KWH_USD = 0.2;
/** Place, network, hands of an own machine, a month. */
const UPKEEP_USD = 150;
/** Of its speed; above it answers wait. */
const BUSY_AT_MOST = 0.7;
/** The machine is as large as the peak, and the peak is this many times the month's average. */
const PEAK_TO_MEAN = (24 / BUSY_HOURS) * PEAK_FACTOR;

export const MACHINES: readonly Machine[] = [
  {
    ...{ name: 'own server, one L40S', price: 15_000, years: 3, hourUsd: 0, kilowatts: 0.6 },
    ...{ promptSpeed: 10_000, answerSpeed: 1_400 },
    source:
      'price and speed of prompts assumed; answers: what https://fra-vps.com/en/blog/gpu-vps-llm-inference/ says of the smaller L4',
  },
  {
    ...{ name: 'Azure NC24ads A100 v4', price: 0, years: 0, hourUsd: 3.67, kilowatts: 0 },
    ...{ promptSpeed: 20_000, answerSpeed: 2_500 },
    source:
      'hour: https://rmmartins.com/2026/06/11/cost-engineering-for-ai-when-idle-gpus-cost-more-than-your-car/; speeds assumed',
  },
];

/** USD of a month, used or not. */
export function machineMonthUsd({ price, years, hourUsd, kilowatts }: Machine): number {
  const own = price === 0 ? 0 : price / years / 12 + UPKEEP_USD;
  return own + (hourUsd + kilowatts * KWH_USD) * HOURS_A_MONTH;
}

/** Requests a second that it carries; without tokens there is no bound. */
function machineRate({ promptSpeed, answerSpeed }: Machine, { promptTokens, answerTokens }: Workload): number {
  return BUSY_AT_MOST / (promptTokens / promptSpeed + answerTokens / answerSpeed);
}

export interface BreakEven {
  readonly machine: string;
  readonly month_usd: number;
  /** Requests a month to the small model at which it costs what the cloud does; `null` = it never does, the model is free. */
  readonly requests: number | null;
  readonly tokens: number | null;
  /** Most requests a month with such a day; `null` = requests without tokens have no bound. */
  readonly carries_requests: number | null;
  /** It can carry as many as it needs to pay. */
  readonly pays: boolean;
  /** Of the requests asked for: machines that their peak needs, and what all of them save a month against the cloud. */
  readonly machines_now: number;
  readonly saves_now_usd: number;
  readonly source: string;
}

export function breakEvenOf(machine: Machine, workload: Workload, load: Load): BreakEven {
  const monthUsd = machineMonthUsd(machine);
  const cloud = requestUsd(workload.smallModel, workload);
  const requests = cloud === 0 ? null : Math.ceil(monthUsd / cloud);
  const rate = machineRate(machine, workload);
  const most = (rate / PEAK_TO_MEAN) * SECONDS_A_MONTH;
  const own = load.misses * (1 - workload.strongShare);
  const peak = load.peakPerSecond * (1 - workload.cacheHit) * (1 - workload.strongShare);
  const machines = Math.max(1, Math.ceil(peak / rate));
  return {
    machine: machine.name,
    month_usd: cents(monthUsd),
    requests,
    tokens: requests === null ? null : requests * (workload.promptTokens + workload.answerTokens),
    carries_requests: most === Infinity ? null : Math.floor(most),
    pays: requests !== null && requests <= most,
    machines_now: machines,
    saves_now_usd: cents(own * cloud - machines * monthUsd),
    source: machine.source,
  };
}
