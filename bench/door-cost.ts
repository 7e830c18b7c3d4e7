import type { LoadOptions } from './load.js';
import type { Bench } from './measurements.js';
import { NUMBER_DIGITS, PLAIN_BYTES, STREAM_CHUNKS, type BenchModel } from './payloads.js';
import { PROMPTS } from './prompts.js';
import type { Row } from './report.js';
import { underLoad } from './request-cost.js';
import { alternately } from './rounds.js';
import { CHAT, sideOf } from './router-under-test.js';
import { median } from './statistics.js';

/** What the same question looks like at one door. */
interface Door {
  readonly path: string;
  readonly body: (model: BenchModel, stream: boolean, question: string) => object;
  /** With which a stream ends. */
  readonly ending: string;
}

/** Nothing is stored at any of them: a session would be a further thing that is paid for. */
const DOORS = {
  chat: {
    path: CHAT,
    body: (model, stream, content) => ({ model, stream, max_tokens: 256, messages: [{ role: 'user', content }] }),
    ending: 'data: [DONE]',
  },
  responses: {
    path: '/v1/responses',
    body: (model, stream, input) => ({ model, stream, max_output_tokens: 256, input, store: false }),
    ending: '"response.completed"',
  },
  messages: {
    path: '/v1/messages',
    body: (model, stream, content) => ({ model, stream, max_tokens: 256, messages: [{ role: 'user', content }] }),
    ending: '"message_stop"',
  },
} as const satisfies Record<string, Door>;

type DoorName = keyof typeof DOORS;

/** In front of the number with which each question is another one, so that no answer of the cache is one to it. */
const NUMBER_KEY = 'Question number ';

function loadOf(door: DoorName, model: BenchModel, isStream: boolean): Omit<LoadOptions, 'port' | 'connections'> {
  const { path, body, ending }: Door = DOORS[door];
  return {
    path,
    durationMs: 0,
    numberKey: NUMBER_KEY,
    bodies: PROMPTS.map((prompt) =>
      JSON.stringify(body(model, isStream, `${NUMBER_KEY}${10 ** (NUMBER_DIGITS - 1)}. ${prompt}`)),
    ),
    ...(isStream ? { chunks: STREAM_CHUNKS } : {}),
    isWhole: ({ length, tail }) => (isStream ? tail.includes(ending) : (length ?? 0) > PLAIN_BYTES / 2),
  };
}

async function doorRows({ everythingOn, pace }: Bench, model: BenchModel, isStream: boolean): Promise<Row[]> {
  const side = sideOf(everythingOn);
  const names = Object.keys(DOORS) as DoorName[];
  const run = async (door: DoorName, durationMs: number): Promise<number> =>
    (await underLoad(side, { ...loadOf(door, model, isStream), durationMs })).cpuUs;
  const turns = await alternately(
    names,
    pace.rounds,
    (door) => run(door, pace.warmUpMs),
    (door) => run(door, pace.roundMs),
  );
  const us = (door: DoorName): number => median(turns.map((turn) => turn[door]));
  return (['responses', 'messages'] as const).map((door) => ({
    what: `CPU of ${isStream ? `a stream of ${STREAM_CHUNKS} chunks` : 'a plain request'} by ${DOORS[door].path}`,
    value: median(turns.map((turn) => turn[door] / turn.chat)),
    unit: 'x',
    atLeast: { at: 'most', value: 1.3 },
    target: null,
    detail: `${us(door).toFixed(0)} against ${us('chat').toFixed(0)} us by ${CHAT}`,
  }));
}

/** The same questions through each door of one router, in turn: what the translation costs. */
export async function doorCost(bench: Bench): Promise<Row[]> {
  return [...(await doorRows(bench, 'plain', false)), ...(await doorRows(bench, 'each', true))];
}
