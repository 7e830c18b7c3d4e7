import { PRICE_TABLE } from '../../src/common/prices/price-table.js';
import { AZURE_PRICES, PRICES_DATE, PRICES_REGION } from './azure-prices.js';
import { billOf, cents, type Bill } from './bill.js';
import { breakEvenOf, MACHINES, type BreakEven } from './break-even.js';
import { leversOf, type Lever } from './levers.js';
import { BUSY_HOURS, MAX_REPLICAS, PEAK_FACTOR } from './load.js';
import { ingested } from './monitoring.js';
import { gatewayUnits } from './network.js';
import { autoscaleMaximum, redisSize, requestUnits } from './stores.js';
import { modelRates, setupOf, type Workload } from './workload.js';

/** What `--json` prints. */
export interface Report {
  readonly total_usd: number;
  readonly parts: Bill['parts'];
  readonly assumptions: Assumptions;
  readonly levers: readonly Lever[];
}

/** Of the month that was billed, in its own units; sizes are rounded for reading. */
export interface Assumptions {
  readonly date: string;
  readonly region: string;
  readonly workload: Readonly<Record<string, number | string>>;
  readonly load: Readonly<Record<string, number | string | boolean>>;
  /** What the deployment cannot hold; empty = it holds. */
  readonly does_not_fit: readonly string[];
  readonly model_prices: Readonly<Record<string, unknown>>;
  readonly azure_prices: readonly (Readonly<Record<string, unknown>> & { readonly confirmed: boolean })[];
  readonly break_even: readonly BreakEven[];
}

export function reportOf(workload: Workload): Report {
  const bill = billOf(workload);
  return {
    total_usd: bill.totalUsd,
    parts: bill.parts,
    assumptions: assumptionsOf(workload, bill),
    levers: leversOf(workload),
  };
}

function assumptionsOf(workload: Workload, { load }: Bill): Assumptions {
  const { smallModel, strongModel, promptTokens } = workload;
  return {
    date: PRICES_DATE,
    region: PRICES_REGION,
    workload: Object.fromEntries(Object.entries(workload).map(([name, value]) => [snakeCase(name), value])),
    load: figuresOf(workload, load),
    does_not_fit: tooMuch(workload, load),
    model_prices: {
      ...{ source: `${PRICE_TABLE.source} ${PRICE_TABLE.version}`, date: PRICE_TABLE.date, unit: 'million tokens' },
      [smallModel]: modelRates(smallModel, promptTokens),
      [strongModel]: modelRates(strongModel, promptTokens),
    },
    azure_prices: Object.entries(AZURE_PRICES).map(([name, price]) => ({ name, ...price })),
    break_even: MACHINES.map((machine) => breakEvenOf(machine, workload, load)),
  };
}

function figuresOf(workload: Workload, load: Bill['load']): Assumptions['load'] {
  const setup = setupOf(workload);
  const redis = redisSize(workload, load);
  const { needed, traces, logs } = ingested(workload, load);
  return {
    requests_a_month: Math.round(load.requests),
    busy_hours_a_day: BUSY_HOURS,
    peak_to_busy_average: PEAK_FACTOR,
    peak_requests_a_second: cents(load.peakPerSecond),
    in_flight_at_peak: cents(load.atOnce),
    seconds_of_an_answer: cents(load.answerSeconds),
    cpu_ms_of_a_request: cents(load.cpuMs),
    replica: `${setup.replica.vCpu} vCPU, ${setup.replica.gib} GiB`,
    replicas_needed: load.replicas.needed,
    replicas_by_day: load.replicas.byDay,
    replicas_by_night: load.replicas.byNight,
    fits: tooMuch(workload, load).length === 0,
    redis: redis.name,
    redis_gb: cents(redis.neededGb),
    request_units_of_a_turn: cents(requestUnits(workload)),
    cosmos: setup.cosmosServerless ? 'serverless' : `autoscale to ${autoscaleMaximum(workload, load)} RU/s`,
    gateway_units: gatewayUnits(workload, load),
    log_gb: cents(needed + traces + logs),
  };
}

function tooMuch(workload: Workload, load: Bill['load']): string[] {
  const redis = redisSize(workload, load);
  return [
    ...(load.replicas.fits
      ? []
      : [
          `The peak asks for ${load.replicas.needed} replicas in a region, and maxReplicas is ${MAX_REPLICAS}: callers would be turned ` +
            'away. Add a region, raise maxReplicas, or flatten the peak; the bill below is that of the most replicas.',
        ]),
    ...(redis.fits
      ? []
      : [`Redis would need ${redis.neededGb.toFixed(0)} GB, more than the largest size priced here.`]),
  ];
}

const snakeCase = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const money = (usd: number): string =>
  usd.toLocaleString('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const count = (value: number | null): string => (value === null ? '-' : value.toLocaleString('en-US'));

/** The same for people. */
export function reportText({ total_usd: total, parts, assumptions, levers }: Report): string {
  const { load, workload } = assumptions;
  const unconfirmed = assumptions.azure_prices.filter(({ confirmed }) => !confirmed);
  return [
    `Bill of a month, USD, list prices of ${assumptions.date}, ${assumptions.region}`,
    ...Object.entries(workload).map(([name, value]) => `  ${name.replaceAll('_', '-').padEnd(24)} ${value}`),
    '',
    ...assumptions.does_not_fit.map((sentence) => `DOES NOT FIT: ${sentence}\n`),
    ...parts.map(({ name, usd }) => row(name, usd)),
    row('Total', total),
    '',
    'What each lever saves by itself, USD a month (they do not add up)',
    ...levers.map(({ name, saves_usd, how }) => `${row(name, saves_usd)}   ${how}`),
    '',
    'What the load asks for',
    ...Object.entries(load).map(([name, value]) => `  ${name.padEnd(24)} ${value}`),
    '',
    `A machine of one's own for the small model (${workload['small_model']})`,
    ...assumptions.break_even.map(breakEvenText),
    '',
    `${unconfirmed.length} of ${assumptions.azure_prices.length} Azure prices are confirmed by no page that could be read:`,
    `  ${unconfirmed.map(({ name }) => String(name)).join(', ')}`,
    'Compare with https://azure.microsoft.com/pricing/calculator/ before money is spent.',
  ].join('\n');
}

const row = (name: string, usd: number): string => `  ${name.padEnd(38)} ${money(usd).padStart(12)}`;

function breakEvenText(found: BreakEven): string {
  const { machine, month_usd: month, requests, tokens, carries_requests: most, pays, machines_now: machines } = found;
  const verdict = pays ? 'pays above that' : 'never pays: it is full before';
  const now =
    found.saves_now_usd < 0 ? `costs ${money(-found.saves_now_usd)} more` : `saves ${money(found.saves_now_usd)}`;
  return (
    `  ${machine}: ${money(month)} a month, as much as ${count(requests)} requests (${count(tokens)} tokens) cost in the cloud;\n` +
    `    it carries ${count(most)} a month: ${verdict}. Today's load needs ${count(machines)} and ${now} a month.`
  );
}
