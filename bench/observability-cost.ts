import type { RouterConfigInput } from '../test/support/router-process.js';
import { startChild } from './child.js';
import { withRouters } from './fresh-routers.js';
import type { Bench } from './measurements.js';
import { numberedBody } from './payloads.js';
import { PROMPTS } from './prompts.js';
import type { Row } from './report.js';
import { underLoad } from './request-cost.js';
import { alternately } from './rounds.js';
import { AUTHORIZED, benchConfig } from './router-under-test.js';
import { median } from './statistics.js';

const PERCENT = 100;
const MOST_PERCENT = 15;

type Name = 'silent' | 'log' | 'records' | 'everything';
type Turn = Readonly<Record<Name, number>>;

const bodies = PROMPTS.map((prompt) => numberedBody('plain', false, prompt));

/**
 * What it costs to be seen: processor time of a plain request with its log line, its metrics, its record and its trace, every
 * one of them sent to a collector, against the same router with none of them. Metrics cannot be switched off, so both have
 * them; what they take is measured beside it and counted in.
 */
export async function observabilityCost({ upstreamPort, pace }: Bench): Promise<Row[]> {
  const sink = await startChild('otlp-sink');
  try {
    const config = benchConfig(upstreamPort, false);
    const otlpEndpoint = `http://127.0.0.1:${sink.port}`;
    const configs: Record<Name, RouterConfigInput> = {
      silent: { ...config, telemetry: { keepRequests: 0 } },
      log: { ...config, telemetry: { keepRequests: 0 } },
      records: config,
      everything: { ...config, telemetry: { otlpEndpoint, traceRatio: 1 } },
    };
    const turns = await withRouters(
      configs,
      (routers) => {
        const load = async (name: Name, durationMs: number): Promise<number> =>
          (await underLoad(routers[name], { bodies, headers: AUTHORIZED, durationMs })).cpuUs;
        const { rounds, roundMs, warmUpMs } = pace.admission;
        return alternately<number, Name>(
          Object.keys(configs) as Name[],
          rounds,
          (name) => load(name, warmUpMs),
          (name) => load(name, roundMs),
        );
      },
      { silent: { LOG_LEVEL: 'silent' } },
    );
    return [
      row('CPU that log, metrics, records and traces add to a plain request', turns, 'silent', 'everything'),
      row('CPU that the log line adds', turns, 'silent', 'log'),
      row('CPU that the record adds', turns, 'log', 'records'),
      row('CPU that traces, metrics and lines to a collector add', turns, 'records', 'everything'),
    ];
  } finally {
    await sink.stop();
  }
}

function row(what: string, turns: readonly Turn[], less: Name, more: Name): Row {
  const shown = (name: Name): string => median(turns.map((turn) => turn[name])).toFixed(0);
  const value = median(turns.map((turn) => (turn[more] / turn[less] - 1) * PERCENT));
  const isWhole = less === 'silent' && more === 'everything';
  return {
    what,
    value,
    unit: '%',
    atLeast: isWhole ? { at: 'most', value: MOST_PERCENT } : null,
    target: null,
    detail: `${shown(more)} against ${shown(less)} us`,
  };
}
