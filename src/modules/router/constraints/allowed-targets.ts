import {
  ContextLengthExceeded,
  InvalidRequest,
  ModelNotAllowed,
  PrivacyNoLocalTarget,
} from '../../../common/app-error.js';
import { partsOf, type ChatMessage, type ChatRequest } from '../../../common/chat.js';
import type { RouterConfig } from '../../../common/config/config.schema.js';
import type { HistoryTurn } from '../../../common/conversation.js';
import type { AnsweredPrices } from '../../../common/prices/answered-prices.js';
import { onlyEmbeds, type Capability, type TargetStatus } from '../../../common/target.js';
import { unavailable, whyDown } from '../../../common/targets-down.js';
import { answerRoom, estimateRequestTokens, tokensAskedFor } from '../../../common/token-estimate.js';
import { findPrivateText } from '../../../common/privacy/private-text.js';

export interface Excluded {
  readonly target: string;
  readonly why: string;
}

/** What the hard constraints leave. */
export interface AllowedTargets {
  /** At least one, in configured order. */
  readonly allowed: readonly TargetStatus[];
  readonly excluded: readonly Excluded[];
  /** Those that only their present state excludes. */
  readonly down: readonly TargetStatus[];
  /** Whether private text kept the request from a cloud target. */
  readonly keptLocal: boolean;
}

interface Need {
  readonly capability: Capability;
  /** Field of the request that needs it. */
  readonly param: string;
  readonly cure: string;
}

type Why = (target: TargetStatus) => string | null;

/** Of the targets those that nothing speaks against; the others are noted. */
function keep(from: readonly TargetStatus[], why: Why, excluded: Excluded[]): readonly TargetStatus[] {
  if (from.every((target) => why(target) === null)) return from;
  return from.filter((target) => {
    const reason = why(target);
    if (reason !== null) excluded.push({ target: target.id, why: reason });
    return reason === null;
  });
}

/** What the constraints look at besides the targets. */
export interface ConstraintInput {
  readonly request: ChatRequest;
  readonly history: readonly HistoryTurn[];
  readonly config: Pick<RouterConfig, 'privacy'>;
  /** Where the caller's budget must be able to count the answer (`limits.unpriced: refuse`): what is known of prices. */
  readonly onlyPriced: Pick<AnsweredPrices, 'mayCount'> | null;
  /** 0 to 1; spreads `Retry-After` so that callers do not come back together. */
  readonly random: () => number;
}

/**
 * Takes out the targets that cannot or must not answer, in the order of DESIGN section 6. Each step that leaves none
 * throws its own error, so the caller learns the first thing to change.
 *
 * @param targets those of the model that the caller may use at all
 * @throws InvalidRequest, ContextLengthExceeded, ModelNotAllowed, PrivacyNoLocalTarget, NoTargetAvailable
 */
export function allowedTargets(targets: readonly TargetStatus[], input: ConstraintInput): AllowedTargets {
  const { request, history } = input;
  const excluded: Excluded[] = [];
  let left = keep(targets, (target) => (onlyEmbeds(target) ? 'only_embeds' : null), excluded);
  if (left.length === 0) {
    throw new InvalidRequest(
      'This model makes embeddings alone, by POST /v1/embeddings. Name one that answers.',
      'model',
    );
  }
  for (const { capability, cure, param } of needsOf(request, history)) {
    left = keep(left, ({ capabilities }) => (capabilities.includes(capability) ? null : `no_${capability}`), excluded);
    if (left.length === 0) throw new InvalidRequest(cure, param);
  }
  left = choosing(left, request, excluded);
  left = fitting(left, request, excluded);
  if (input.onlyPriced) left = priced(left, input.onlyPriced, excluded);
  const beforePrivacy = left.length;
  left = localIfPrivate(left, input, excluded);
  const keptLocal = left.length < beforePrivacy;
  const down = left.filter((target) => whyDown(target) !== null);
  left = keep(left, whyDown, excluded);
  if (left.length === 0) throw unavailable(down, input.random());
  return { allowed: left, excluded, down, keptLocal };
}

