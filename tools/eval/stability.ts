import { LearnedScorer } from '../../src/modules/router/learned/learned-scorer.js';
import { shippedArtefact } from '../../src/modules/router/learned/routing-artefact.js';
import { promptOf } from '../../src/modules/router/prompt.js';
import type { HeldOut } from '../train-router/cross-validation.js';
import type { Labelled } from '../train-router/labelled-data.js';
import { PERTURBATIONS } from '../train-router/perturbations.js';
import { seeded } from '../train-router/random.js';

/** Share of decisions that change with the prompt's clothes, by kind, at the median and at a strong share of 0.4. */
export function flips(data: readonly Labelled[], { scores, scorers }: HeldOut): Map<string, number> {
  const result = new Map<string, number>();
  const benchmarks = [...new Set(data.map(({ benchmark }) => benchmark))];
  const limits = new Map(
    benchmarks.map((name) => {
      const own = Float32Array.from(scores.filter((_, i) => data[i]!.benchmark === name)).sort();
      return [name, [own[Math.floor(own.length * 0.5)]!, own[Math.floor(own.length * 0.6)]!]];
    }),
  );
  for (const [kind, change] of Object.entries(PERTURBATIONS)) {
    const random = seeded(3);
    let flipped = 0;
    data.forEach(({ prompt, fold, benchmark }, i) => {
      const moved = scorers.get(fold)!.raw(promptOf(change(prompt, random)));
      for (const limit of limits.get(benchmark)!) if (moved >= limit !== scores[i]! >= limit) flipped += 0.5;
    });
    result.set(kind, flipped / data.length);
  }
  return result;
}

/** Microseconds of one decision's score by the shipped artefact, explanation included. */
export function latency(data: readonly Labelled[]): { p50: number; p99: number; of32kB: number } {
  const scorer = new LearnedScorer(shippedArtefact());
  const explain = (text: string) => {
    scorer.scoreOf(promptOf(text));
    scorer.reasons();
  };
  const timed = (text: string) => {
    const from = process.hrtime.bigint();
    explain(text);
    return Number(process.hrtime.bigint() - from) / 1000;
  };
  for (const { prompt } of data) explain(prompt);
  const times = data.map(({ prompt }) => timed(prompt)).sort((a, b) => a - b);
  const long = 'The quick brown fox jumps over 13 lazy dogs. '.repeat(729);
  const longTimes = Array.from({ length: 200 }, () => timed(long)).sort((a, b) => a - b);
  return { p50: times[times.length >> 1]!, p99: times[Math.floor(times.length * 0.99)]!, of32kB: longTimes[100]! };
}
