import type { RouterConfig } from '../../common/config/config.schema.js';
import { answerPrice, costUsd, type Answered } from '../../common/cost.js';
import type { AnsweredPrices } from '../../common/prices/answered-prices.js';
import type { TargetStatus } from '../../common/target.js';
import { estimatedUsage, readUsage, type Usage } from '../../common/usage.js';

/** What one call took. */
export interface CallCost {
  readonly tokens: number;
  /** USD; `null` = the price is unknown. */
  readonly costUsd: number | null;
}

/** What the calls of one request took: tokens, money, and what of both is taken from the caller's limits. */
export class EmbeddingBill {
  tokens = 0;
  /** USD; `null` when the price of a call is unknown. */
  costUsd: number | null = 0;
  /** Of targets without a price as `budgetPrice` has it. */
  billedUsd = 0;
  /** Whether a call was made that has to be paid. */
  pays = false;
  /** Whether a server did not count. */
  private isEstimated = false;
  /** When it was asked for, milliseconds of the epoch: every mention of its cost is of the same hour. */
  private readonly askedAt = Date.now();

  /** @param targets of the configuration in force, for `budgetPrice` @param prices learn who answered */
  constructor(
    private readonly targets: RouterConfig['targets'],
    private readonly prices: Pick<AnsweredPrices, 'note' | 'of' | 'inBudgets'>,
  ) {}

  /** Of what has come; `null` = nothing was asked for. */
  get usage(): Usage | null {
    if (!this.pays) return null;
    if (this.isEstimated) return estimatedUsage(this.tokens, 0);
    return { prompt_tokens: this.tokens, completion_tokens: 0, total_tokens: this.tokens };
  }

  /** A call was answered. @param reported as its server says it @param estimate tokens of its inputs */
  add(answer: Answered, reported: unknown, estimate: number): CallCost {
    const counted = readUsage(reported);
    const tokens = counted?.prompt_tokens ?? counted?.total_tokens ?? null;
    this.isEstimated ||= tokens === null;
    this.prices.note(answer);
    const price = answerPrice(answer);
    return this.charge(tokens ?? estimate, price, price ?? this.prices.inBudgets(answer.target, this.targets));
  }

  /** The caller left while a server had these inputs. @param estimate their tokens */
  addLeft(target: TargetStatus, estimate: number): void {
    this.isEstimated = true;
    const price = this.prices.of(target);
    this.charge(estimate, price, price ?? this.prices.inBudgets(target, this.targets));
  }

  private charge(tokens: number, price: TargetStatus['price'], inBudgets: TargetStatus['price']): CallCost {
    const usage = { prompt_tokens: tokens, completion_tokens: 0 };
    const cost = costUsd(usage, price, this.askedAt);
    this.pays = true;
    this.tokens += tokens;
    this.costUsd = cost === null || this.costUsd === null ? null : this.costUsd + cost;
    this.billedUsd += costUsd(usage, inBudgets, this.askedAt) ?? 0;
    return { tokens, costUsd: cost };
  }
}
