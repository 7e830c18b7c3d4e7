import { setTimeout } from 'node:timers/promises';
import { Connection } from './connection.js';
import { assertCache, Requests } from './load.js';
import type { Bench } from './measurements.js';
import { sameStream } from './paced-load.js';
import { numberedBody, PACED_CHUNKS } from './payloads.js';
import { cpuMs } from './process-figures.js';
import { PROMPTS } from './prompts.js';
import type { Row } from './report.js';
import { alternately } from './rounds.js';
import { AUTHORIZED, CHAT, sideOf } from './router-under-test.js';
import { median } from './statistics.js';

/** Streams that are made at once: one alone costs so little that the kernel's clock does not see it. */
const STREAMS = 4;
const JOINED = 100;
const SETTLE_MS = 150;

/** The same paced streams, each for one caller and each for 101 who ask at once: what a caller more costs, by chunk. */
export async function shareCost({ everythingOn, pace }: Bench): Promise<Row[]> {
  const { port, pid } = sideOf(everythingOn);
  const crowds: Connection[][] = [];
  try {
    for (let n = 0; n < STREAMS; n += 1) {
      crowds.push(await Promise.all(Array.from({ length: 1 + JOINED }, () => Connection.open(port))));
    }
    const bodies = PROMPTS.map((prompt) => numberedBody('paced', true, prompt));
    const questions = new Requests({ port, path: CHAT, headers: AUTHORIZED, bodies });
    const callers = { alone: 1, shared: 1 + JOINED };
    const run = async (side: keyof typeof callers): Promise<number> => {
      const before = cpuMs(pid);
      await Promise.all(
        crowds.map((crowd) => stream(crowd.slice(0, callers[side]), Buffer.from(questions.next()))), // its own: all are sent later
      );
      await setTimeout(SETTLE_MS);
      return (cpuMs(pid) - before) * 1000;
    };
    const turns = await alternately(['alone', 'shared'], pace.answers.streamRounds, run, run);
    const chunks = STREAMS * PACED_CHUNKS;
    const alone = median(turns.map((turn) => turn.alone)) / chunks;
    return [
      {
        what: `a stream shared by ${1 + JOINED}: CPU of a chunk and further caller`,
        value: median(turns.map((turn) => turn.shared - turn.alone)) / (chunks * JOINED),
        unit: 'us',
        atLeast: { at: 'most', value: 20 },
        target: null,
        detail: `${alone.toFixed(0)} us a chunk for one caller`,
      },
    ];
  } finally {
    for (const connection of crowds.flat()) connection.close();
  }
}

/** @throws Error unless it was made once and all others shared it */
async function stream(connections: readonly Connection[], bytes: Buffer): Promise<void> {
  const answers = await sameStream(connections, bytes, CHAT);
  const joined = answers.filter(({ head }) => !head.includes('x-router-cache: MISS'));
  if (joined.length !== answers.length - 1)
    throw new Error(`${answers.length - joined.length} of ${answers.length} were made`);
  for (const answer of joined) assertCache(answer, 'SHARED');
}
