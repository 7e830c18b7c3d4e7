/**
 * The call path without HTTP in front, run as a child process: the same plain call through module `resilience` and
 * straight to module `models`, in turn. Sends microseconds a call of every round to its parent and ends.
 *
 * Arguments: the port of the upstream, rounds, milliseconds a round.
 */
import { performance } from 'node:perf_hooks';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { AttemptLog } from '../src/common/attempt.js';
import { Budget } from '../src/common/budget.js';
import { WholeAnswer, type ChunkSink } from '../src/common/chunk-stream.js';
import { routerConfigSchema } from '../src/common/config/config.schema.js';
import { LiveConfig } from '../src/common/config/live-config.js';
import type { TargetStatus } from '../src/common/target.js';
import { createApp } from '../src/create-app.js';
import { ListTargetsQuery, StreamModelCommand } from '../src/modules/models/models.messages.js';
import { CallModelsCommand } from '../src/modules/resilience/resilience.messages.js';
import { benchConfig } from './router-under-test.js';

const CALLERS = 16;
const ENDLESS_MS = 600_000;
const SILENT = { log() {}, error() {}, warn() {} };

const [port, rounds, roundMs] = process.argv.slice(2).map(Number) as [number, number, number];
const config = new LiveConfig(routerConfigSchema.parse(benchConfig(port, false)), null);
const app = await createApp(config, SILENT);
await app.init();
const bus = app.get(CommandBus);
const request = { model: 'plain', messages: [{ role: 'user', content: 'Write a short note about foxes and dogs.' }] };
const { signal } = new AbortController();
const targets = await app.get(QueryBus).execute(new ListTargetsQuery());
const candidates = targets.filter(({ id }) => id === 'plain-local' || id === 'plain-cloud');
const [first] = candidates as [TargetStatus];

interface Handed {
  relay(sink: ChunkSink): void;
}

const asked = { request, history: [], signal, trace: null };
const guarded = (): Promise<Handed> => {
  const budget = new Budget(performance.now(), ENDLESS_MS, 2);
  return bus.execute(new CallModelsCommand({ ...asked, candidates, down: [], attempts: new AttemptLog(), budget }));
};
const straight = (): Promise<Handed> => {
  const call = { ...asked, target: first, beginBy: ENDLESS_MS, fairMs: 0, partialAnswer: null, isFallback: false };
  return bus.execute(new StreamModelCommand(call));
};

/** Microseconds a call, with all callers busy. */
async function round(call: () => Promise<Handed>): Promise<number> {
  const end = performance.now() + roundMs;
  let calls = 0;
  const caller = async (): Promise<void> => {
    while (performance.now() < end) {
      const whole = new WholeAnswer();
      (await call()).relay(whole);
      await whole.chunks;
      calls += 1;
    }
  };
  const from = performance.now();
  await Promise.all(Array.from({ length: CALLERS }, caller));
  return ((performance.now() - from) * 1000) / calls;
}

await round(guarded);
await round(straight);
const measured: { guarded: number; straight: number }[] = [];
for (let i = 0; i < rounds; i += 1) {
  const first = await round(i % 2 === 0 ? guarded : straight);
  const second = await round(i % 2 === 0 ? straight : guarded);
  measured.push(i % 2 === 0 ? { guarded: first, straight: second } : { guarded: second, straight: first });
}
process.send?.(measured, () => process.exit(0));
