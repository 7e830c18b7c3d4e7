const UNIT: ReadonlyMap<string, number> = new Map([
  ['m', 1e6],
  ['b', 1e9],
  ['t', 1e12],
]);
/**
 * `7b`, `0.6B`, `8x7b`, `e4b`, `30b-a3b`, `1_6b` (after a hyphen), `135m`, `494.03M`; not the `4b` of `4bit` nor the
 * context of `chat-1m`.
 */
const SIZE =
  /(?<![a-z0-9.])[ea]?(?:(\d{1,3})x)?(?:(\d{1,4}(?:\.\d{1,3})?|(?<=-)\d_\d)([bt])|(\d{2,4}(?:\.\d{1,3})?)(m))(?![a-z0-9])/gi;
/** Smaller numbers are no count of parameters. */
const LEAST = 1e5;

/**
 * How many parameters a model has: as its server tells it (a number, also as text, or a size such as "7.6B" or "35B-A3B"), else from its
 * name; `undefined` when neither says. Of several sizes the largest is the whole model, the others its active part.
 */
export function parameterCount(told: unknown, name: string): number | undefined {
  if (Number(told) >= LEAST) return Number(told);
  return (typeof told === 'string' ? largestIn(told) : undefined) ?? largestIn(name);
}

function largestIn(text: string): number | undefined {
  const sizes = [...text.matchAll(SIZE)].map(([, experts = '1', size, unit, millions, mega]) => {
    const number = Number((size ?? millions ?? '').replace('_', '.'));
    return Number(experts) * number * UNIT.get((unit ?? mega ?? '').toLowerCase())!;
  });
  return sizes.length > 0 ? Math.max(...sizes) : undefined;
}
