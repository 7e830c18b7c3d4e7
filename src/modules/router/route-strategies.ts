import type { ModelConfig } from '../../common/config/config.schema.js';
import { costUsd, pricePerPair } from '../../common/cost.js';
import type { TargetStatus } from '../../common/target.js';
import { ownField } from '../../common/json/fields.js';

/** Above this share of failed calls a target that never answered is no longer tried for the sake of a measurement. */
const MEASURABLE_ERROR_RATE = 0.5;

/** The ids of the strong side: as configured, else the cloud tier, else the dearest target. */
export function strongSideOf(model: Pick<ModelConfig, 'strong'>, targets: readonly TargetStatus[]): readonly string[] {
  if (model.strong) return model.strong;
  const cloud = targets.filter((target) => target.tier === 'cloud');
  if (cloud.length > 0 && cloud.length < targets.length) return cloud.map(({ id }) => id);
  const dearest = targets.reduce<TargetStatus | null>(
    (best, target) => (best && dearness(best) > dearness(target) ? best : target),
    null,
  );
  return dearest ? [dearest.id] : [];
}

type Weights = Readonly<Record<string, number>>;

/** An unknown price counts as the dearest: what nobody has priced must not get most of the requests. */
const dearness = ({ price }: TargetStatus): number => (price ? pricePerPair(price) : Infinity);

/** By the estimated cost of prompt and expected answer; unknown prices last, ties in configured order. */
export function byCost(targets: readonly TargetStatus[], promptTokens: number, answerTokens: number): TargetStatus[] {
  const usage = { prompt_tokens: promptTokens, completion_tokens: answerTokens };
  const cost = (target: TargetStatus) => costUsd(usage, target.price) ?? Infinity;
  return [...targets].sort((a, b) => compare(cost(a), cost(b)));
}

/**
 * By median time to first token. A target without a measurement comes first, one call at a time, so that it gets one;
 * not so one that is known to be cold or fails, as it would stay first for ever.
 */
export function byLatency(targets: readonly TargetStatus[]): TargetStatus[] {
  const rank = ({ warm, slots, calls }: TargetStatus): number => {
    const { p50 } = calls.ttftMs;
    if (p50 !== null) return p50;
    return warm !== false && calls.errorRate < MEASURABLE_ERROR_RATE && slots.inFlight === 0 ? -1 : Infinity;
  };
  return [...targets].sort((a, b) => compare(rank(a), rank(b)));
}

const weightOf = (weights: Weights, { id }: TargetStatus): number => ownField(weights, id) ?? 1;

/**
 * Draws one target in proportion to the weights and puts it first.
 *
 * @param random 0 to 1, exclusive of 1
 */
export function byWeight(targets: readonly TargetStatus[], weights: Weights, random: number): TargetStatus[] {
  let left = random * targets.reduce((sum, target) => sum + weightOf(weights, target), 0);
  const drawn = targets.find((target) => weightOf(weights, target) > 0 && (left -= weightOf(weights, target)) < 0);
  return drawn ? firstThenRest(drawn, targets) : [...targets];
}

/**
 * The same in proportion to the weights, but always alike for the same draws: each target has one of its own, so that one
 * that goes away moves no conversation of another (weighted rendezvous hashing, Schindelhauer and Schomaker 2005).
 *
 * @param draw above 0 and below 1 for a target
 */
export function byWeightAndDraw(
  targets: readonly TargetStatus[],
  weights: Weights,
  draw: (id: string) => number,
): TargetStatus[] {
  let drawn: TargetStatus | null = null;
  let best = Infinity;
  for (const target of targets) {
    // exponentially distributed with the weight as its rate: the smallest is each target's in proportion to its weight
    const wait = -Math.log(draw(target.id)) / weightOf(weights, target);
    if (wait < best) {
      best = wait;
      drawn = target;
    }
  }
  return drawn ? firstThenRest(drawn, targets) : [...targets];
}

/** Puts one target in front and leaves the others in their order. */
export const firstThenRest = (first: TargetStatus, targets: readonly TargetStatus[]): TargetStatus[] => [
  first,
  ...targets.filter((target) => target !== first),
];

// Infinity - Infinity is NaN, so no subtraction here
const compare = (a: number, b: number): number => (a < b ? -1 : a > b ? 1 : 0);
