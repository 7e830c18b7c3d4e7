import { isClear } from '../../src/modules/router/assessment.js';
import { promptOf } from '../../src/modules/router/prompt.js';
import { PromptFeatures } from '../../src/modules/router/rules/prompt-features.js';
import { scorePrompt, THRESHOLD } from '../../src/modules/router/rules/routing-rules.js';
import { heldOut, type HeldOut } from '../train-router/cross-validation.js';
import type { Labelled } from '../train-router/labelled-data.js';
import { seeded } from '../train-router/random.js';

/** One row of the tables: scores of all queries, and whether the router saw labels of the query's benchmark. */
export interface RouterRow {
  readonly name: string;
  readonly sawLabels: string;
  readonly scores: ArrayLike<number>;
}

export interface Routers {
  readonly rows: readonly RouterRow[];
  readonly byFold: HeldOut;
}

/** The routers that are compared. None has seen the labels of a query that it scores. */
export function routersOf(data: readonly Labelled[], seed: number): Routers {
  const byFold = heldOut(data, 'fold', seed);
  const byBenchmark = heldOut(data, 'benchmark', seed);
  const random = seeded(seed);
  const features = new PromptFeatures();
  const rules = data.map(({ prompt }) => {
    const scored = scorePrompt(features.read(promptOf(prompt)));
    return { score: scored.score, clear: isClear(scored, features) };
  });
  const ranks = sharesOf(byFold.scores);
  return {
    byFold,
    rows: [
      { name: 'learned', sawLabels: 'other folds', scores: byFold.scores },
      {
        name: 'hybrid',
        sawLabels: 'other folds',
        scores: rules.map(({ score, clear }, i) => (clear ? (score >= THRESHOLD ? 2 : -2) + score : ranks[i]!)),
      },
      {
        name: 'cascade with a second cheap answer (where the data has the answers; else as learned)',
        sawLabels: 'other folds',
        scores: data.map((row, i) => (disagrees(row) ? 2 : 0) + ranks[i]!),
      },
      { name: 'learned, benchmark left out', sawLabels: 'none', scores: byBenchmark.scores },
      { name: 'rules', sawLabels: 'none', scores: rules.map(({ score }) => score) },
      { name: 'prompt length', sawLabels: 'none', scores: data.map(({ prompt }) => prompt.length) },
      { name: 'random', sawLabels: 'none', scores: data.map(() => random()) },
    ],
  };
}

/** Two cheap answers that differ, or one that has no final answer. Known only after the cheap model was asked. */
function disagrees({ weak_answer: first, cheap2_answer: second }: Labelled): boolean {
  if (first === undefined && second === undefined) return false;
  return first === null || first === undefined || first !== second;
}

function sharesOf(scores: Float32Array): Float32Array {
  const order = [...scores.keys()].sort((a, b) => scores[a]! - scores[b]!);
  const shares = new Float32Array(scores.length);
  order.forEach((i, rank) => (shares[i] = rank / scores.length));
  return shares;
}
