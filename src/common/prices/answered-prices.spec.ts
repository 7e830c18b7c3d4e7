import type { Target, TargetStatus } from '../target.js';
import { AnsweredPrices } from './answered-prices.js';
import { dearestPrice, listedPrice } from './price-lists.js';

const ours = {
  ...{ id: 'ours', tier: 'cloud', provider: 'azure-openai', model: 'ours', simulated: false },
  ...{ price: null, priceList: 'azure' },
} as unknown as TargetStatus;
const MINI = 'gpt-4o-mini-2024-07-18';
const of = (list: 'azure' | 'openai', model: string) => listedPrice(list, model)!;

describe('prices that answers tell', () => {
  let prices: AnsweredPrices;
  beforeEach(() => (prices = new AnsweredPrices()));
  const heard = (model: string, target: Target = ours) => prices.note({ target, model });

  it('are the dearest of the list before the first answer, which may be counted', () => {
    expect(prices.inBudgets(ours, [])).toBe(dearestPrice('azure'));
    expect(prices.of(ours)).toBeNull();
    expect(prices.mayCount(ours)).toBe(true);
  });

  it('are those of the dearest model that answered', () => {
    for (const model of [MINI, 'gpt-4.1', 'gpt-4o-mini']) heard(model);
    expect(prices.of(ours)).toBe(of('azure', 'gpt-4.1'));
    expect(prices.inBudgets(ours, [])).toBe(of('azure', 'gpt-4.1'));
  });

  it('are unknown when nobody knows the model that answered, until another one does', () => {
    heard('acme');
    const others = [{ tier: 'cloud', provider: 'openai', price: { input: 7, output: 7 } }] as const;
    expect(prices.inBudgets(ours, others)).toBe(others[0].price);
    expect(prices.mayCount(ours)).toBe(false);
    heard(MINI);
    expect(prices.mayCount(ours)).toBe(true);
    heard('acme');
    expect(prices.of(ours)).toBe(of('azure', MINI));
  });

  it('are those of the version that answered, where the name that is asked is cheaper', () => {
    const alias = { ...ours, model: 'gpt-4o', price: of('azure', 'gpt-4o') };
    expect(prices.inBudgets(alias, [])).toBe(alias.price);
    heard('gpt-4o-2024-05-13', alias);
    expect(prices.inBudgets(alias, [])).toBe(of('azure', 'gpt-4o-2024-05-13'));
  });

  it('are forgotten with the model of the target', () => {
    heard(MINI);
    expect(prices.of({ ...ours, model: 'others' })).toBeNull();
    expect(prices.inBudgets({ ...ours, model: 'others' }, [])).toBe(dearestPrice('azure'));
  });

  it('are not looked for where the owner said what it costs, or no list has them', () => {
    const own = { input: 1, output: 1 };
    for (const price of [own, null]) {
      const target = { ...ours, price, priceList: null };
      heard(MINI, target);
      expect(prices.of(target)).toBe(price);
      expect(prices.inBudgets(target, [])).toBe(price);
      expect(prices.mayCount(target)).toBe(price !== null);
    }
  });

  it('find the list of a target as it is configured', () => {
    const { priceList: _, price: _price, ...configured } = ours;
    heard(MINI);
    expect(prices.forNeed(configured as never, [])).toBe(of('azure', MINI));
    expect(prices.forNeed({ ...configured, tier: 'local' } as never, [])).toBeNull();
  });
});
