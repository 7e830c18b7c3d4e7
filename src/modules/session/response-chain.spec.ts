import { chainOf } from './response-chain.js';
import type { Turn } from './session.messages.js';

const turn = (id: string, previous?: string | null): Turn =>
  ({ id, ...(previous === undefined ? {} : { response: { id: `r${id}`, previous } }) }) as unknown as Turn;

const ids = (chain: ReturnType<typeof chainOf>): string => chain?.turns.map(({ id }) => id).join('') ?? 'none';

describe('chainOf', () => {
  const forked = [turn('1', null), turn('2', 'r1'), turn('3', 'r1'), turn('4', 'r2'), turn('5', 'r3')];

  it.each([
    ['r1', '1'],
    ['r4', '124'],
    ['r5', '135'],
  ])('goes from %s back by its own way', (id, expected) => {
    expect(ids(chainOf(forked, id, false))).toBe(expected);
    expect(chainOf(forked, id, false)?.isWhole).toBe(true);
  });

  it('does not know a response of another session', () => expect(chainOf(forked, 'r9', true)).toBeNull());

  it('is not whole where one before it is missing', () => {
    expect(chainOf(forked.slice(1), 'r4', false)).toEqual({ turns: [forked[1], forked[3]], isWhole: false });
    expect(chainOf([forked[0]!, forked[3]!], 'r4', true)?.isWhole).toBe(false);
  });

  it.each([true, false])('takes all before a response that goes on with its session (all known: %s)', (hasAll) => {
    const turns = [turn('1'), turn('2', 'session'), turn('3'), turn('4', 'r2'), turn('5', 'r4')];
    const chain = chainOf(turns, 'r5', hasAll);
    expect(ids(chain)).toBe('1245');
    expect(chain?.isWhole).toBe(hasAll);
  });
});
