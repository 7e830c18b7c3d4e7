import type { ChatFrame, Completion } from '../../common/chat.js';
import type { RouterConfig } from '../../common/config/config.schema.js';
import { answerPrice, budgetPrice, costUsd, pricePerPair, ratesOf, type Answered } from '../../common/cost.js';
import type { AnsweredPrices } from '../../common/prices/answered-prices.js';
import type { TargetStatus } from '../../common/target.js';
import type { Price } from '../../common/prices/price.js';
import { estimateAnswerTokens } from '../../common/token-estimate.js';
import { TextRun } from '../../common/text-run.js';
import { estimatedUsage, readUsage, type Usage } from '../../common/usage.js';

/** What one request takes from the caller's limits, whatever is known for sure. */
export interface Billed {
  readonly tokens: number;
  /** Of targets without a price as `budgetPrice` has it. */
  readonly usd: number;
}

/** The texts of an exchange, looked at where its server did not count them. */
export interface ExchangedTexts {
  /** Tokens of everything that was sent, estimated. */
  promptTokens(): number;
  /** What was received, as far as it has come. */
  answer(): Completion;
}

const UNKNOWN: Usage = Object.freeze({ prompt_tokens: null, completion_tokens: null, total_tokens: null });
const NOTHING: Billed = Object.freeze({ tokens: 0, usd: 0 });

/**
 * What the answers of one request took: the one that goes out, and those that were asked for and not used (cascade). The
 * server's own count is taken where it covers all that was received; else both sides are estimated from the texts.
 */
export class AnswerBill {
  /** USD of answers that are not used; `null` when one is unknown. */
  extraCostUsd: number | null = 0;
  /** What they took from the limits. */
  extra: Billed = NOTHING;
  /** When it was asked for, milliseconds of the epoch: every mention of its cost is of the same hour. */
  private readonly askedAt = Date.now();
  private reported: unknown = null;
  /** More was said after the server had counted. */
  private saidSince = false;

  /** @param targets of the configuration in force, for `budgetPrice` @param prices learn who answered */
  constructor(
    private readonly targets: RouterConfig['targets'],
    private readonly prices: Pick<AnsweredPrices, 'note' | 'of' | 'inBudgets'>,
  ) {}

  /** Takes note of a frame that goes to the caller. */
  note(frame: ChatFrame): void {
    if (frame instanceof TextRun) {
      this.saidSince ||= this.reported !== null && frame.piece !== '';
      return;
    }
    const { json } = frame;
    if (json.usage) {
      this.reported = json.usage;
      this.saidSince = false;
    } else if (this.reported !== null && !this.saidSince) {
      this.saidSince = saysSomething(json);
    }
  }

  /** An answer that was whole and is not used. */
  addUnused(answer: Answered, texts: ExchangedTexts): void {
    const json = texts.answer();
    const usage = readUsage(json.usage) ?? estimatedUsage(texts.promptTokens(), estimateAnswerTokens(json));
    const cost = this.costUsd(usage, answer);
    this.extraCostUsd = cost === null || this.extraCostUsd === null ? null : this.extraCostUsd + cost;
    const { tokens, usd } = this.billedFor(usage, answer, texts);
    this.extra = { tokens: this.extra.tokens + tokens, usd: this.extra.usd + usd };
  }

  /** Of the answer that goes out, as far as it has come. */
  usage(texts: ExchangedTexts): Usage {
    if (this.reported === null) return estimatedUsage(texts.promptTokens(), estimateAnswerTokens(texts.answer()));
    const counted = readUsage(this.reported) ?? UNKNOWN;
    if (!this.saidSince || counted.prompt_tokens === null || counted.completion_tokens === null) return counted;
    const more = Math.max(0, estimateAnswerTokens(texts.answer()) - counted.completion_tokens);
    const total = counted.total_tokens ?? counted.prompt_tokens + counted.completion_tokens; // may have others besides
    return {
      ...{ ...counted, ...estimatedUsage(counted.prompt_tokens, counted.completion_tokens + more) },
      total_tokens: Math.max(total, counted.prompt_tokens + counted.completion_tokens) + more,
    };
  }

  /** USD of an answer; `null` when a count or the price is unknown. */
  costUsd(usage: Usage | null, answer: Answered): number | null {
    return costUsd(usage, this.priceOf(answer), this.askedAt);
  }

  /** @param answer `null` = none had begun */
  billed(usage: Usage | null, answer: Answered | null, texts: ExchangedTexts): Billed {
    if (!usage || !answer) return this.extra;
    const { tokens, usd } = this.billedFor(usage, answer, texts);
    return { tokens: tokens + this.extra.tokens, usd: usd + this.extra.usd };
  }

  /** Whose prompt costs the most of these; `null` = they are free. A price that nobody knows is not nothing. */
  dearest(targets: readonly TargetStatus[]): TargetStatus | null {
    let found: TargetStatus | null = null;
    let highest = -1;
    for (const target of targets) {
      const price = this.prices.inBudgets(target, this.targets);
      if (price && pricePerPair(price) === 0) continue;
      const rate = price ? ratesOf(price, 0, this.askedAt).input : 0;
      if (rate > highest) found = target;
      highest = Math.max(highest, rate);
    }
    return found;
  }

  /** Where no answer says which model it is of, those before it do. */
  private priceOf(answer: Answered): Price | null {
    return answer.isUnheard ? this.prices.of(answer.target) : answerPrice(answer);
  }

  private priceInBudgets({ target, isUnheard }: Answered): Price | null {
    return isUnheard ? this.prices.inBudgets(target, this.targets) : budgetPrice(target, this.targets);
  }

  private billedFor(usage: Usage, answer: Answered, texts: ExchangedTexts): Billed {
    if (!answer.isUnheard) this.prices.note(answer);
    const prompt = usage.prompt_tokens ?? texts.promptTokens();
    const completion = usage.completion_tokens ?? estimateAnswerTokens(texts.answer());
    const price = this.priceOf(answer) ?? this.priceInBudgets(answer);
    const isCounted = usage.prompt_tokens !== null && usage.completion_tokens !== null;
    const whole = isCounted ? usage : { ...usage, prompt_tokens: prompt, completion_tokens: completion };
    const usd = costUsd(whole, price, this.askedAt) ?? 0;
    return { tokens: usage.total_tokens ?? prompt + completion, usd };
  }
}

/** Whether a frame of a stream carries more than names. */
function saysSomething({ choices }: Completion): boolean {
  for (const { delta } of choices ?? []) {
    for (const [field, value] of Object.entries(delta ?? {})) {
      if (field !== 'role' && value !== null && value !== undefined && value !== '') return true;
    }
  }
  return false;
}
