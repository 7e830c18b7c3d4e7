/**
 * Live decisions of 16 callers without HTTP in front, run as a child process: each is followed by the call it decided
 * about, so that caches are as cold and garbage is as much as in service. Sends what the router says each took, microseconds, to its
 * parent and ends.
 *
 * Arguments: the port of the upstream, decisions.
 */
import { performance } from 'node:perf_hooks';
import { CommandBus } from '@nestjs/cqrs';
import { AttemptLog } from '../src/common/attempt.js';
import { Budget } from '../src/common/budget.js';
import { LOOPBACK_CALLER } from '../src/common/caller.js';
import type { ChatRequest } from '../src/common/chat.js';
import { WholeAnswer } from '../src/common/chunk-stream.js';
import { routerConfigSchema } from '../src/common/config/config.schema.js';
import { LiveConfig } from '../src/common/config/live-config.js';
import { createApp } from '../src/create-app.js';
import { CallModelsCommand } from '../src/modules/resilience/resilience.messages.js';
import { DecideRouteCommand, type RouteDecision } from '../src/modules/router/router.messages.js';
import { numberedBody } from './payloads.js';
import { PROMPTS } from './prompts.js';
import { benchConfig } from './router-under-test.js';

const CALLERS = 16;
const ENDLESS_MS = 600_000;
const SILENT = { log() {}, error() {}, warn() {} };

const [port, count] = process.argv.slice(2).map(Number) as [number, number];
const config = new LiveConfig(routerConfigSchema.parse(benchConfig(port, true)), null);
const app = await createApp(config, SILENT);
await app.init();
const bus = app.get(CommandBus);
const { signal } = new AbortController();

async function decided(n: number): Promise<RouteDecision> {
  const request = JSON.parse(numberedBody('plain', false, PROMPTS[n % PROMPTS.length]!)) as ChatRequest;
  const asked = { requestId: `bench-${n}`, history: [], strategy: null, caller: LOOPBACK_CALLER, previousTarget: null };
  const decision = await bus.execute(new DecideRouteCommand({ ...asked, request, live: true, explain: false }));
  const budget = new Budget(performance.now(), ENDLESS_MS, 2);
  const { candidates, down } = decision;
  const calls = { candidates, down, request, history: [], attempts: new AttemptLog(), budget, signal, trace: null };
  const whole = new WholeAnswer();
  (await bus.execute(new CallModelsCommand(calls))).relay(whole);
  await whole.chunks;
  return decision;
}

/** Microseconds of each. */
async function allDecided(): Promise<number[]> {
  const took: number[] = [];
  let left = count;
  const caller = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const { strategy, tookUs } = await decided(left);
      if (strategy !== 'hybrid') throw new Error(`strategy ${strategy} decided`);
      took.push(tookUs);
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
  return took;
}

await allDecided(); // warm-up
process.send?.(await allDecided(), () => process.exit(0));
