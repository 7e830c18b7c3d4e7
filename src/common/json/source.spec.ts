import { outlineOf } from './outline.js';
import { parseKeepingNumbers } from './numbers.js';
import { repeatedFields } from './repeats.js';
import { JsonSource } from './source.js';

const sourceOf = (text: string): JsonSource => new JsonSource(text, outlineOf(text), false);

describe('the text of a body', () => {
  it.each([
    ['{"a":1,"b":2}', { a: '9' }, '{"a":9,"b":2}'],
    ['{ "a" : {"a":1} , "b":[2,{"a":3}] }', { b: '0' }, '{ "a" : {"a":1} , "b":0}'],
    ['{"a":1}', { c: '3', d: '4' }, '{"a":1,"c":3,"d":4}'],
    ['{}', { c: '3', d: '4' }, '{"c":3,"d":4}'],
    ['{ }', { c: '3' }, '{"c":3 }'],
    ['{"\\u0061":"x\\"}","b":"\\\\"}', { a: '1' }, '{"\\u0061":1,"b":"\\\\"}'],
    ['{"a":"}{][,:","b":-1.5e+3}', { b: 'null' }, '{"a":"}{][,:","b":null}'],
  ])('%s with %j', (text, members, wanted) => {
    const got = sourceOf(text).with(members);
    expect(got).toBe(wanted);
    expect(() => JSON.parse(got) as unknown).not.toThrow();
  });

  it('has the items of a list, and an object by itself', () => {
    const source = sourceOf('{"a":[ {"x":1.0} , "s,]" ,[2]],"b":[],"c":{"d":1},"e":7}');
    expect(source.itemsOf('a')).toEqual(['{"x":1.0}', '"s,]"', '[2]']);
    expect([source.itemsOf('b'), source.itemsOf('e'), source.itemsOf('none')]).toEqual([[], [], []]);
    expect(source.member('c')?.with({ d: '2' })).toBe('{"d":2}');
    expect([source.member('a'), source.member('none')]).toEqual([null, null]);
  });

  it.each([
    ['{"a":[1,2,{"b":[]}],"c":"[{"}', { depth: 4, containers: 4, fields: 3, commas: 3, wideNumbers: 0 }],
    ['[1234567890123456]', { depth: 1, containers: 1, fields: 0, commas: 0, wideNumbers: 1 }],
    ['[1e5,"1234567890123456"]', { depth: 1, containers: 1, fields: 0, commas: 1, wideNumbers: 1 }],
  ])('%s is counted', (text, counts) => expect(outlineOf(text)).toMatchObject(counts));

  it('names what stands twice', () => {
    expect(repeatedFields('{"a":1,"b":[{"c":1,"c":2}],"\\u0061":2,"d":{"a":1}}')).toEqual(['b[0].c', 'a']);
  });

  it.each([
    '9007199254740993',
    '1e400',
    '0.1234567890123456789',
    '-9223372036854775808',
    '1.0',
    '0.1',
    '123456789012345.5',
  ])('the number %s is kept where it would be rounded', (number) => {
    const kept = JSON.stringify(parseKeepingNumbers(`{"a":[${number}]}`));
    expect([`{"a":[${number}]}`, `{"a":[${String(Number(number))}]}`]).toContain(kept);
    if (Number(number) !== 1) expect(kept).toBe(`{"a":[${number}]}`);
  });
});
