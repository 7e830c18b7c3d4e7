import { childResult } from './child.js';
import { Connection, requestBytes } from './connection.js';
import { assertOk } from './load.js';
import type { Bench } from './measurements.js';
import { numberedBody } from './payloads.js';
import { LONG_PROMPT, PROMPTS } from './prompts.js';
import type { Row } from './report.js';
import { AUTHORIZED, sideOf } from './router-under-test.js';
import { percentile } from './statistics.js';

const ROUTE = '/v1/route';
const TOOK = /"took_us":([\d.]+)/;
const STRATEGY = /"strategy":"hybrid"/;

/** `took_us` of decisions asked one after the other, microseconds. @throws Error unless each is a decision of `hybrid` */
async function decisions(port: number, prompts: readonly string[], count: number): Promise<number[]> {
  const asked = prompts.map((prompt) => {
    const body = numberedBody('plain', false, prompt);
    return requestBytes({ port, path: ROUTE, body, headers: AUTHORIZED });
  });
  const connection = await Connection.open(port);
  const took: number[] = [];
  try {
    for (let n = 0; n < count; n += 1) {
      let body = '';
      const exchange = await connection.request(asked[n % asked.length]!, (bytes) => {
        body += bytes.toString('latin1');
      });
      assertOk(exchange, ROUTE);
      const [, us] = TOOK.exec(body) ?? [];
      if (us === undefined || !STRATEGY.test(body)) throw new Error(`${ROUTE} answered ${body.slice(0, 200)}`);
      took.push(Number(us));
    }
  } finally {
    connection.close();
  }
  return took;
}

/**
 * What the router says a decision of strategy `hybrid` took: of live ones, which nobody asks for reasons, and of
 * `POST /v1/route`, which gives them.
 */
export async function decisionTime({ everythingOn, upstreamPort, pace }: Bench): Promise<Row[]> {
  const { port } = sideOf(everythingOn);
  const live = await childResult<number[]>('decision-path', [upstreamPort, pace.decisions]);
  await decisions(port, PROMPTS, pace.decisions);
  const explained = await decisions(port, PROMPTS, pace.decisions);
  const long = await decisions(port, [LONG_PROMPT], pace.decisions / 20);
  const row = (p: number, atMost: number, target: number): Row => ({
    what: `decision, hybrid, p${p}`,
    value: percentile(live, p / 100),
    unit: 'us',
    atLeast: { at: 'most', value: atMost },
    target: { at: 'most', value: target },
    detail: `with its reasons, took_us of POST ${ROUTE}: ${percentile(explained, p / 100).toFixed(1)} us`,
  });
  return [
    row(50, 25, 30),
    row(99, 80, 150),
    {
      what: 'decision, hybrid, prompt of 32 kB, p50',
      value: percentile(long, 0.5),
      unit: 'us',
      atLeast: null,
      target: { at: 'most', value: 1_000 },
      detail: `took_us of POST ${ROUTE}; p99 ${percentile(long, 0.99).toFixed(0)} us`,
    },
  ];
}