/** Anthropic's models give one answer a request. */
function choosing(targets: readonly TargetStatus[], { n }: ChatRequest, excluded: Excluded[]): readonly TargetStatus[] {
  if ((n ?? 1) <= 1) return targets;
  const left = keep(targets, ({ provider }) => (provider === 'anthropic' ? 'one_choice_only' : null), excluded);
  if (left.length > 0) return left;
  throw new InvalidRequest(
    'No target of this model gives several choices. Leave out n, or name a model that can.',
    'n',
  );
}

function fitting(
  targets: readonly TargetStatus[],
  request: ChatRequest,
  excluded: Excluded[],
): readonly TargetStatus[] {
  const prompt = estimateRequestTokens(request);
  const asked = tokensAskedFor(request);
  const fits = ({ contextWindow: window }: TargetStatus) =>
    window === null || prompt + answerRoom(request, window) <= window;
  const left = keep(targets, (target) => (fits(target) ? null : 'window_too_small'), excluded);
  if (left.length > 0) return left;
  const largest = Math.max(0, ...targets.map((target) => target.contextWindow ?? 0));
  const wanted = asked
    ? `and max_tokens asks for ${asked} more`
    : `and an answer about ${answerRoom(request, largest)} more`;
  throw new ContextLengthExceeded(
    `The messages take about ${prompt} tokens ${wanted}, but the largest context window here is ${largest} tokens. ` +
      `Shorten the messages${asked ? ' or lower max_tokens' : ''}.`,
    'messages',
  );
}

function priced(
  targets: readonly TargetStatus[],
  prices: Pick<AnsweredPrices, 'mayCount'>,
  excluded: Excluded[],
): readonly TargetStatus[] {
  const left = keep(targets, (target) => (prices.mayCount(target) ? null : 'no_price'), excluded);
  if (left.length > 0) return left;
  throw new ModelNotAllowed(
    'You have a monthly budget, and no target that could take this request has a price (targets[].price), so its cost ' +
      'cannot be counted. Name another model, or have a price or limits.unpriced: count set.',
    'model',
  );
}

function localIfPrivate(
  targets: readonly TargetStatus[],
  { request, history, config: { privacy } }: ConstraintInput,
  excluded: Excluded[],
): readonly TargetStatus[] {
  if (!privacy.localOnly || targets.every((target) => target.tier === 'local')) return targets;
  const { kinds, field } = findPrivateText(request, history, privacy.detect);
  if (kinds.length === 0) return targets;
  const left = keep(targets, ({ tier }) => (tier === 'local' ? null : 'private_text'), excluded);
  if (left.length > 0) return left;
  throw new PrivacyNoLocalTarget(
    `The request contains private text (${kinds.join(', ')}), which may only go to a local target, and no local ` +
      'target of this model can take the request. Remove it, or name a model with a local target.',
    field,
  );
}

/** What the request needs beyond plain text. A target that lists no capability is taken to know nothing more. */
function needsOf(request: ChatRequest, history: readonly HistoryTurn[]): Need[] {
  const needs: Need[] = [];
  const need = (capability: Capability, param: string, cure: string) => needs.push({ capability, param, cure });
  const toolField = (['tools', 'functions'] as const).find(
    (field) => Array.isArray(request[field]) && request[field].length > 0,
  );
  if (toolField) {
    need(
      'tools',
      toolField,
      `No target of this model can call tools. Leave out ${toolField}, or name a model that can.`,
    );
  }
  const image = request.messages.findIndex(hasImage);
  if (image >= 0 || history.some((turn) => turn.messages.some(hasImage))) {
    const param = image >= 0 ? `messages[${image}].content` : 'messages';
    need(
      'vision',
      param,
      'No target of this model can read images. Leave out image_url parts, or name a model that can.',
    );
  }
  const format = request.response_format?.type;
  if (format === 'json_object' || format === 'json_schema') {
    need(
      'json',
      'response_format',
      `No target of this model can promise ${format}. Leave out response_format, or name a model that can.`,
    );
  }
  return needs;
}

const hasImage = (message: ChatMessage): boolean => partsOf(message).some(({ type }) => type === 'image_url');
