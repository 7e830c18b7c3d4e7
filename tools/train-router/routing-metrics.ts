/** Outcome of one query on both sides. */
export interface Outcome {
  readonly weak_correct: number;
  readonly strong_correct: number;
}

export interface Quality {
  readonly apgr: number;
  /** Smallest share of strong calls, per cent, that recovers half of the gap. */
  readonly cpt50: number;
  readonly cpt80: number;
  /** Recovered share of the gap at 0, 10, ... 100 % strong. */
  readonly curve: readonly number[];
}

const POINTS = 10;

/** RouteLLM's metric: see the README of the data for the definition. */
export function quality(outcomes: readonly Outcome[], scores: ArrayLike<number>): Quality {
  const order = outcomes.map((_, i) => i).sort((a, b) => scores[b]! - scores[a]! || a - b);
  const weak = outcomes.reduce((sum, { weak_correct }) => sum + weak_correct, 0);
  const gap = outcomes.reduce((sum, { strong_correct }) => sum + strong_correct, 0) - weak;
  const curve: number[] = [];
  let gained = 0;
  let sent = 0;
  for (let point = 0; point <= POINTS; point += 1) {
    const upTo = Math.round((outcomes.length * point) / POINTS);
    for (; sent < upTo; sent += 1) gained += gainOf(outcomes[order[sent]!]!);
    curve.push(gained / gap);
  }
  const area = curve.slice(1).reduce((sum, value, i) => sum + (value + curve[i]!) / 2, 0) / POINTS;
  return { apgr: area, cpt50: threshold(curve, 0.5), cpt80: threshold(curve, 0.8), curve };
}

export const gainOf = ({ strong_correct, weak_correct }: Outcome): number => strong_correct - weak_correct;

function threshold(curve: readonly number[], wanted: number): number {
  const i = curve.findIndex((value) => value >= wanted);
  if (i <= 0) return i === 0 ? 0 : 100;
  const before = curve[i - 1]!;
  return ((i - 1 + (wanted - before) / (curve[i]! - before)) / POINTS) * 100;
}
