import { Query } from '@nestjs/cqrs';
import type { Caller } from '../../common/caller.js';
import type { ChatRequest, Completion } from '../../common/chat.js';
import type { Strategy } from '../../common/config/config.schema.js';
import type { HistoryTurn } from '../../common/conversation.js';
import type { Price, Tier } from '../../common/target.js';
import type { AnswerVerdict } from './answer-check.js';

/** Why a target was chosen; a closed set, it is a header value and a metric label. */
export const REASON_CODES = [
  'explicit_target',
  'only_candidate',
  'sticky_session',
  'tool_loop',
  'private_text',
  'rule_simple',
  'rule_complex',
  'rule_default',
  'learned_simple',
  'learned_complex',
  'cascade',
  'priority',
  'weighted',
  'cheapest',
  'fastest',
  'cache_hit',
] as const;
export type ReasonCode = (typeof REASON_CODES)[number];

/** Numbers of a decision that are written down: no text. Prices are those of each side's first free target. */
export interface DecisionEvidence {
  /** Score of the artefact alone. */
  readonly learned_score: number;
  /** Whether the strong side was chosen. */
  readonly strong: boolean;
  /** Input of the artefact's trees, by `columnCount` of its version. */
  readonly columns: readonly number[] | null;
  readonly weak_price: Price | null;
  readonly strong_price: Price | null;
}

/** Which target a request goes to, and why. The JSON of `POST /v1/route` is this with snake_case names. */
export interface RouteDecision {
  /** The strategy that really decided. */
  readonly strategy: Strategy;
  readonly target: string;
  readonly tier: Tier;
  /** Whether the target only pretends to be a model. */
  readonly simulated: boolean;
  /** Target ids in the order they are tried; the first is `target`. */
  readonly candidates: readonly string[];
  /** Strategy `cascade`, uncertain case: the strong targets to ask when the cheap answer fails its checks; else empty. */
  readonly escalation: readonly string[];
  readonly excluded: readonly { readonly target: string; readonly why: string }[];
  /** Need of the strong side, 0 to 1; with the artefact the share of queries that need it less. `null` for strategies that do not score. */
  readonly score: number | null;
  readonly threshold: number | null;
  /** How clear the case is, 0 to 1: distance of score and threshold; `null` without a score. */
  readonly confidence: number | null;
  /** A sentence for a person. */
  readonly reason: string;
  readonly reasonCode: ReasonCode;
  /** Names of the rules that applied. */
  readonly rules: readonly string[];
  readonly features: Readonly<Record<string, number>>;
  readonly policyVersion: string;
  /** Names the conversation where its next request must find the target again without a session. Not part of the API. */
  readonly conversation: string | null;
  /** What a replay or a training needs to know; only of strategies with the artefact. Not part of the API. */
  readonly evidence: DecisionEvidence | null;
  /** Decision time, microseconds. */
  readonly tookUs: number;
}

/**
 * Chooses the target of a request and the order of fallbacks. Pure: reads the target states, calls nobody.
 *
 * @throws ModelNotFound when `request.model` is neither a model nor a target
 * @throws InvalidRequest when `strategy` is unknown
 * @throws ContextLengthExceeded when the prompt fits no target that could answer it
 * @throws ModelNotAllowed for every other name when the caller's tenant has targets of its own
 * @throws PrivacyNoLocalTarget when private text may only go to a local target and there is none
 * @throws NoTargetAvailable when every target is drained or open
 */
export class DecideRouteQuery extends Query<RouteDecision> {
  constructor(
    readonly request: ChatRequest,
    readonly history: readonly HistoryTurn[],
    /** From the request (`strategy`, `x-router-strategy`); `null` = the model's own. */
    readonly strategy: string | null,
    readonly caller: Caller,
    /** Target of the conversation's latest turn, if any. */
    readonly previousTarget: string | null,
    /** `false` for an explanation: it must not count for the strong share. */
    readonly live = true,
  ) {
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

/** A live decision was made. Its loss is tolerable: it is only written down. */
export class DecisionMadeEvent {
  constructor(
    readonly requestId: string,
    readonly caller: Caller,
    /** The model name the caller asked for. */
    readonly model: string,
    readonly decision: RouteDecision,
  ) {}
}
