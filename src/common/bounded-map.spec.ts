import { collectGarbage } from '../../test/support/collected-garbage.js';
import { BoundedMap } from './bounded-map.js';

it('lets the entry leave that was set the longest ago', () => {
  const map = new BoundedMap<string, number>(2).set('a', 1).set('b', 2).set('a', 3).set('c', 4);
  expect([...map]).toEqual([
    ['a', 3],
    ['c', 4],
  ]);
});

it('keeps no more than its weight, and nothing that alone is heavier', () => {
  const map = new BoundedMap<string, string>(10, 5, ({ length }) => length);
  map.set('a', 'aa').set('b', 'bb').set('b', 'b').set('c', 'cc');
  expect([[...map.keys()], map.weight]).toEqual([['a', 'b', 'c'], 5]);
  map.set('d', 'd');
  expect([[...map.keys()], map.weight]).toEqual([['b', 'c', 'd'], 4]);
  map.delete('c');
  map.set('e', '123456');
  expect([[...map.keys()], map.weight]).toEqual([[], 0]);
});

it('keeps its order whatever leaves, comes again or is cleared in between', () => {
  const map = new BoundedMap<number, number>(5);
  let model: number[] = [];
  for (let step = 0; step < 5_000; step += 1) {
    const key = (step * 7_919) % 12;
    model = model.filter((known) => known !== key);
    if (step % 97 === 0) {
      map.clear();
      model = [];
    } else if (step % 5 === 0) map.delete(key);
    else {
      map.set(key, step);
      model = [...model, key].slice(-5);
    }
    expect([...map.keys()]).toEqual(model);
  }
});

/** Bytes of the heap after a full collection. */
function heapBytes(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

type Change = (map: BoundedMap<string, string>, n: number) => unknown;

it.each<[string, Change]>([
  ['is set again and again', (map, n) => map.set(`key ${n % 20}`, `${n}`)],
  ['has entries that come and go', (map, n) => map.set(`key ${n}`, `${n}`).delete(`key ${n}`)],
  ['is cleared', (map, n) => (n % 50 === 0 ? map.clear() : map.set(`key ${n}`, `${n}`))],
  ['is full', (map, n) => map.set(`key ${n}`, `${n}`)],
  ['is full and set again', (map, n) => map.set(`key ${n - (n % 3)}`, `${n}`)],
])('keeps nothing of what has left a map that %s', (_, change) => {
  const map = new BoundedMap<string, string>(100);
  const churn = (times: number): void => {
    for (let n = 0; n < times; n += 1) change(map, n);
  };
  churn(10_000);
  const before = heapBytes();
  churn(1_000_000);
  expect(heapBytes() - before).toBeLessThan(10e6);
});
