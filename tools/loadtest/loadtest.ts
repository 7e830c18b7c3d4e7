/**
 * `npm run loadtest -- --url http://127.0.0.1:8080 --users 100 --requests 10`, or `--rate 50`, or `--local 3`: load on a
 * running service, or on replicas that are started for it. Exit 0: the objectives are met; 1: one is missed; 2: wrong
 * options, or nobody at the URL; 130: ended by Ctrl-C.
 */
import { writeFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { runCommand } from '../command.js';
import { LocalFleet } from './local-fleet.js';
import type { Plan } from './plan.js';
import { readPlan } from './read-plan.js';
import { ProgressBar, type Progress } from './progress-bar.js';
import { assertReachable } from './reachable.js';
import { htmlReport } from './report-html.js';
import { markdownReport, textReport } from './report-text.js';
import { runLoad } from './run.js';
import { summaryOf, type RunEvent, type Summary } from './summary.js';
import { USAGE } from './usage.js';

const INTERRUPTED_EXIT = 130;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const HALF = 0.5;

/** The first signal ends the run with a report; a second one ends the process. */
function stopSignal(): AbortSignal {
  const stop = new AbortController();
  const onSignal = (): void => {
    if (stop.signal.aborted) process.exit(INTERRUPTED_EXIT);
    stop.abort();
  };
  for (const name of SIGNALS) process.on(name, onSignal);
  return stop.signal;
}

/** Replaces a replica when half of the run is done, once. */
class HalfTime {
  readonly events: RunEvent[] = [];
  private replacing: Promise<void> | null = null;
  private readonly startedAt = performance.now();

  constructor(
    private readonly plan: Plan,
    private readonly fleet: LocalFleet | null,
    private readonly stop: AbortSignal,
    private readonly bar: ProgressBar,
  ) {}

  look({ share }: Progress): void {
    const signal = this.plan.local?.kill ?? null;
    if (share < HALF || this.replacing || signal === null || !this.fleet) return;
    this.replacing = this.fleet.replaceOne(signal, this.stop, (what) => this.note(what));
    this.replacing.catch(() => undefined); // awaited at the end
  }

  /** @throws Error when the replica did not come back */
  async over(): Promise<void> {
    await this.replacing;
  }

  private note(what: string): void {
    this.events.push({ at: (performance.now() - this.startedAt) / 1000, what });
    this.bar.say(what);
  }
}

async function measured(plan: Plan, fleet: LocalFleet | null, stop: AbortSignal): Promise<Summary> {
  const bar = new ProgressBar();
  const halfTime = new HalfTime(plan, fleet, stop, bar);
  const urls = fleet ? [new URL(fleet.url)] : plan.urls;
  const running = runLoad(plan, urls, stop, (progress) => {
    bar.show(progress);
    halfTime.look(progress);
  });
  const result = await running.finally(() => halfTime.over()); // a replica that comes back has to be ended too
  bar.end();
  const where = fleet
    ? `${fleet.urls.length} replicas and a Redis on this machine, round robin`
    : urls.map(({ origin }) => origin).join(', ');
  return summaryOf(plan, result, where, halfTime.events);
}

function writeReports({ files }: Plan, summary: Summary): void {
  if (files.json !== null) writeFileSync(files.json, `${JSON.stringify(summary, null, 2)}\n`);
  if (files.markdown !== null) writeFileSync(files.markdown, markdownReport(summary));
  if (files.html !== null) writeFileSync(files.html, htmlReport(summary));
}

async function loadTest(): Promise<number> {
  const plan = readPlan();
  for (const file of Object.values(plan.files)) if (file !== null) writeFileSync(file, ''); // fails now, not after an hour
  const stop = stopSignal();
  await assertReachable(plan.urls);
  const fleet = plan.local ? await LocalFleet.start(plan.local, plan.asking.keys, stop) : null;
  let summary: Summary;
  try {
    summary = await measured(plan, fleet, stop);
  } finally {
    await fleet?.close();
  }
  console.log(textReport(summary));
  writeReports(plan, summary);
  if (summary.interrupted) return INTERRUPTED_EXIT;
  return summary.met ? 0 : 1;
}

await runCommand(USAGE, loadTest);
