import { readFileSync } from 'node:fs';
import { configJsonSchema, configJsonSchemaText } from './json-schema.js';

interface Schema {
  anyOf?: Schema[];
  type?: string;
  pattern?: string;
  default?: unknown;
  description?: string;
  additionalProperties?: Schema;
  properties: Record<string, Schema>;
  items: Schema;
}

describe('router.config.schema.json', () => {
  const root = configJsonSchema() as unknown as Schema;

  it('is up to date (npm run config:schema writes it)', () => {
    expect(readFileSync('router.config.schema.json', 'utf8')).toBe(configJsonSchemaText());
  });

  it.each([
    ['a number', root.properties.server?.properties.port],
    ['a boolean', root.properties.cache?.properties.enabled],
    ['a choice', root.properties.cache?.properties.scope],
    ['a URL', root.properties.targets?.items.properties.baseUrl],
    ['an optional URL', root.properties.redis?.properties.url],
    ['a name', root.properties.targets?.items.properties.id],
  ])('accepts a placeholder for %s', (_, schema) => {
    const accepts = schema?.anyOf?.some(({ pattern }) => pattern && new RegExp(pattern).test('${VAR:-1}'));
    expect(accepts).toBe(true);
  });

  it('says of every key what it is for', () => {
    const undescribed = (schema: Schema, path: string): string[] =>
      Object.entries(schema.properties ?? {}).flatMap(([key, value]) => {
        const inner = [value.items, value.additionalProperties].find((it) => it?.properties) ?? value;
        return inner.properties || value.description ? undescribed(inner, `${path}${key}.`) : [path + key];
      });
    expect(undescribed(root, '')).toEqual([]);
  });

  it('still says the type of a number and its default', () => {
    expect(root.properties.server?.properties.port).toMatchObject({ default: 8080, anyOf: [{ type: 'integer' }, {}] });
  });
});
