import type { TargetConfig } from '../config/config.schema.js';
import { answerPrice, budgetPrice, pricePerPair, type Answered, type Priced } from '../cost.js';
import type { TargetStatus } from '../target.js';
import { dearestPrice, targetPriceList } from './price-lists.js';
import type { Price, PriceListName } from './price.js';

type NamedTarget = Priced & Pick<TargetStatus, 'id' | 'model'>;

/** What answered from a target until now, as long as it is described so. */
interface Heard {
  readonly list: PriceListName;
  readonly asked: string;
  /** The dearest; `null` = the table knows none of them. */
  price: Price | null;
}

/**
 * What the models that answered cost. Only an answer says which model is behind a deployment that has a name of its own, or
 * which version behind another name; what is set aside for the next request follows from it.
 */
export class AnsweredPrices {
  /** By id of the target. */
  private readonly heard = new Map<string, Heard>();
  /** Of targets as they are configured: looked up once, not with every request. */
  private readonly lists = new WeakMap<object, PriceListName | null>();

  /** Takes note of who answered. */
  note(answer: Answered): void {
    const { id, priceList, model } = answer.target;
    if (!priceList) return;
    const price = answerPrice(answer);
    const before = this.heardOf(id, priceList, model);
    if (!before) this.heard.set(id, { list: priceList, asked: model, price });
    else if (price && (!before.price || pricePerPair(price) > pricePerPair(before.price))) before.price = price;
  }

  /** The price of a target: of the dearest model that answered, else as it is configured. */
  of({ id, priceList, model, price }: Pick<TargetStatus, 'id' | 'priceList' | 'model' | 'price'>): Price | null {
    return (priceList && this.heardOf(id, priceList, model)?.price) || price;
  }

  /** Whether the next answer of a target can be counted: its price is known, or the table may know the model that answers. */
  mayCount(target: TargetStatus): boolean {
    const { id, priceList, model, simulated } = target;
    if (simulated || this.of(target) !== null) return true;
    return Boolean(priceList) && !this.heardOf(id, priceList!, model);
  }

  /**
   * What tokens of a target count in budgets until its answer tells: its price; where only an answer will name it, the
   * dearest of its list; where nobody will, `budgetPrice`.
   */
  inBudgets(target: NamedTarget & Pick<TargetStatus, 'priceList'>, targets: readonly Priced[]): Price | null {
    return this.toSetAside(target, target.priceList ?? null, targets);
  }

  /** As `inBudgets`, of a target as it is configured. */
  forNeed(target: TargetConfig, targets: readonly Priced[]): Price | null {
    return this.toSetAside(target, this.listOf(target), targets);
  }

  private toSetAside(target: NamedTarget, list: PriceListName | null, targets: readonly Priced[]): Price | null {
    if (list === null) return budgetPrice(target, targets);
    const heard = this.heardOf(target.id, list, target.model);
    return heard?.price ?? target.price ?? (heard ? budgetPrice(target, targets) : dearestPrice(list));
  }

  private heardOf(id: string, list: PriceListName, asked: string): Heard | undefined {
    const heard = this.heard.get(id);
    return heard?.list === list && heard.asked === asked ? heard : undefined;
  }

  private listOf(target: TargetConfig): PriceListName | null {
    let list = this.lists.get(target);
    if (list === undefined) this.lists.set(target, (list = targetPriceList(target)));
    return list;
  }
}
