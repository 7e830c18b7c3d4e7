import { Command, Query } from '@nestjs/cqrs';
import type { Caller } from '../../common/caller.js';
import type { ChatRequest, Completion } from '../../common/chat.js';
import type { Strategy } from '../../common/config/config.schema.js';
import type { Price } from '../../common/prices/price.js';
import type { HistoryTurn } from '../../common/conversation.js';
import type { TargetStatus } from '../../common/target.js';
import type { AnswerVerdict } from './answer-check/answer-check.js';

/** Why a target was chosen; a closed set, it is a header value and a metric label. */
export type ReasonCode =
  | 'explicit_target'
  | 'only_candidate'
  | 'sticky_session'
  | 'tool_loop'
  | 'private_text'
  | 'rule_simple'
  | 'rule_complex'
  | 'rule_default'
  | 'learned_simple'
  | 'learned_complex'
  | 'cascade'
  | 'priority'
  | 'weighted'
  | 'cheapest'
  | 'fastest'
  | 'cache_hit';

/** Why a decision came out as it did, for a person; made only where somebody reads it. */
export interface RouteExplanation {
  /** How clear the case is, 0 to 1: distance of score and threshold; `null` without a score. */
  readonly confidence: number | null;
  /** A sentence. */
  readonly reason: string;
  /** Names of the rules that applied. */
  readonly rules: readonly string[];
  /** Numbers of the prompt by name; of the artefact the shares of those that moved the score most. */
  readonly features: Readonly<Record<string, number>>;
}

/** Numbers of a decision that are written down for a replay or a training: no text. Prices are those of each side's first free target. */
export interface DecisionEvidence {
  /** Score of the artefact alone. */
  readonly learned_score: number;
  /** Whether the strong side was chosen. */
  readonly strong: boolean;
  /** Input of the artefact's trees, by `columnCount` of its version. */
  readonly columns: Float32Array;
  readonly weak_price: Price | null;
  readonly strong_price: Price | null;
}

/** Which target a request goes to, and why. The targets are held from then on: a reload does not change them. */
export interface RouteDecision {
  /** The strategy that really decided. */
  readonly strategy: Strategy;
  readonly target: TargetStatus;
  /** In the order they are tried; the first is `target`. */
  readonly candidates: readonly TargetStatus[];
  /** Strategy `cascade`, uncertain case: the strong targets to ask when the cheap answer fails its checks; else empty. */
  readonly escalation: readonly TargetStatus[];
  /** Those that could take the request but are failing or drained now: another time they may. */
  readonly down: readonly TargetStatus[];
  readonly excluded: readonly { readonly target: string; readonly why: string }[];
  /** Need of the strong side, 0 to 1; with the artefact the share of queries that need it less. `null` for strategies that do not score. */
  readonly score: number | null;
  readonly threshold: number | null;
  readonly reasonCode: ReasonCode;
  readonly policyVersion: string;
  /** `null` for strategies without the artefact, and for decisions that are not acted on. */
  readonly evidence: DecisionEvidence | null;
  /** `null` unless it was asked for. */
  readonly explanation: RouteExplanation | null;
  /** Decision time, microseconds. */
  readonly tookUs: number;
}

/** A request that needs a target. */
export interface RouteAsk {
  readonly requestId: string;
  readonly request: ChatRequest;
  readonly history: readonly HistoryTurn[];
  /** From the request (`strategy`, `x-router-strategy`); `null` = the model's own. */
  readonly strategy: string | null;
  readonly caller: Caller;
  /** Target of the conversation's latest turn, if any. */
  readonly previousTarget: string | null;
  /** Whether the decision is acted on: it is written down and counts for the strong share. */
  readonly live: boolean;
  /** Whether the decision must say why. */
  readonly explain: boolean;
}

/**
 * Chooses the target of a request and the order of fallbacks; calls no model.
 *
 * @throws ModelNotFound when `request.model` is neither a model nor a target
 * @throws InvalidRequest when `strategy` is unknown
 * @throws ContextLengthExceeded when the prompt fits no target that could answer it
 * @throws ModelNotAllowed for every other name when the caller's tenant has targets of its own
 * @throws PrivacyNoLocalTarget when private text may only go to a local target and there is none
 * @throws NoTargetAvailable when every target is drained or open
 */
export class DecideRouteCommand extends Command<RouteDecision> {
  constructor(readonly ask: RouteAsk) {
    super();
  }
}

/** Checks a plain answer deterministically; what it finds is decided by `answer-check.ts`. */
export class CheckAnswerQuery extends Query<AnswerVerdict> {
  constructor(
    readonly request: ChatRequest,
    readonly completion: Completion,
  ) {
    super();
  }
}

/** The version of everything that decides which target answers: rules and trained artefact. Does not change while the service runs. */
export class PolicyVersionQuery extends Query<string> {}
