import type { RouterConfig } from '../../common/config/config.schema.js';
import type { ChatRequest } from '../../common/chat.js';
import { costUsd } from '../../common/cost.js';
import type { QuotaNeed } from '../quota/quota.messages.js';
import { answerReserve, estimateTokens } from '../../common/token-estimate.js';

/** Window that an answer's reserve is taken from before a target is chosen, tokens. */
const UNDECIDED_WINDOW = 8192;
/**
 * The longest answer, or conversation, that money is set aside for where the caller set no limit, tokens. Most models
 * stop at this or earlier by themselves.
 */
const LONGEST_UNLIMITED = 32_768;

/**
 * What a request may use at most, before anything is decided. Tokens are an estimate that is settled later. Money is set
 * aside for the dearest target that may answer and for the longest answer, so that requests side by side cannot spend
 * what is not there; an unknown price counts as 0, as it does in the bill.
 *
 * @param withSession a conversation of unknown length comes in front of the request
 */
export function quotaNeed(
  request: ChatRequest,
  { targets, models }: Pick<RouterConfig, 'targets' | 'models'>,
  withSession: boolean,
): QuotaNeed {
  const answers = request.n ?? 1;
  const prompt = estimateTokens(request.messages);
  const asked = request.max_completion_tokens ?? request.max_tokens;
  const candidates = models.find(({ name }) => name === request.model)?.targets ?? [request.model];
  let usd = 0;
  for (const { id, price, contextWindow = Infinity } of targets) {
    if (!price || !candidates.includes(id)) continue;
    const unlimited = Math.min(LONGEST_UNLIMITED, contextWindow);
    const usage = {
      prompt_tokens: Math.min(contextWindow, withSession ? prompt + unlimited : prompt),
      completion_tokens: (asked ?? unlimited) * answers,
    };
    usd = Math.max(usd, costUsd(usage, price) ?? 0);
  }
  return { tokens: prompt + answerReserve(request, UNDECIDED_WINDOW) * answers, usd };
}
