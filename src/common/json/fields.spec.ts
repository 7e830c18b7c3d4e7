import { ownField, setOwnField } from './fields.js';

describe('fields named from outside', () => {
  it('what an object inherits is not there', () => {
    for (const name of ['__proto__', 'constructor', 'toString']) expect(ownField({}, name)).toBeUndefined();
    expect(ownField(JSON.parse('{"__proto__":1}') as Record<string, unknown>, '__proto__')).toBe(1);
  });

  it('a field named __proto__ is a field like any other', () => {
    const fields: Record<string, unknown> = {};
    for (const name of ['__proto__', 'constructor', 'a']) setOwnField(fields, name, { polluted: true });
    expect(Object.keys(fields)).toEqual(['__proto__', 'constructor', 'a']);
    expect(Object.getPrototypeOf(fields)).toBe(Object.prototype);
    expect(JSON.stringify(fields)).toContain('"__proto__":{"polluted":true}');
  });
});
