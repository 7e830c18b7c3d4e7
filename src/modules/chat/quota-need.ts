import { countsMoney, countsTokens, type Accounts } from '../../common/accounts.js';
import { partsOf, type ChatMessage, type ChatRequest } from '../../common/chat.js';
import type { RouterConfig } from '../../common/config/config.schema.js';
import { mostCostUsd, type AudioSides } from '../../common/cost.js';
import type { AnsweredPrices } from '../../common/prices/answered-prices.js';
import type { QuotaNeed } from '../quota/quota.messages.js';
import type { ChatAsk } from './chat.messages.js';
import { answerRoom, estimateRequestTokens, mostTextTokens, tokensAskedFor } from '../../common/token-estimate.js';

/**
 * The longest answer, or conversation, that money is set aside for where the caller set no limit, tokens. Most models
 * stop at this or earlier by themselves.
 */
const LONGEST_UNLIMITED = 32_768;
/** A cascade asks the cheap side, asks it again to confirm, and asks the strong side. */
const CASCADE_ANSWERS = 3;
const NO_OTHERS: RouterConfig['targets'] = [];
const NOTHING: QuotaNeed = Object.freeze({ tokens: 0, usd: 0 });

/** What of a request decides how much it may take. In front of one with a session comes a conversation of unknown length. */
type CountedRequest = Pick<ChatAsk, 'request' | 'sessionId' | 'strategy'>;

/**
 * What a request may use at most, before anything is decided; settled to what it used at the end. Counted is all that is
 * sent (messages, tools, schemas, files) and every answer that may be asked for: a cascade asks for three, hedging asks
 * several targets at once. Money is set aside for the dearest target that may answer and for the longest answer, so that
 * requests side by side cannot spend what is not there. Nothing is counted where no account asks for it.
 */
export function quotaNeed(
  { request, sessionId, strategy }: CountedRequest,
  accounts: Accounts,
  { targets, models, resilience, limits }: Pick<RouterConfig, 'targets' | 'models' | 'resilience' | 'limits'>,
  prices: Pick<AnsweredPrices, 'forNeed'>,
): QuotaNeed {
  if (!countsTokens(accounts) && !countsMoney(accounts)) return NOTHING;
  const answers = request.n ?? 1;
  const prompt = estimateRequestTokens(request, mostTextTokens);
  const asked = tokensAskedFor(request);
  const model = models.find(({ name }) => name === request.model);
  const candidates = model?.targets ?? [request.model];
  const audio = audioSides(request, sessionId);
  const costs: number[] = [];
  for (const target of targets) {
    if (!candidates.includes(target.id)) continue;
    const { contextWindow = Infinity } = target;
    const unlimited = Math.min(LONGEST_UNLIMITED, contextWindow);
    const sent = Math.min(contextWindow, sessionId === null ? prompt : prompt + unlimited);
    const price = prices.forNeed(target, limits.unpriced === 'refuse' ? NO_OTHERS : targets);
    // no limit of the caller holds what is reasoned beside its answer
    const beside = price?.reasoningApart && asked !== undefined ? unlimited : 0;
    costs.push(mostCostUsd(sent, ((asked ?? unlimited) + beside) * answers, price, audio) ?? 0);
  }
  const cascades = (strategy ?? model?.strategy) === 'cascade' && costs.length > 1 && request.stream !== true;
  const tokens = prompt + answerRoom(request, null) * answers;
  return {
    tokens: cascades ? tokens * CASCADE_ANSWERS : tokens,
    usd: costOfAll(costs, cascades, resilience.hedgeAfterMs > 0),
  };
}

/** What is neither text nor an image may be audio, and so may what a session has kept. */
function audioSides(request: ChatRequest, sessionId: string | null): AudioSides {
  const { modalities } = request;
  return {
    sendsAudio: sessionId !== null || request.messages.some(mayHaveAudio),
    wantsAudio: Array.isArray(modalities) && modalities.includes('audio'),
  };
}

const mayHaveAudio = (message: ChatMessage): boolean =>
  (message['audio'] ?? null) !== null || partsOf(message).some(({ type }) => type !== 'text' && type !== 'image_url');

/** @param costs of one answer of each target that may be asked, USD */
function costOfAll(costs: readonly number[], cascades: boolean, hedges: boolean): number {
  let [sum, dearest, second] = [0, 0, 0];
  for (const usd of costs) {
    sum += usd;
    second = Math.max(second, Math.min(dearest, usd));
    dearest = Math.max(dearest, usd);
  }
  if (hedges) return cascades ? sum * CASCADE_ANSWERS : sum;
  // the strong side has the dearest target, so the cheap side's answers cost the second at most
  return cascades ? dearest + second * (CASCADE_ANSWERS - 1) : dearest;
}
