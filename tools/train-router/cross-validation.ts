import { LearnedScorer } from '../../src/modules/router/learned/learned-scorer.js';
import { parseArtefact } from '../../src/modules/router/learned/routing-artefact.js';
import { promptOf } from '../../src/modules/router/prompt.js';
import { fitArtefact } from './fit-artefact.js';
import type { Labelled } from './labelled-data.js';

/** Scores of every row by an artefact that has not seen the row's group, and that group's scorer. */
export interface HeldOut {
  readonly scores: Float32Array;
  readonly scorers: ReadonlyMap<string | number, LearnedScorer>;
}

/**
 * Trains one artefact per group without that group's rows: by `fold` for cross-validation, by `benchmark` for
 * leave-one-benchmark-out.
 */
export function heldOut(rows: readonly Labelled[], group: 'fold' | 'benchmark', seed: number): HeldOut {
  const scores = new Float32Array(rows.length);
  const scorers = new Map<string | number, LearnedScorer>();
  for (const left of new Set(rows.map((row) => row[group]))) {
    const scorer = new LearnedScorer(
      parseArtefact(
        fitArtefact(
          rows.filter((row) => row[group] !== left),
          seed,
        ),
      ),
    );
    scorers.set(left, scorer);
    rows.forEach((row, i) => {
      if (row[group] === left) scores[i] = scorer.raw(promptOf(row.prompt));
    });
  }
  return { scores, scorers };
}
