import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import type { Api } from './api.js';
import { asCommand, type Call } from './call.js';
import { callsOf, type CallsOptions } from './calls.js';
import { isOverload, mediaType, problemsOf } from './judge.js';
import { Wire } from './wire.js';

export interface Finding {
  /** Such as `POST /query: status 500`. */
  readonly what: string;
  /** Sends the smallest such request again. */
  readonly command: string;
  readonly mutations: readonly string[];
}

export interface CampaignResult {
  readonly findings: readonly Finding[];
  /** Of all requests, the smaller ones that were made of a finding too. */
  readonly requests: number;
  /** By status; `left` where the caller did not wait. */
  readonly outcomes: ReadonlyMap<string, number>;
  readonly overloads: number;
  /** Such as `POST /query: application/json`: what was answered well at least once. */
  readonly reached: ReadonlySet<string>;
  /** The answer that took longest: milliseconds, and which it was. */
  readonly slowest: { readonly ms: number; readonly what: string };
}

export interface CampaignOptions extends CallsOptions {
  readonly url: URL;
  readonly seed: number;
  readonly seconds: number;
  /** Callers at the same time. */
  readonly callersAtOnce: number;
  /** For one request. */
  readonly deadlineMs: number;
  /** Where requests are kept that fit no command line. */
  readonly keepIn: string;
}

/** After so many different ones the rest can wait. */
const MOST_FINDINGS = 20;
/** A finding is made smaller for so long at most. */
const SHRINK_MS = 5_000;
const MOST_RUNS = 1_000_000_000;

/**
 * Sends requests for a time and collects what is wrong with the answers, each kind once and as small as it gets.
 *
 * @throws what sending or judging itself throws
 */
export async function campaign(api: Api, options: CampaignOptions): Promise<CampaignResult> {
  const run = new Campaign(api, options);
  const callers = Array.from({ length: options.callersAtOnce }, (_, index) => run.caller(options.seed + index));
  await Promise.all(callers);
  return run;
}

class Campaign implements CampaignResult {
  readonly findings: Finding[] = [];
  readonly outcomes = new Map<string, number>();
  requests = 0;
  overloads = 0;
  readonly reached = new Set<string>();
  slowest = { ms: 0, what: '' };

  private readonly end: number;
  private readonly known = new Set<string>();

  constructor(
    private readonly api: Api,
    private readonly options: CampaignOptions,
  ) {
    this.end = performance.now() + options.seconds * 1000;
  }

  /** One caller: a request after the other. The seed alone says which. */
  async caller(seed: number): Promise<void> {
    const wire = new Wire(this.options.url, this.options.deadlineMs);
    const calls = callsOf(this.api.operations, this.options);
    try {
      for (let round = 0; this.findings.length < MOST_FINDINGS; round += 1) {
        const left = this.end - performance.now();
        if (left <= 0) return;
        await this.search(wire, calls, seed + round * this.options.callersAtOnce, left);
      }
    } finally {
      wire.close();
    }
  }

  /** Until the time is over, or something new is found and made small. */
  private async search(wire: Wire, calls: fc.Arbitrary<Call>, seed: number, leftMs: number): Promise<void> {
    let found: string | null = null;
    let shrunkBy = Infinity;
    let smallest: Call | null = null;
    let broken: { readonly error: unknown } | null = null;
    const property = fc.asyncProperty(calls, async (call) => {
      if (performance.now() > shrunkBy) return;
      const isNew = (what: string) => (found === null ? !this.known.has(what) : what === found);
      const problems = await this.problems(wire, call).catch((error: unknown) => {
        broken ??= { error };
        throw error;
      });
      const what = problems.find(isNew);
      if (what === undefined) return;
      if (found === null) {
        found = what;
        this.known.add(what);
        shrunkBy = performance.now() + SHRINK_MS;
      }
      smallest = call;
      throw new Error(what);
    });
    await fc.check(property, {
      seed,
      numRuns: MOST_RUNS,
      interruptAfterTimeLimit: leftMs, // what is being made smaller then stays as it is
      markInterruptAsFailure: false,
    });
    // what the harness itself throws is no finding, and a run that had it has judged nothing
    if (broken !== null) throw (broken as { readonly error: unknown }).error;
    if (found !== null && smallest !== null) this.findings.push(this.finding(found, smallest));
  }

  private async problems(wire: Wire, call: Call): Promise<string[]> {
    const outcome = await wire.send(call);
    this.requests += 1;
    const isAnswer = typeof outcome === 'object';
    const name = isAnswer ? String(outcome.status) : outcome;
    this.outcomes.set(name, (this.outcomes.get(name) ?? 0) + 1);
    if (isAnswer) {
      if (outcome.ms > this.slowest.ms) {
        this.slowest = {
          ms: outcome.ms,
          what: `${call.method} ${call.path.slice(0, 60)} ${call.mutations.join(', ')}`,
        };
      }
      if (call.operation && outcome.status < 300)
        this.reached.add(`${call.operation.name}: ${mediaType(outcome.headers)}`);
      if (isOverload(outcome.status, outcome.body)) this.overloads += 1;
    }
    const place = call.operation?.name ?? 'any path';
    return problemsOf(this.api, call, outcome).map((problem) => `${place}: ${problem}`);
  }

  private finding(what: string, call: Call): Finding {
    const keep = (bytes: Buffer): string => {
      const { keepIn, seed } = this.options;
      mkdirSync(keepIn, { recursive: true });
      const path = join(keepIn, `${seed}-${this.findings.length + 1}.bin`);
      writeFileSync(path, bytes);
      return path;
    };
    return { what, command: asCommand(call, this.options.url, keep), mutations: call.mutations };
  }
}
