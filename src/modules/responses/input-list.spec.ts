import { InvalidRequest } from '../../common/app-error.js';
import { listJson } from './input-list.js';

describe('a page of the input of a response', () => {
  const items = ['a', 'b', 'c'].map((id) => ({ id }));
  const pageOf = (after: string | undefined) => listJson(items, { limit: 1, order: 'asc', after });

  it('begins behind the item that it is asked to', () => {
    expect([pageOf(undefined), pageOf('a'), pageOf('c')].map(({ data }) => data)).toEqual([[items[0]], [items[1]], []]);
  });

  it('is none behind an item that is not there', () => {
    expect(() => pageOf('zzz')).toThrow(InvalidRequest);
    expect(() => pageOf('zzz')).toThrow(/^after: .*last_id/);
  });
});
